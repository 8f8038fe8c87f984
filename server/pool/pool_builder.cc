// SPDX-License-Identifier: Apache-2.0
#include "server/pool/pool_builder.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace negatron {
namespace {

// Bounds the memory that waits while a start reads events.
constexpr size_t kMaxPendingEvents = 1 << 20;

// Exposures of a user that are kept: the newest by arrival.
constexpr uint32_t kMaxExposuresPerUser = 4096;

// Calls fn(key, indices) for each run of equal keys in sorted `order`.
template <typename Key, typename Fn>
void ForEachRun(const std::vector<uint32_t>& order, Key key, Fn fn) {
  for (size_t i = 0; i < order.size();) {
    size_t end = i + 1;
    while (end < order.size() && key(order[end]) == key(order[i])) ++end;
    fn(key(order[i]), std::span<const uint32_t>(order).subspan(i, end - i));
    i = end;
  }
}

}  // namespace

PoolBuilder::PoolBuilder(const PoolView& base)
    : view_(base),
      states_(base.states_),
      histories_(base.histories_),
      user_events_(base.user_events_),
      item_exposures_(base.item_exposures_) {}

ItemState PoolBuilder::MakeState(const ItemRecord& record) {
  ItemState state;
  state.implicit = record.implicit;
  state.base_weight = record.base_weight;
  if (!record.alive.empty()) state.first = record.alive[0];
  if (record.alive.size() > 1 || !record.categories.empty() || !record.attributes.empty()) {
    auto more = std::make_shared<ItemState::More>();
    if (record.alive.size() > 1) {
      more->further.assign(record.alive.begin() + 1, record.alive.end());
    }
    for (const std::string& name : record.categories) {
      more->categories.push_back(view_.category_names_.Add(name));
    }
    more->attributes = record.attributes;
    state.more = std::move(more);
  }
  view_.alive_by_category_.resize(view_.category_names_.size());
  return state;
}

void PoolBuilder::ChangeAlive(Ordinal item, const ItemState& state, bool added) {
  const uint32_t weight = AliveIndex::WeightUnits(state.base_weight);
  for (const Interval& alive : state.Intervals()) {
    const AliveIndex::Change change{item, alive, weight, added};
    alive_changes_[kNoCategory].push_back(change);
    for (const CategoryNumber category : state.categories()) {
      alive_changes_[category].push_back(change);
    }
  }
}

Ordinal PoolBuilder::AddItem(const ItemRecord& item) {
  const Ordinal ordinal = view_.items_.Append(item.id);
  states_.Append(MakeState(item));
  ChangeAlive(ordinal, states_[ordinal], true);
  return ordinal;
}

void PoolBuilder::SetItem(Ordinal item, const ItemRecord& record) {
  ApplyEvents();
  edits_ = true;
  const ItemState old_state = states_[item];
  const ItemState state = MakeState(record);
  states_.Mutable(item) = state;
  const bool moves = old_state.Intervals() != state.Intervals() ||
                     old_state.base_weight != state.base_weight ||
                     old_state.categories() != state.categories();
  if (!moves) return;
  ChangeAlive(item, old_state, false);
  ChangeAlive(item, state, true);
  MoveMasses(item, old_state, state);
}

ItemRecord PoolBuilder::Item(Ordinal item) const {
  return RecordOf(item, states_[item], view_.items_, view_.category_names_);
}

Ordinal PoolBuilder::AddUser(const ExternalId& id) {
  const Ordinal ordinal = view_.users_.Append(id);
  histories_.Grow(ordinal + 1);
  user_events_.Grow(ordinal + 1);
  return ordinal;
}

void PoolBuilder::EraseUser(Ordinal user) {
  ApplyEvents();
  edits_ = true;
  view_.users_.Unlink(user);
  view_.history_bytes_ -= histories_[user].bytes();
  histories_.Mutable(user) = {};
  UserEvents& events = user_events_.Mutable(user);
  for (const RingEntry& shown : events.exposures.entries()) {
    CountExposure(shown.item, shown.time, false);
  }
  view_.user_event_bytes_ -= events.bytes();
  events = {};
}

MassIndexEditor& PoolBuilder::Masses(int half_life, MassScope scope) {
  const PoolView::MassKey key{half_life, scope};
  const auto editor = masses_.find(key);
  if (editor != masses_.end()) return editor->second;
  std::shared_ptr<const MassIndex>& index = view_.masses_[key];
  if (index == nullptr) index = view_.MakeMasses(key);
  return masses_.emplace(key, *index).first->second;
}

std::vector<WeightedTime> PoolBuilder::EventsOf(Ordinal item, MassScope scope) const {
  const PoolView::MassKey key{0, scope};
  const auto editor = masses_.find(key);
  const auto index = view_.masses_.find(key);
  static const MassColumn kNone;
  const MassColumn& column = editor != masses_.end()        ? editor->second.column(item)
                             : index != view_.masses_.end() ? index->second->column(item)
                                                            : kNone;
  std::vector<WeightedTime> events(column.size());
  for (uint32_t i = 0; i < column.size(); ++i) events[i] = column.at(i);
  return events;
}

// Adds events of an item to (or takes them out of) the indexes of a kind, under
// every half-life.
void PoolBuilder::ChangeMasses(Ordinal item, const ItemState& state, MassScope::Kind kind,
                               std::span<const WeightedTime> events, int cohort, bool added) {
  if (events.empty()) return;
  const std::vector<Interval> dead = DeadIntervals(state.Intervals());
  for (int h = 0; h < view_.half_life_count(); ++h) {
    if (kind == MassScope::Kind::kCategory) {
      for (const CategoryNumber category : state.categories()) {
        Masses(h, {kind, category}).ChangeLog(item, state.base_weight, dead, events, added);
      }
    } else {
      MassIndexEditor& masses = Masses(h, {kind, static_cast<uint16_t>(cohort)});
      masses.Change(item, state.base_weight, dead, events, added);
      masses.SetLife(item, state.first, state.has_one_life());
    }
  }
}

// An item changed its life, base weight or categories.
void PoolBuilder::MoveMasses(Ordinal item, const ItemState& old_state, const ItemState& state) {
  std::vector<MassScope> scopes;
  for (const auto& [key, index] : view_.masses_) {
    if (key.half_life == 0 && key.scope.kind != MassScope::Kind::kCategory) {
      scopes.push_back(key.scope);
    }
  }
  const bool life_only =
      old_state.base_weight == state.base_weight && old_state.categories() == state.categories();
  for (const MassScope& scope : scopes) {
    const std::vector<WeightedTime> events = EventsOf(item, scope);
    if (events.empty()) continue;
    if (life_only) {
      MoveDead(item, scope, old_state, state, events);
      continue;
    }
    if (scope.kind == MassScope::Kind::kAll && view_.settings_.category_popularity) {
      ChangeMasses(item, old_state, MassScope::Kind::kCategory, events, 0, false);
      ChangeMasses(item, state, MassScope::Kind::kCategory, events, 0, true);
    }
    ChangeMasses(item, old_state, scope.kind, events, scope.number, false);
    ChangeMasses(item, state, scope.kind, events, scope.number, true);
  }
}

// The events of an item stay; only when they belong to a dead item changes.
void PoolBuilder::MoveDead(Ordinal item, MassScope scope, const ItemState& old_state,
                           const ItemState& state, std::span<const WeightedTime> events) {
  const std::vector<Interval> old_dead = DeadIntervals(old_state.Intervals());
  const std::vector<Interval> dead = DeadIntervals(state.Intervals());
  std::vector<MassScope> touched = {scope};
  if (scope.kind == MassScope::Kind::kAll && view_.settings_.category_popularity) {
    for (const CategoryNumber category : state.categories()) {
      touched.push_back({MassScope::Kind::kCategory, category});
    }
  }
  for (int h = 0; h < view_.half_life_count(); ++h) {
    for (const MassScope& each : touched) {
      MassIndexEditor& masses = Masses(h, each);
      masses.ChangeDead(state.base_weight, old_dead, events, -1);
      masses.ChangeDead(state.base_weight, dead, events, 1);
      masses.SetLife(item, state.first, state.has_one_life());
    }
  }
}

void PoolBuilder::AddToRing(const EventRecord& event) {
  const bool mined = event.kind == EventKind::kMined;
  UserEvents& events = user_events_.Mutable(event.user);
  UserRing& ring = mined ? events.mined : events.exposures;
  view_.user_event_bytes_ -= ring.bytes();
  const RingEntry entry{event.time, event.commit_sequence, event.row,
                        event.item, event.weight,          event.propensity};
  const auto limit =
      mined ? static_cast<uint32_t>(view_.settings_.mined_per_user) : kMaxExposuresPerUser;
  const UserRing::Evicted evicted = ring.Add(entry, limit);
  view_.user_event_bytes_ += ring.bytes();
  if (!mined) CountExposure(event.item, event.time, true);
  if (!evicted.any) return;
  const RingEntry& old = evicted.entry;
  if (!mined) CountExposure(old.item, old.time, false);
  evicted_.push_back({old.time, old.commit_sequence, old.row, event.user, old.item, event.kind,
                      old.weight, old.propensity, 0});
}

void PoolBuilder::CountExposure(Ordinal item, Micros time, bool added) {
  exposure_changes_.push_back({item, time, added});
  if (exposure_changes_.size() >= kMaxPendingEvents) ApplyExposures();
}

std::vector<EventRecord> PoolBuilder::TakeEvicted() { return std::exchange(evicted_, {}); }

void PoolBuilder::AddEvent(const EventRecord& event) {
  if (event.kind != EventKind::kPositive) return AddToRing(event);
  edits_ |= event.time < std::max(view_.newest_positive_, view_.watermark_);
  view_.newest_positive_ = std::max(view_.newest_positive_, event.time);
  pending_.push_back(event);
  if (pending_.size() >= kMaxPendingEvents) ApplyEvents();
}

void PoolBuilder::RemoveEvent(const EventRecord& event) {
  if (event.kind != EventKind::kPositive) {
    UserEvents& events = user_events_.Mutable(event.user);
    UserRing& ring = event.kind == EventKind::kMined ? events.mined : events.exposures;
    view_.user_event_bytes_ -= ring.bytes();
    const bool found = ring.Remove(event.commit_sequence, event.row);
    view_.user_event_bytes_ += ring.bytes();
    // What was evicted, or is of an erased user, is not counted any more.
    if (found && event.kind == EventKind::kExposure) CountExposure(event.item, event.time, false);
    return;
  }
  if (!pending_.empty()) ApplyEvents();
  edits_ = true;
  RemoveFromHistory(event);
  if (event.time >= view_.watermark_) removed_.push_back(event);
}

void PoolBuilder::RemoveFromHistory(const EventRecord& event) {
  const UserHistory& old = histories_[event.user];
  const uint32_t position = old.Find(event.item);
  if (position == old.size()) return;  // The user was erased.
  GrowingArray<UserPositive>& repeats = user_events_.Mutable(event.user).repeats;
  const bool first = old.at(position).time == event.time;
  // Either the event itself is among the repeats, or the earliest of them takes
  // its place.
  const UserPositive* moved = nullptr;
  for (const UserPositive& repeat : repeats.view()) {
    if (repeat.item != event.item) continue;
    if (first ? moved == nullptr || repeat.time < moved->time : repeat.time == event.time) {
      moved = &repeat;
    }
  }
  if (first) {
    std::vector<UserPositive> all;
    for (uint32_t i = 0; i < old.size(); ++i) {
      if (i != position) all.push_back(old.at(i));
    }
    if (moved != nullptr) all.push_back(*moved);
    UserHistory& history = histories_.Mutable(event.user);
    view_.history_bytes_ -= history.bytes();
    history.Reset(all);
    view_.history_bytes_ += history.bytes();
  }
  if (moved == nullptr) return;
  KeepRepeats(event.user, [moved](const UserPositive& repeat) { return &repeat != moved; });
}

void PoolBuilder::KeepRepeats(Ordinal user, absl::FunctionRef<bool(const UserPositive&)> keep) {
  GrowingArray<UserPositive>& repeats = user_events_.Mutable(user).repeats;
  GrowingArray<UserPositive> kept;
  for (const UserPositive& repeat : repeats.view()) {
    if (keep(repeat)) kept.Append(repeat);
  }
  view_.user_event_bytes_ += kept.capacity_bytes() - repeats.capacity_bytes();
  repeats = kept;
}

void PoolBuilder::ForgetRepeats(Ordinal user, Ordinal item) {
  KeepRepeats(user, [&](const UserPositive& repeat) {
    return repeat.item != item || repeat.time >= view_.watermark_;
  });
}

void PoolBuilder::ApplyEvents() {
  if (!pending_.empty()) {
    std::vector<uint32_t> order(pending_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto user_of = [this](uint32_t i) { return pending_[i].user; };
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return user_of(a) < user_of(b); });
    ForEachRun(order, user_of, [this](Ordinal user, Pending run) { AddHistory(user, run); });
    ApplyMasses(pending_, true);
    pending_.clear();
  }
  if (removed_.empty()) return;
  ApplyMasses(removed_, false);
  removed_.clear();
}

// Once for many events: one that is late, or taken back, costs a copy of its item's list.
void PoolBuilder::ApplyExposures() {
  if (exposure_changes_.empty()) return;
  std::vector<uint32_t> order(exposure_changes_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [this](uint32_t a, uint32_t b) {
    const ExposureChange& x = exposure_changes_[a];
    const ExposureChange& y = exposure_changes_[b];
    return std::tie(x.item, x.time) < std::tie(y.item, y.time);
  });
  const auto item_of = [this](uint32_t i) { return exposure_changes_[i].item; };
  ForEachRun(order, item_of, [this](Ordinal item, Pending run) {
    std::vector<Micros> added;
    std::vector<Micros> removed;
    for (const uint32_t i : run) {
      (exposure_changes_[i].added ? added : removed).push_back(exposure_changes_[i].time);
    }
    item_exposures_.Grow(item + 1);
    InstantList& list = item_exposures_.Mutable(item);
    view_.item_exposure_bytes_ -= list.bytes();
    list.Change(added, removed);
    view_.item_exposure_bytes_ += list.bytes();
  });
  exposure_changes_.clear();
}

void PoolBuilder::ApplyMasses(const std::vector<EventRecord>& events, bool added) {
  std::vector<uint32_t> order(events.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const EventRecord& x = events[a];
    const EventRecord& y = events[b];
    return std::tie(x.item, x.time, x.weight) < std::tie(y.item, y.time, y.weight);
  });
  const auto item_of = [&](uint32_t i) { return events[i].item; };
  ForEachRun(order, item_of,
             [&](Ordinal item, Pending run) { ChangeItemEvents(item, events, run, added); });
}

void PoolBuilder::ChangeItemEvents(Ordinal item, const std::vector<EventRecord>& all, Pending run,
                                   bool added) {
  const ItemState& state = states_[item];
  std::vector<WeightedTime> events;
  std::map<int, std::vector<WeightedTime>> by_cohort;
  for (const uint32_t i : run) {
    const EventRecord& event = all[i];
    if (event.time < view_.watermark_) continue;
    events.push_back({event.time, event.weight});
    if (view_.settings_.cohort_popularity) {
      by_cohort[event.cohort].push_back({event.time, event.weight});
    }
  }
  if (view_.settings_.category_popularity) {
    ChangeMasses(item, state, MassScope::Kind::kCategory, events, 0, added);
  }
  ChangeMasses(item, state, MassScope::Kind::kAll, events, 0, added);
  for (const auto& [cohort, cohort_events] : by_cohort) {
    ChangeMasses(item, state, MassScope::Kind::kCohort, cohort_events, cohort, added);
  }
}

void PoolBuilder::AddHistory(Ordinal user, Pending run) {
  UserHistory& history = histories_.Mutable(user);
  view_.history_bytes_ -= history.bytes();
  std::vector<UserPositive> repeats;
  for (const uint32_t i : run) {
    const UserPositive fresh{pending_[i].item, pending_[i].time};
    const uint32_t position = history.Find(fresh.item);
    if (position == history.size()) {
      history.Append(fresh);
      continue;
    }
    const UserPositive known = history.at(position);
    repeats.push_back(fresh.time < known.time ? known : fresh);
    if (fresh.time >= known.time) continue;
    std::vector<UserPositive> all;
    for (uint32_t p = 0; p < history.size(); ++p) {
      all.push_back(p == position ? fresh : history.at(p));
    }
    history.Reset(all);
  }
  view_.history_bytes_ += history.bytes();
  if (repeats.empty()) return;
  GrowingArray<UserPositive>& kept = user_events_.Mutable(user).repeats;
  view_.user_event_bytes_ -= kept.capacity_bytes();
  for (const UserPositive& repeat : repeats) kept.Append(repeat);
  view_.user_event_bytes_ += kept.capacity_bytes();
}

void PoolBuilder::SetWatermark(Micros watermark) {
  ApplyEvents();
  edits_ = true;
  const auto drop = [&](MassScope scope) {
    for (Ordinal item = 0; item < states_.size(); ++item) {
      std::vector<WeightedTime> events = EventsOf(item, scope);
      const auto end = std::lower_bound(events.begin(), events.end(), watermark,
                                        [](const WeightedTime& e, Micros t) { return e.time < t; });
      events.erase(end, events.end());
      if (scope.kind == MassScope::Kind::kAll && view_.settings_.category_popularity) {
        ChangeMasses(item, states_[item], MassScope::Kind::kCategory, events, 0, false);
      }
      ChangeMasses(item, states_[item], scope.kind, events, scope.number, false);
    }
  };
  std::vector<MassScope> scopes;
  for (const auto& [key, index] : view_.masses_) {
    if (key.half_life == 0 && key.scope.kind != MassScope::Kind::kCategory) {
      scopes.push_back(key.scope);
    }
  }
  for (const MassScope& scope : scopes) drop(scope);
  view_.watermark_ = watermark;
}

std::shared_ptr<const PoolView> PoolBuilder::Build() && {
  ApplyEvents();
  ApplyExposures();
  for (auto& [key, editor] : masses_) view_.masses_[key] = std::move(editor).Finish();
  const auto intervals = [this](Ordinal item) { return states_[item].Intervals(); };
  const auto weight = [this](Ordinal item) {
    return AliveIndex::WeightUnits(states_[item].base_weight);
  };
  for (auto& [category, changes] : alive_changes_) {
    AliveIndex& alive = category == kNoCategory ? view_.alive_ : view_.alive_by_category_[category];
    alive = alive.With(std::move(changes), intervals, weight);
  }
  view_.states_ = std::move(states_).Finish();
  view_.histories_ = std::move(histories_).Finish();
  view_.user_events_ = std::move(user_events_).Finish();
  view_.item_exposures_ = std::move(item_exposures_).Finish();
  if (edits_) view_.edit_number_ = PoolView::NewEditNumber();
  return std::make_shared<const PoolView>(std::move(view_));
}

}  // namespace negatron
