// SPDX-License-Identifier: Apache-2.0
#include "server/pool/pool_builder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace negatron {
namespace {

// Bounds the memory that waits while a start reads events.
constexpr size_t kMaxPendingEvents = 1 << 20;

// Below this, looking through a history beats hashing it.
constexpr size_t kScanLimit = 64;

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
      lives_(base.lives_),
      item_events_(base.item_events_),
      histories_(base.histories_) {}

ItemLife PoolBuilder::MakeLife(const std::vector<Interval>& alive, bool implicit) {
  ItemLife life;
  life.implicit = implicit;
  if (!alive.empty()) life.first = alive[0];
  if (alive.size() > 1) {
    life.more = std::make_shared<const std::vector<Interval>>(alive.begin() + 1, alive.end());
  }
  return life;
}

void PoolBuilder::AddLiving(const std::vector<Interval>& alive, int sign) {
  for (const Interval& interval : alive) {
    living_deltas_.push_back({interval.from, sign});
    if (interval.until != kNever) living_deltas_.push_back({interval.until, -sign});
  }
}

// An event at e that belongs to an item dead in [d, r) is missing from the
// living mass as of t for max(d, e + 1) <= t < r: it counts from e + 1 on.
void PoolBuilder::AddDeadUnits(const std::vector<Interval>& dead, Micros time, int32_t segment,
                               uint64_t units, int sign) {
  for (const Interval& gap : dead) {
    const Micros from = std::max(gap.from, time + 1);
    if (from >= gap.until) continue;
    const absl::int128 change = absl::int128(units) * sign;
    std::vector<StepFunction::Delta>& deltas = dead_deltas_[segment];
    deltas.push_back({from, change});
    if (gap.until != kNever) deltas.push_back({gap.until, -change});
  }
}

Ordinal PoolBuilder::AddItem(const ExternalId& id, const std::vector<Interval>& alive,
                             bool implicit) {
  const Ordinal ordinal = view_.items_.Append(id);
  lives_.Append(MakeLife(alive, implicit));
  item_events_.Grow(ordinal + 1);
  AddLiving(alive, 1);
  return ordinal;
}

void PoolBuilder::SetLife(Ordinal item, const std::vector<Interval>& alive, bool implicit) {
  ApplyEvents();
  const std::vector<Interval> old_alive = lives_[item].Intervals();
  lives_.Mutable(item) = MakeLife(alive, implicit);
  if (old_alive == alive) return;
  AddLiving(old_alive, -1);
  AddLiving(alive, 1);
  const std::vector<Interval> old_dead = DeadIntervals(old_alive);
  const std::vector<Interval> dead = DeadIntervals(alive);
  for (const ItemEvent& event : item_events_[item].view()) {
    const uint64_t units = view_.decay_.Units(event.weight, event.time);
    AddDeadUnits(old_dead, event.time, event.segment, units, -1);
    AddDeadUnits(dead, event.time, event.segment, units, 1);
  }
}

Ordinal PoolBuilder::AddUser(const ExternalId& id) {
  const Ordinal ordinal = view_.users_.Append(id);
  histories_.Grow(ordinal + 1);
  return ordinal;
}

void PoolBuilder::AddEvent(const EventRecord& event) {
  pending_.push_back(event);
  if (pending_.size() >= kMaxPendingEvents) ApplyEvents();
}

void PoolBuilder::ApplyEvents() {
  if (pending_.empty()) return;
  std::vector<uint32_t> order(pending_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [this](uint32_t a, uint32_t b) { return pending_[a].time < pending_[b].time; });
  for (const uint32_t i : order) {
    const EventRecord& event = pending_[i];
    log_events_.push_back({event.time, event.item, view_.decay_.Units(event.weight, event.time)});
  }
  const auto item_of = [this](uint32_t i) { return pending_[i].item; };
  const auto user_of = [this](uint32_t i) { return pending_[i].user; };
  std::vector<uint32_t> by_key = order;
  std::stable_sort(by_key.begin(), by_key.end(),
                   [&](uint32_t a, uint32_t b) { return item_of(a) < item_of(b); });
  ForEachRun(by_key, item_of, [this](Ordinal item, Pending run) { AddItemEvents(item, run); });
  by_key = std::move(order);
  std::stable_sort(by_key.begin(), by_key.end(),
                   [&](uint32_t a, uint32_t b) { return user_of(a) < user_of(b); });
  ForEachRun(by_key, user_of, [this](Ordinal user, Pending run) { AddHistory(user, run); });
  pending_.clear();
  if (log_events_.size() >= kMaxPendingEvents) FlushLog();
}

void PoolBuilder::FlushLog() {
  if (log_events_.empty()) return;
  std::stable_sort(log_events_.begin(), log_events_.end(),
                   [](const LogEvent& a, const LogEvent& b) { return a.time < b.time; });
  view_.log_ = view_.log_.With(log_events_);
  log_events_.clear();
}

void PoolBuilder::AppendItemEvent(GrowingArray<ItemEvent>* events, Micros time, float weight) {
  const int32_t segment = view_.decay_.Segment(time);
  double mass = static_cast<double>(view_.decay_.Units(weight, time));
  if (!events->empty()) mass += Decay::Carry(events->back().mass, events->back().segment, segment);
  events->Append({time, mass, weight, segment});
}

void PoolBuilder::AddItemEvents(Ordinal item, Pending run) {
  GrowingArray<ItemEvent>& events = item_events_.Mutable(item);
  const int64_t bytes_before = events.capacity_bytes();
  const std::vector<Interval> dead = DeadIntervals(lives_[item].Intervals());
  for (const uint32_t i : run) {
    const EventRecord& event = pending_[i];
    AddDeadUnits(dead, event.time, view_.decay_.Segment(event.time),
                 view_.decay_.Units(event.weight, event.time), 1);
  }
  // Events behind the first new one move, so they go to storage of their own.
  const Micros first_time = pending_[run.front()].time;
  const GrowingArray<ItemEvent> old = events;
  uint32_t kept = old.size();
  while (kept > 0 && old[kept - 1].time > first_time) --kept;
  if (kept < old.size()) {
    events = {};
    events.Reserve(old.size() + static_cast<uint32_t>(run.size()));
    for (uint32_t i = 0; i < kept; ++i) events.Append(old[i]);
  }
  for (const uint32_t i : run) {
    const EventRecord& event = pending_[i];
    for (; kept < old.size() && old[kept].time <= event.time; ++kept) {
      AppendItemEvent(&events, old[kept].time, old[kept].weight);
    }
    AppendItemEvent(&events, event.time, event.weight);
  }
  for (; kept < old.size(); ++kept) AppendItemEvent(&events, old[kept].time, old[kept].weight);
  view_.item_event_bytes_ += events.capacity_bytes() - bytes_before;
}

void PoolBuilder::AddHistory(Ordinal user, Pending run) {
  const GrowingArray<UserPositive>& old = histories_[user];
  // Where each item that is already there stands; only the run's items matter.
  absl::flat_hash_map<Ordinal, Micros> known;
  if (old.size() + run.size() > kScanLimit) {
    known.reserve(old.size());
    for (const UserPositive& positive : old.view()) known.emplace(positive.item, positive.time);
  } else {
    for (const uint32_t i : run) {
      for (const UserPositive& positive : old.view()) {
        if (positive.item == pending_[i].item) known.emplace(positive.item, positive.time);
      }
    }
  }
  std::vector<UserPositive> fresh;  // First positives of this run, by time.
  bool moves = false;               // One comes before what is already there.
  for (const uint32_t i : run) {
    const EventRecord& event = pending_[i];
    const auto [position, is_new] = known.try_emplace(event.item, event.time);
    if (!is_new && position->second <= event.time) continue;
    moves |= !is_new || (!old.empty() && event.time < old.back().time);
    position->second = event.time;
    fresh.push_back({event.time, event.item});
  }
  if (fresh.empty()) return;
  GrowingArray<UserPositive>& history = histories_.Mutable(user);
  const int64_t bytes_before = history.capacity_bytes();
  if (!moves) {
    for (const UserPositive& positive : fresh) history.Append(positive);
  } else {
    std::vector<UserPositive> merged;
    for (const UserPositive& positive : old.view()) {
      const auto position = known.find(positive.item);
      if (position == known.end() || position->second == positive.time) merged.push_back(positive);
    }
    merged.insert(merged.end(), fresh.begin(), fresh.end());
    std::stable_sort(merged.begin(), merged.end(),
                     [](const UserPositive& a, const UserPositive& b) { return a.time < b.time; });
    history = {};
    history.Reserve(static_cast<uint32_t>(merged.size()));
    for (const UserPositive& positive : merged) history.Append(positive);
  }
  view_.history_bytes_ += history.capacity_bytes() - bytes_before;
}

void PoolBuilder::FlushDeadUnits() {
  for (auto& [segment, deltas] : dead_deltas_) {
    auto position =
        std::lower_bound(view_.dead_.begin(), view_.dead_.end(), segment,
                         [](const PoolView::DeadUnits& d, int32_t s) { return d.segment < s; });
    if (position == view_.dead_.end() || position->segment != segment) {
      position = view_.dead_.insert(position, {segment, {}});
    }
    position->units = position->units.With(std::move(deltas));
    if (position->units.empty()) view_.dead_.erase(position);
  }
  dead_deltas_.clear();
}

std::shared_ptr<const PoolView> PoolBuilder::Build() && {
  ApplyEvents();
  FlushLog();
  FlushDeadUnits();
  if (!living_deltas_.empty()) view_.living_ = view_.living_.With(std::move(living_deltas_));
  view_.lives_ = std::move(lives_).Finish();
  view_.item_events_ = std::move(item_events_).Finish();
  view_.histories_ = std::move(histories_).Finish();
  return std::make_shared<const PoolView>(std::move(view_));
}

}  // namespace negatron
