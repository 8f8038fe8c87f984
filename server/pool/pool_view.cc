// SPDX-License-Identifier: Apache-2.0
#include "server/pool/pool_view.h"

#include <algorithm>

namespace negatron {
namespace {

// The elements of a sequence in order of time that are strictly before `time`.
template <typename T>
std::span<const T> Before(const GrowingArray<T>& elements, Micros time) {
  if (elements.empty() || elements.back().time < time) return elements.view();
  const auto view = elements.view();
  const auto end = std::lower_bound(view.begin(), view.end(), time,
                                    [](const T& e, Micros t) { return e.time < t; });
  return view.first(static_cast<size_t>(end - view.begin()));
}

}  // namespace

std::vector<Interval> ItemLife::Intervals() const {
  std::vector<Interval> intervals;
  if (first.from < first.until) intervals.push_back(first);
  if (more != nullptr) intervals.insert(intervals.end(), more->begin(), more->end());
  return intervals;
}

double PoolView::LivingMass(const EventLog::Cut& cut, Micros time) const {
  if (cut.leaf < 0) return 0;
  if (dead_.empty()) return cut.mass();
  double mass = 0;
  auto dead = std::upper_bound(dead_.begin(), dead_.end(), cut.segment,
                               [](int32_t s, const DeadUnits& d) { return s < d.segment; });
  for (int i = cut.segment_index; i >= 0; --i) {
    const EventLog::Segment& segment = log_.segments()[i];
    absl::int128 units(i == cut.segment_index ? cut.units : segment.units);
    while (dead != dead_.begin() && (dead - 1)->segment > segment.number) --dead;
    if (dead != dead_.begin() && (dead - 1)->segment == segment.number) {
      units -= (dead - 1)->units.Value(time);
    }
    mass += Decay::Carry(static_cast<double>(units), segment.number, cut.segment);
    // Older segments cannot add to the sum any more.
    if (Decay::Carry(segment.older, segment.number, cut.segment) < mass * 0x1p-60) break;
  }
  return mass;
}

double PoolView::ItemMass(Ordinal item, const EventLog::Cut& cut, Micros time) const {
  const std::span<const ItemEvent> past = Before(item_events_[item], time);
  if (past.empty()) return 0;
  return Decay::Carry(past.back().mass, past.back().segment, cut.segment);
}

std::span<const UserPositive> PoolView::HistoryBefore(Ordinal user, Micros time) const {
  if (user >= histories_.size()) return {};
  return Before(histories_[user], time);
}

std::vector<std::pair<std::string, int64_t>> PoolView::MemoryBytes() const {
  int64_t dead = static_cast<int64_t>(dead_.capacity() * sizeof(DeadUnits));
  for (const DeadUnits& segment : dead_) dead += segment.units.bytes();
  return {{"event_log", log_.bytes()},
          {"item_events", item_events_.bytes() + item_event_bytes_},
          {"user_histories", histories_.bytes() + history_bytes_},
          {"item_lives", lives_.bytes()},
          {"item_ids", items_.bytes()},
          {"user_ids", users_.bytes()},
          {"living_counts", living_.bytes()},
          {"dead_mass", dead}};
}

}  // namespace negatron
