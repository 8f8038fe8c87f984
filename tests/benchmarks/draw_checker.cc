// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/draw_checker.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace negatron::bench {
namespace {

constexpr int64_t kNoEvent = std::numeric_limits<int64_t>::max();

}  // namespace

void DrawCounts::Add(const DrawCounts& other) {
  rows += other.rows;
  draws += other.draws;
  for (int v = 0; v < kViolationCount; ++v) violations[v] += other.violations[v];
  sum += other.sum;
  sum_of_squares += other.sum_of_squares;
}

double DrawCounts::standard_error() const {
  const auto n = static_cast<double>(draws);
  return std::sqrt(std::max(0.0, sum_of_squares / n - mean() * mean()) / n);
}

void IntervalCounter::Add(int64_t from, int64_t until) {
  if (from >= until) return;
  starts_.push_back(from);
  ends_.push_back(until);
}

void IntervalCounter::Seal() {
  std::sort(starts_.begin(), starts_.end());
  std::sort(ends_.begin(), ends_.end());
}

int64_t IntervalCounter::CountAt(int64_t time) const {
  const auto up_to = [time](const std::vector<int64_t>& times) {
    return std::upper_bound(times.begin(), times.end(), time) - times.begin();
  };
  return up_to(starts_) - up_to(ends_);
}

const DrawChecker::Scratch::Slot* DrawChecker::Scratch::Find(uint32_t item) const {
  const size_t mask = slots_.size() - 1;
  for (size_t i = (item * 0x9E3779B97F4A7C15ULL) >> 40;; ++i) {
    const Slot& slot = slots_[i & mask];
    if (slot.stamp != stamp_) return nullptr;
    if (slot.item == item) return &slot;
  }
}

void DrawChecker::Scratch::Insert(uint32_t item, Violation reason) {
  if (Find(item) != nullptr) return;
  if ((items_.size() + 1) * 2 > slots_.size()) {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    const uint64_t stamp = stamp_;
    Clear();
    for (const Slot& slot : old) {
      if (slot.stamp == stamp) Insert(slot.item, slot.reason);
    }
  }
  const size_t mask = slots_.size() - 1;
  size_t i = (item * 0x9E3779B97F4A7C15ULL) >> 40;
  while (slots_[i & mask].stamp == stamp_) ++i;
  slots_[i & mask] = {stamp_, item, reason};
  items_.push_back(item);
}

std::span<const DrawChecker::Entry> DrawChecker::Groups::Of(int64_t key) const {
  return std::span<const Entry>(entries).subspan(offsets[key], offsets[key + 1] - offsets[key]);
}

DrawChecker::Groups DrawChecker::Group(int64_t count, std::span<const int64_t> keys,
                                       std::span<const int64_t> items,
                                       std::span<const int64_t> times) {
  Groups groups;
  groups.offsets.assign(count + 1, 0);
  groups.entries.resize(keys.size());
  for (const int64_t key : keys) ++groups.offsets[key + 1];
  for (int64_t k = 0; k < count; ++k) groups.offsets[k + 1] += groups.offsets[k];
  std::vector<int64_t> next = groups.offsets;
  for (size_t i = 0; i < keys.size(); ++i) {
    groups.entries[next[keys[i]]++] = {static_cast<uint32_t>(items[i]), times[i]};
  }
  return groups;
}

DrawChecker::DrawChecker(const CheckCatalogue& catalogue, int64_t window_micros)
    : window_(window_micros), alive_(kCategories + 1), popular_(kCategories + 1) {
  const GeneratedCatalogue& base = catalogue.base;
  const int64_t users = 1 + *std::max_element(base.user_ids.begin(), base.user_ids.end());
  const auto by_user = [&](const UserColumns& columns) {
    return Group(users, columns.user_ids, columns.item_ids, columns.time_micros);
  };
  events_ = Group(catalogue.item_count(), base.event_item_ids, base.event_item_ids,
                  base.event_time_micros);
  histories_ = Group(users, base.user_ids, base.event_item_ids, base.event_time_micros);
  exposures_ = by_user(catalogue.exposures);
  mined_ = by_user(catalogue.mined);
  MakeItems(catalogue);
  MakeCounters();
}

void DrawChecker::MakeItems(const CheckCatalogue& catalogue) {
  for (int64_t i = 0; i < catalogue.item_count(); ++i) {
    const std::span<const Entry> events = events_.Of(i);
    items_.push_back({catalogue.base.alive_from_micros[i], catalogue.base.alive_until_micros[i],
                      catalogue.gap_from_micros[i], catalogue.gap_until_micros[i],
                      events.empty() ? kNoEvent : events[0].time, catalogue.categories[i]});
  }
}

void DrawChecker::MakeCounters() {
  for (size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    const auto add = [&](int64_t from, int64_t until) {
      for (const int counter : {0, 1 + item.category}) {
        alive_[counter].Add(from, until);
        if (item.first_event != kNoEvent) {
          popular_[counter].Add(std::max(from, item.first_event + 1), until);
        }
      }
      CountEvents(static_cast<int64_t>(i), from, until);
    };
    if (item.gap_from == item.gap_until) {
      add(item.from, item.until);
    } else {
      add(item.from, item.gap_from);
      add(item.gap_until, item.until);
    }
  }
  for (int c = 0; c <= kCategories; ++c) {
    alive_[c].Seal();
    popular_[c].Seal();
  }
  recent_.Seal();
}

// An event at e counts from e + 1 to e + window. Adds the union over an item's
// events, as far as it lies in a life.
void DrawChecker::CountEvents(int64_t item, int64_t from, int64_t until) {
  const std::span<const Entry> events = events_.Of(item);
  for (size_t i = 0; i < events.size();) {
    const int64_t start = events[i].time + 1;
    while (i + 1 < events.size() && events[i + 1].time <= events[i].time + window_) ++i;
    recent_.Add(std::max(from, start), std::min(until, events[i].time + window_ + 1));
    ++i;
  }
}

bool DrawChecker::IsAlive(uint32_t item, int64_t time) const {
  const Item& facts = items_[item];
  const bool in_gap = facts.gap_from <= time && time < facts.gap_until;
  return facts.from <= time && time < facts.until && !in_gap;
}

bool DrawChecker::HasEvent(const CheckedLaw& law, uint32_t item, int64_t time) const {
  if (!law.windowed) return items_[item].first_event < time;
  const std::span<const Entry> events = events_.Of(item);
  const auto end = std::partition_point(events.begin(), events.end(),
                                        [time](const Entry& event) { return event.time < time; });
  return end != events.begin() && (end - 1)->time >= time - window_;
}

std::span<const DrawChecker::Entry> DrawChecker::Handed(const CheckedLaw& law,
                                                        const CheckedRow& row) const {
  if (row.user < 0) return {};
  return law.kind == CheckedLaw::Kind::kMined ? mined_.Of(row.user) : exposures_.Of(row.user);
}

// A mined negative counts at its own time too, an exposure only behind it.
bool DrawChecker::WasHanded(const CheckedLaw& law, const CheckedRow& row, uint32_t item) const {
  const int64_t last = law.kind == CheckedLaw::Kind::kMined ? row.as_of : row.as_of - 1;
  const std::span<const Entry> handed = Handed(law, row);
  return std::any_of(handed.begin(), handed.end(),
                     [&](const Entry& entry) { return entry.item == item && entry.time <= last; });
}

bool DrawChecker::Admits(const CheckedLaw& law, const CheckedRow& row, uint32_t item) const {
  if (!IsAlive(item, row.as_of)) return false;
  if (law.category >= 0 && items_[item].category != law.category) return false;
  switch (law.kind) {
    case CheckedLaw::Kind::kPopularity:
      return HasEvent(law, item, row.as_of);
    case CheckedLaw::Kind::kExposure:
    case CheckedLaw::Kind::kMined:
      return WasHanded(law, row, item);
    default:
      return true;
  }
}

int64_t DrawChecker::AdmittedCount(const CheckedLaw& law, int64_t time) const {
  if (law.kind != CheckedLaw::Kind::kPopularity) return alive_[law.category + 1].CountAt(time);
  return law.windowed ? recent_.CountAt(time) : popular_[law.category + 1].CountAt(time);
}

int64_t DrawChecker::EligibleCount(const CheckedLaw& law, const CheckedRow& row,
                                   const Scratch& scratch) const {
  if (law.kind == CheckedLaw::Kind::kExposure || law.kind == CheckedLaw::Kind::kMined) {
    std::vector<uint32_t> items;
    for (const Entry& entry : Handed(law, row)) {
      if (scratch.Find(entry.item) == nullptr && Admits(law, row, entry.item)) {
        items.push_back(entry.item);
      }
    }
    std::sort(items.begin(), items.end());
    return std::unique(items.begin(), items.end()) - items.begin();
  }
  const auto excluded = std::count_if(scratch.items_.begin(), scratch.items_.end(),
                                      [&](uint32_t item) { return Admits(law, row, item); });
  return AdmittedCount(law, row.as_of) - excluded;
}

void DrawChecker::CheckDraw(const CheckedLaw& law, const CheckedRow& row, const CheckedDraw& draw,
                            const Scratch& scratch, DrawCounts* counts) const {
  const uint32_t item = draw.item;
  const auto count = [&](Violation v) { ++counts->violations[static_cast<int>(v)]; };
  const bool handed =
      law.kind == CheckedLaw::Kind::kExposure || law.kind == CheckedLaw::Kind::kMined;
  const bool popular = law.kind == CheckedLaw::Kind::kPopularity ||
                       (law.kind == CheckedLaw::Kind::kMix && draw.component == 1);
  if (!std::isfinite(draw.log_q) || draw.log_q > 0) count(Violation::kLogQ);
  if (item >= items_.size()) return count(Violation::kDead);
  if (const Scratch::Slot* const excluded = scratch.Find(item)) return count(excluded->reason);
  if (!IsAlive(item, row.as_of)) return count(Violation::kDead);
  if (law.category >= 0 && items_[item].category != law.category) {
    return count(Violation::kCategory);
  }
  if (popular && !HasEvent(law, item, row.as_of)) return count(Violation::kFuture);
  if (handed && !WasHanded(law, row, item)) count(Violation::kNotHanded);
}

void DrawChecker::CheckRow(const CheckedLaw& law, const CheckedRow& row,
                           std::span<const CheckedDraw> draws, Scratch* scratch,
                           DrawCounts* counts) const {
  scratch->Clear();
  if (row.user >= 0) {
    for (const Entry& entry : histories_.Of(row.user)) {
      if (entry.time < row.as_of) scratch->Insert(entry.item, Violation::kHistory);
    }
  }
  if (row.positive >= 0) {
    scratch->Insert(static_cast<uint32_t>(row.positive), Violation::kOwnPositive);
  }
  for (const uint32_t item : row.named) scratch->Insert(item, Violation::kNamed);

  const int64_t eligible = EligibleCount(law, row, *scratch);
  ++counts->rows;
  if (draws.empty() != (eligible == 0)) {
    ++counts->violations[static_cast<int>(draws.empty() ? Violation::kEmptyRow
                                                        : Violation::kFullRow)];
  }
  for (const CheckedDraw& draw : draws) {
    CheckDraw(law, row, draw, *scratch, counts);
    const double ratio = std::exp(-static_cast<double>(draw.log_q)) / static_cast<double>(eligible);
    counts->sum += ratio;
    counts->sum_of_squares += ratio * ratio;
  }
  counts->draws += static_cast<int64_t>(draws.size());
}

}  // namespace negatron::bench
