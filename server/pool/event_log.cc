// SPDX-License-Identifier: Apache-2.0
#include "server/pool/event_log.h"

#include <algorithm>
#include <utility>

#include "storage/base/philox.h"

namespace negatron {
namespace {

// 40 KB a leaf: copying one for a commit of a single event costs microseconds.
constexpr size_t kMaxLeafEvents = 2048;

// Buckets of a guide for each leaf: so many that most lie within one leaf, and
// where to look can be foreseen.
constexpr uint32_t kGuidePerLeaf = 8;

// Events around the guessed one that a draw looks at together: a cache line.
constexpr uint32_t kWindow = 5;

// Spares the conversion of 128 bits where 64 do.
double ToDouble(absl::uint128 units) {
  return absl::Uint128High64(units) == 0 ? static_cast<double>(absl::Uint128Low64(units))
                                         : static_cast<double>(units);
}

}  // namespace

int EventLog::LeafBefore(Micros time) const {
  if (entries_.empty()) return -1;
  const uint32_t bucket = buckets_.Bucket(time);
  const auto first = first_times_.begin();
  const auto found = std::lower_bound(first + by_time_[bucket], first + by_time_[bucket + 1], time);
  return static_cast<int>(found - first) - 1;
}

void EventLog::PrefetchBefore(Micros time) const {
  const int leaf = LeafBefore(time);
  if (leaf < 0) return;
  const Entry& entry = entries_[leaf];
  const Micros last = leaf + 1 < static_cast<int>(entries_.size()) ? first_times_[leaf + 1]
                                                                   : entry.times[entry.count - 1];
  const uint32_t guess =
      TimeBuckets(first_times_[leaf], std::max(last, time), entry.count).Bucket(time);
  __builtin_prefetch(entry.times + guess);
  __builtin_prefetch(entry.slots + guess);
}

EventLog::Cut EventLog::Before(Micros time) const {
  Cut cut;
  cut.leaf = LeafBefore(time);
  if (cut.leaf < 0) return cut;
  const Entry& entry = entries_[cut.leaf];
  if (cut.leaf + 1 == static_cast<int>(entries_.size()) && entry.times[entry.count - 1] < time) {
    cut.leaf_count = entry.count;
  } else {
    const Micros last = cut.leaf + 1 < static_cast<int>(entries_.size())
                            ? first_times_[cut.leaf + 1]
                            : entry.times[entry.count - 1];
    const uint32_t guess =
        TimeBuckets(first_times_[cut.leaf], std::max(last, time), entry.count).Bucket(time);
    cut.leaf_count =
        SearchFrom(guess, 0, entry.count, [&](uint32_t i) { return entry.times[i] < time; });
  }
  cut.event_count = entry.events_before + cut.leaf_count;
  cut.segment = entry.segment;
  cut.units = entry.units_before + entry.slots[cut.leaf_count - 1].sum;
  const auto segment =
      std::lower_bound(segments_.begin(), segments_.end(), entry.segment,
                       [](const Segment& s, int32_t number) { return s.number < number; });
  cut.segment_index = static_cast<int>(segment - segments_.begin());
  cut.older = segment->older;
  return cut;
}

absl::uint128 EventLog::UnitsOf(const Span& span, int segment_index) const {
  absl::uint128 units =
      segment_index == span.end.segment_index ? span.end.units : segments_[segment_index].units;
  if (segment_index == span.begin.segment_index) units -= span.begin.units;
  return units;
}

EventLog::Span EventLog::Between(const Cut& begin, const Cut& end) const {
  Span span{end, begin, 0, 0};
  if (end.leaf >= 0 && absl::Uint128High64(segments_[end.segment_index].units) == 0) {
    span.newest_units = absl::Uint128Low64(UnitsOf(span, end.segment_index));
  }
  if (begin.leaf < 0) {
    span.mass = end.leaf < 0 ? 0 : end.mass();
    return span;
  }
  for (int s = end.segment_index; s >= begin.segment_index; --s) {
    const double units = static_cast<double>(UnitsOf(span, s));
    span.mass += Decay::Carry(units, segments_[s].number, end.segment);
  }
  return span;
}

EventLog::Spot EventLog::SpotAt(uint32_t leaf, uint64_t units) const {
  const Target& target = targets_[leaf];
  Spot spot;
  spot.leaf = leaf;
  spot.target = units - target.begin;
  const auto position =
      static_cast<int64_t>(static_cast<float>(static_cast<int64_t>(spot.target)) * target.scale);
  const auto last = static_cast<int64_t>(target.count) - static_cast<int64_t>(kWindow);
  const int64_t guess = std::max<int64_t>(std::min(position - kWindow / 2, last), 0);
  spot.guess = static_cast<uint32_t>(guess);
  __builtin_prefetch(target.slots + guess);
  __builtin_prefetch(target.slots + guess + kWindow - 1);
  return spot;
}

EventLog::Spot EventLog::Aim(const Span& span, double u, uint64_t bits) const {
  // Segments from the newest on.
  double rest = u * span.mass;
  int chosen = span.end.segment_index;
  if (rest < static_cast<double>(span.newest_units)) return AimInSegment(span, chosen, bits);
  absl::uint128 units = UnitsOf(span, chosen);
  for (int s = chosen - 1; s >= std::max(span.begin.segment_index, 0); --s) {
    rest -= Decay::Carry(ToDouble(units), segments_[s + 1].number, span.end.segment);
    if (rest < 0 && units > 0) break;
    const absl::uint128 older = UnitsOf(span, s);
    if (Decay::Carry(ToDouble(older), segments_[s].number, span.end.segment) == 0) break;
    chosen = s;
    units = older;
  }
  return AimInSegment(span, chosen, bits);
}

// An event of a segment that has some in the span.
EventLog::Spot EventLog::AimInSegment(const Span& span, int segment_index, uint64_t bits) const {
  const Segment& segment = segments_[segment_index];
  const absl::uint128 units = UnitsOf(span, segment_index);
  const absl::uint128 skipped = segment_index == span.begin.segment_index ? span.begin.units : 0;
  if (absl::Uint128High64(segment.units) != 0) {
    return AimWide(segment_index, units, skipped, bits);
  }
  const uint64_t target = BelowBound(bits, absl::Uint128Low64(units)) + absl::Uint128Low64(skipped);
  const auto bucket =
      std::min(static_cast<uint32_t>(static_cast<double>(target) * segment.guide_scale),
               segment.guide_size - 1);
  uint32_t leaf = by_units_[segment.guide + bucket];
  leaf += target >= targets_[leaf].end ? 1 : 0;
  while (target < targets_[leaf].begin) [[unlikely]]-- leaf;
  while (target >= targets_[leaf].end) [[unlikely]]++ leaf;
  return SpotAt(leaf, target);
}

// The same where the units of the segment do not fit into 64 bits.
EventLog::Spot EventLog::AimWide(int segment_index, absl::uint128 units, absl::uint128 skipped,
                                 uint64_t bits) const {
  // floor(bits * units / 2^64), in two halves.
  const absl::uint128 wide = bits;
  const absl::uint128 target =
      skipped + wide * absl::Uint128High64(units) + ((wide * absl::Uint128Low64(units)) >> 64);
  const int end = segment_index + 1 < static_cast<int>(segments_.size())
                      ? segments_[segment_index + 1].first_leaf
                      : static_cast<int>(entries_.size());
  const auto found = std::upper_bound(
      entries_.begin() + segments_[segment_index].first_leaf, entries_.begin() + end, target,
      [](absl::uint128 t, const Entry& entry) { return t < entry.units_before; });
  return SpotAt(static_cast<uint32_t>(found - entries_.begin()) - 1, absl::Uint128Low64(target));
}

Ordinal EventLog::Resolve(const Spot& spot) const {
  const Slot* const slots = targets_[spot.leaf].slots;
  const uint32_t count = targets_[spot.leaf].count;
  // Where events weigh about the same, the guess is right to one or two: count
  // without a branch, since which one it is can not be foreseen.
  if (count >= kWindow) [[likely]] {
    const Slot* const window = slots + spot.guess;
    uint32_t passed = 0;
    for (uint32_t i = 0; i + 1 < kWindow; ++i) passed += window[i].sum <= spot.target ? 1 : 0;
    const bool inside = (passed > 0 || spot.guess == 0) && passed + 1 < kWindow;
    if (inside) [[likely]]
      return window[passed].item;
  }
  const uint32_t i =
      SearchFrom(spot.guess, 0, count, [&](uint32_t k) { return slots[k].sum <= spot.target; });
  return slots[i].item;
}

void EventLog::AddLeaf(std::shared_ptr<const Leaf> leaf) {
  Entry entry{};
  entry.times = leaf->times.data();
  entry.slots = leaf->slots.data();
  entry.count = static_cast<uint32_t>(leaf->times.size());
  entry.units = leaf->slots.back().sum;
  entry.segment = decay_.Segment(leaf->times[0]);
  entry.leaf = std::move(leaf);
  entries_.push_back(std::move(entry));
}

// Appends leaves for sorted events; `appended`: the last leaf will grow, so the
// others are filled.
void EventLog::AppendLeaves(const std::vector<LogEvent>& events, bool appended) {
  for (size_t i = 0; i < events.size();) {
    const int32_t segment = decay_.Segment(events[i].time);
    size_t end = i + 1;
    while (end < events.size() && decay_.Segment(events[end].time, segment) == segment) ++end;
    const size_t count = end - i;
    const size_t parts = (count + kMaxLeafEvents - 1) / kMaxLeafEvents;
    const size_t target = appended ? kMaxLeafEvents : (count + parts - 1) / parts;
    while (i < end) {
      auto leaf = std::make_shared<Leaf>();
      const size_t leaf_end = std::min(end, i + target);
      leaf->times.reserve(leaf_end - i);
      leaf->slots.reserve(leaf_end - i);
      uint64_t sum = 0;
      for (; i < leaf_end; ++i) {
        leaf->times.push_back(events[i].time);
        leaf->slots.push_back({sum += events[i].units, events[i].item});
      }
      AddLeaf(std::move(leaf));
    }
  }
}

void EventLog::AppendMerged(const Entry& entry, const LogEvent* begin, const LogEvent* end,
                            const LogEvent* removed_begin, const LogEvent* removed_end) {
  std::vector<LogEvent> merged;
  merged.reserve(entry.count + (end - begin));
  uint64_t before = 0;
  for (uint32_t i = 0; i < entry.count; ++i) {
    const Slot slot = entry.slots[i];
    const LogEvent event{entry.times[i], slot.item, slot.sum - before};
    before = slot.sum;
    while (removed_begin < removed_end && *removed_begin < event) ++removed_begin;
    if (removed_begin < removed_end && *removed_begin == event) {
      ++removed_begin;
    } else {
      merged.push_back(event);
    }
  }
  const bool appended = begin < end && (merged.empty() || merged.back() <= *begin);
  const auto middle = merged.insert(merged.end(), begin, end);
  if (!appended) std::inplace_merge(merged.begin(), middle, merged.end());
  AppendLeaves(merged, appended);
}

// Computes what entries and segments sum up.
void EventLog::Finish() {
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
      segments_.push_back({entry.segment, static_cast<int>(i), 0, older, 0, 0, 0});
    }
    entry.events_before = events;
    entry.units_before = segments_.back().units;
    events += entry.count;
    segments_.back().units += entry.units;
    first_times_.push_back(entry.times[0]);
    const uint64_t begin = absl::Uint128Low64(entry.units_before);
    targets_.push_back({begin, begin + entry.units, entry.slots,
                        static_cast<float>(entry.count) / static_cast<float>(entry.units),
                        entry.count});
  }
  MakeGuides();
}

void EventLog::MakeGuides() {
  if (entries_.empty()) return;
  const auto count = static_cast<uint32_t>(entries_.size());
  buckets_ = TimeBuckets(first_times_.front(), first_times_.back(), count * kGuidePerLeaf);
  by_time_.resize(buckets_.count() + 1);
  buckets_.CountBefore(
      count, [this](uint32_t i) { return first_times_[i]; }, by_time_.data());
  for (size_t s = 0; s < segments_.size(); ++s) {
    Segment& segment = segments_[s];
    const int end =
        s + 1 < segments_.size() ? segments_[s + 1].first_leaf : static_cast<int>(entries_.size());
    segment.guide = static_cast<uint32_t>(by_units_.size());
    segment.guide_size = static_cast<uint32_t>(end - segment.first_leaf) * kGuidePerLeaf;
    segment.guide_scale = segment.guide_size / ToDouble(segment.units);
    by_units_.resize(segment.guide + segment.guide_size);
    uint32_t bucket = segment.guide;
    for (int leaf = segment.first_leaf; leaf < end; ++leaf) {
      const double next = leaf + 1 < end
                              ? ToDouble(entries_[leaf + 1].units_before) * segment.guide_scale
                              : static_cast<double>(segment.guide_size);
      while (bucket < by_units_.size() && bucket - segment.guide < next) {
        by_units_[bucket++] = static_cast<uint32_t>(leaf);
      }
    }
  }
}

EventLog EventLog::With(const std::vector<LogEvent>& added,
                        const std::vector<LogEvent>& removed) const {
  EventLog result(decay_);
  result.entries_.reserve(entries_.size() + added.size() / kMaxLeafEvents + 2);
  const LogEvent* next = added.data();
  const LogEvent* const end = next + added.size();
  const LogEvent* gone = removed.data();
  const LogEvent* const gone_end = gone + removed.size();
  if (entries_.empty()) result.AppendLeaves(added, true);
  for (size_t i = 0; i < entries_.size(); ++i) {
    const LogEvent* region_end = end;
    const LogEvent* gone_region_end = gone_end;
    if (i + 1 < entries_.size()) {
      const LogEvent limit = entries_[i + 1].first();
      region_end = std::lower_bound(next, end, limit);
      gone_region_end = std::lower_bound(gone, gone_end, limit);
    }
    if (next == region_end && gone == gone_region_end) {
      result.entries_.push_back(entries_[i]);
    } else {
      result.AppendMerged(entries_[i], next, region_end, gone, gone_region_end);
    }
    next = region_end;
    gone = gone_region_end;
  }
  result.Finish();
  return result;
}

int64_t EventLog::size() const {
  if (entries_.empty()) return 0;
  return entries_.back().events_before + entries_.back().count;
}

std::optional<Micros> EventLog::first_time() const {
  if (entries_.empty()) return std::nullopt;
  return first_times_.front();
}

std::optional<Micros> EventLog::last_time() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back().times[entries_.back().count - 1];
}

Micros EventLog::TimeOf(int64_t i) const {
  const auto after =
      std::upper_bound(entries_.begin(), entries_.end(), i,
                       [](int64_t n, const Entry& entry) { return n < entry.events_before; });
  const Entry& entry = *(after - 1);
  return entry.times[i - entry.events_before];
}

int64_t EventLog::bytes() const {
  int64_t bytes = static_cast<int64_t>(
      entries_.capacity() * sizeof(Entry) + targets_.capacity() * sizeof(Target) +
      segments_.capacity() * sizeof(Segment) + first_times_.capacity() * sizeof(Micros) +
      (by_time_.capacity() + by_units_.capacity()) * sizeof(uint32_t));
  for (const Entry& entry : entries_) {
    bytes += static_cast<int64_t>(entry.leaf->times.capacity() * (sizeof(Micros) + sizeof(Slot)));
  }
  return bytes;
}

}  // namespace negatron
