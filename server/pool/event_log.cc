// SPDX-License-Identifier: Apache-2.0
#include "server/pool/event_log.h"

#include <algorithm>
#include <utility>

#include "storage/base/philox.h"

namespace negatron {
namespace {

// 40 KB a leaf: copying one for a commit of a single event costs microseconds.
constexpr size_t kMaxLeafEvents = 2048;

}  // namespace

EventLog::Cut EventLog::Before(Micros time) const {
  Cut cut;
  auto entry = std::lower_bound(entries_.begin(), entries_.end(), time,
                                [](const Entry& e, Micros t) { return e.first_time < t; });
  if (entry == entries_.begin()) return cut;
  --entry;
  const Leaf& leaf = *entry->leaf;
  cut.leaf = static_cast<int>(entry - entries_.begin());
  cut.leaf_count = static_cast<uint32_t>(
      std::lower_bound(leaf.times.begin(), leaf.times.end(), time) - leaf.times.begin());
  cut.event_count = entry->events_before + cut.leaf_count;
  cut.segment = entry->segment;
  cut.units = entry->units_before + leaf.sums[cut.leaf_count - 1];
  const auto segment =
      std::lower_bound(segments_.begin(), segments_.end(), entry->segment,
                       [](const Segment& s, int32_t number) { return s.number < number; });
  cut.segment_index = static_cast<int>(segment - segments_.begin());
  cut.older = segment->older;
  return cut;
}

Ordinal EventLog::Draw(const Cut& cut, absl::uint128 bits) const {
  int segment_index = cut.segment_index;
  int last_leaf = cut.leaf;
  absl::uint128 units = cut.units;
  // The high half chooses the segment, newest first, the low half an event.
  double rest = UnitDouble(absl::Uint128High64(bits)) * cut.mass();
  while (rest >= static_cast<double>(units) && segments_[segment_index].older > 0) {
    const double older = segments_[segment_index].older;
    rest = std::min((rest - static_cast<double>(units)) / older, 1.0);
    last_leaf = segments_[segment_index].first_leaf - 1;
    --segment_index;
    const Segment& segment = segments_[segment_index];
    units = segment.units;
    rest *= static_cast<double>(units) + segment.older;
  }
  // floor(low * units / 2^64), in two halves since units may exceed 64 bits.
  const absl::uint128 low = absl::Uint128Low64(bits);
  const absl::uint128 target =
      low * absl::Uint128High64(units) + ((low * absl::Uint128Low64(units)) >> 64);
  const auto first = entries_.begin() + segments_[segment_index].first_leaf;
  const auto entry =
      std::upper_bound(first, entries_.begin() + last_leaf + 1, target,
                       [](const absl::uint128& t, const Entry& e) { return t < e.units_before; }) -
      1;
  const uint64_t in_leaf = absl::Uint128Low64(target - entry->units_before);
  const std::vector<uint64_t>& sums = entry->leaf->sums;
  const auto position = std::upper_bound(sums.begin(), sums.end(), in_leaf) - sums.begin();
  return entry->leaf->items[position];
}

// Appends leaves for sorted events; `appended`: the last leaf will grow, so the
// others are filled.
void EventLog::AppendLeaves(const std::vector<LogEvent>& events, bool appended) {
  for (size_t i = 0; i < events.size();) {
    const int32_t segment = decay_.Segment(events[i].time);
    size_t end = i + 1;
    while (end < events.size() && decay_.Segment(events[end].time) == segment) ++end;
    const size_t count = end - i;
    const size_t parts = (count + kMaxLeafEvents - 1) / kMaxLeafEvents;
    const size_t target = appended ? kMaxLeafEvents : (count + parts - 1) / parts;
    while (i < end) {
      auto leaf = std::make_shared<Leaf>();
      const size_t leaf_end = std::min(end, i + target);
      leaf->times.reserve(leaf_end - i);
      leaf->items.reserve(leaf_end - i);
      leaf->sums.reserve(leaf_end - i);
      const Micros first_time = events[i].time;
      uint64_t sum = 0;
      for (; i < leaf_end; ++i) {
        leaf->times.push_back(events[i].time);
        leaf->items.push_back(events[i].item);
        leaf->sums.push_back(sum += events[i].units);
      }
      entries_.push_back({std::move(leaf), first_time, segment, 0, 0});
    }
  }
}

void EventLog::AppendMerged(const Leaf& leaf, const LogEvent* begin, const LogEvent* end) {
  std::vector<LogEvent> merged;
  merged.reserve(leaf.times.size() + (end - begin));
  uint64_t before = 0;
  for (size_t i = 0; i < leaf.times.size(); ++i) {
    merged.push_back({leaf.times[i], leaf.items[i], leaf.sums[i] - before});
    before = leaf.sums[i];
  }
  const bool appended = leaf.times.back() <= begin->time;
  const auto middle = merged.insert(merged.end(), begin, end);
  if (!appended) {
    std::inplace_merge(merged.begin(), middle, merged.end(),
                       [](const LogEvent& a, const LogEvent& b) { return a.time < b.time; });
  }
  AppendLeaves(merged, appended);
}

// Computes what entries and segments sum up.
void EventLog::FinishEntries() {
  int64_t events = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (segments_.empty() || segments_.back().number != entry.segment) {
      double older = 0;
      if (!segments_.empty()) {
        const Segment& last = segments_.back();
        older =
            Decay::Carry(static_cast<double>(last.units) + last.older, last.number, entry.segment);
      }
      segments_.push_back({entry.segment, static_cast<int>(i), 0, older});
    }
    entry.events_before = events;
    entry.units_before = segments_.back().units;
    events += static_cast<int64_t>(entry.leaf->times.size());
    segments_.back().units += entry.leaf->sums.back();
  }
}

EventLog EventLog::With(const std::vector<LogEvent>& events) const {
  EventLog result(decay_);
  result.entries_.reserve(entries_.size() + events.size() / kMaxLeafEvents + 2);
  const LogEvent* next = events.data();
  const LogEvent* const end = next + events.size();
  if (entries_.empty()) result.AppendLeaves(events, true);
  for (size_t i = 0; i < entries_.size(); ++i) {
    const LogEvent* region_end = end;
    if (i + 1 < entries_.size()) {
      region_end = std::lower_bound(next, end, entries_[i + 1].first_time,
                                    [](const LogEvent& e, Micros t) { return e.time < t; });
    }
    if (next == region_end) {
      result.entries_.push_back(entries_[i]);
    } else {
      result.AppendMerged(*entries_[i].leaf, next, region_end);
    }
    next = region_end;
  }
  result.FinishEntries();
  return result;
}

int64_t EventLog::size() const {
  if (entries_.empty()) return 0;
  return entries_.back().events_before + static_cast<int64_t>(entries_.back().leaf->times.size());
}

std::optional<Micros> EventLog::first_time() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front().first_time;
}

std::optional<Micros> EventLog::last_time() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back().leaf->times.back();
}

int64_t EventLog::bytes() const {
  int64_t bytes = static_cast<int64_t>(entries_.capacity() * sizeof(Entry) +
                                       segments_.capacity() * sizeof(Segment));
  for (const Entry& entry : entries_) {
    bytes += static_cast<int64_t>(entry.leaf->times.capacity() *
                                  (sizeof(Micros) + sizeof(Ordinal) + sizeof(uint64_t)));
  }
  return bytes;
}

}  // namespace negatron
