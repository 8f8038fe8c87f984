// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_MODEL_TIME_H_
#define NEGATRON_STORAGE_MODEL_TIME_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/string_view.h"

namespace negatron {

// Microseconds since the Unix epoch.
using Micros = int64_t;

inline constexpr Micros kAlways = std::numeric_limits<Micros>::min();
inline constexpr Micros kNever = std::numeric_limits<Micros>::max();

// Bounds of event and as-of times: the years 1 to 9999, as in
// `google.protobuf.Timestamp`.
inline constexpr Micros kMinTime = -62135596800LL * 1000000;
inline constexpr Micros kMaxTime = 253402300799LL * 1000000 + 999999;

// Whether an event may have this time.
inline bool IsEventTime(Micros time) { return kMinTime <= time && time <= kMaxTime; }

// A span of time in which an item is alive: [from, until).
struct Interval {
  Micros from = kAlways;
  Micros until = kNever;

  bool Contains(Micros time) const { return from <= time && time < until; }
  friend bool operator==(const Interval&, const Interval&) = default;
};

// Empty if `intervals` are in order, each starting before it ends, none
// touching the next; else what is wrong, with the number of the interval in `at`.
absl::string_view IntervalsProblem(const std::vector<Interval>& intervals, size_t* at = nullptr);

// The gaps around `intervals` (which have no problem): the spans in which the
// item is dead.
std::vector<Interval> DeadIntervals(const std::vector<Interval>& intervals);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_MODEL_TIME_H_
