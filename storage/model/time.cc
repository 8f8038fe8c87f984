// SPDX-License-Identifier: Apache-2.0
#include "storage/model/time.h"

namespace negatron {

absl::string_view IntervalsProblem(const std::vector<Interval>& intervals, size_t* at) {
  for (size_t i = 0; i < intervals.size(); ++i) {
    if (at != nullptr) *at = i;
    if (intervals[i].from >= intervals[i].until) return "an interval must start before it ends";
    if (i > 0 && intervals[i].from <= intervals[i - 1].until) {
      return "intervals must be in order of time, with a gap between them";
    }
  }
  return {};
}

std::vector<Interval> DeadIntervals(const std::vector<Interval>& intervals) {
  std::vector<Interval> dead;
  Micros from = kAlways;
  for (const Interval& alive : intervals) {
    if (from < alive.from) dead.push_back({from, alive.from});
    from = alive.until;
  }
  if (from != kNever) dead.push_back({from, kNever});
  return dead;
}

}  // namespace negatron
