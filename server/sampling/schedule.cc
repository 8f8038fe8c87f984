// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/schedule.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace negatron {
namespace {

// (1 - cos(pi * x)) / 2, for x in [0, 1], as sin^2(pi * x / 2) by a Taylor series: the library's
// cosine may differ from machine to machine. Exact at both ends.
double CosineWay(double x) {
  if (x >= 1) return 1;
  constexpr double kHalfPi = 1.57079632679489661923;
  const double y = x * kHalfPi;
  const double z = y * y;
  double sine = 1;  // Of y, divided by it.
  for (int k = 20; k >= 2; k -= 2) sine = 1 - z / (k * (k + 1)) * sine;
  sine *= y;
  return std::min(sine * sine, 1.0);
}

bool Comes(double progress, const SchedulePoint& point) { return progress < point.progress; }

// The value right before `end`, on [begin, end), which no point of the schedule is inside of.
double Before(const Schedule& schedule, double begin, double end) {
  return schedule.At(schedule.interpolation == Interpolation::kSteps ? begin : end);
}

// IsBelow on [begin, end), by splitting it until the values of both lie apart.
bool IsBelowOn(const Schedule& low, const Schedule& high, double begin, double end, int splits) {
  const double low_first = low.At(begin), low_last = Before(low, begin, end);
  const double high_first = high.At(begin), high_last = Before(high, begin, end);
  if (std::max(low_first, low_last) < std::min(high_first, high_last)) return true;
  if (low_first >= high_first || low_last >= high_last) return false;
  // The difference of two straight ways is one, so its ends tell all.
  if (low.interpolation != Interpolation::kCosine && high.interpolation != Interpolation::kCosine) {
    return true;
  }
  if (splits == 0) return false;
  const double middle = begin + (end - begin) / 2;
  return IsBelowOn(low, high, begin, middle, splits - 1) &&
         IsBelowOn(low, high, middle, end, splits - 1);
}

// Tells curves apart that come within a thousandth of their rise.
constexpr int kSplits = 12;

}  // namespace

double Schedule::At(double progress) const {
  const auto next = std::upper_bound(points.begin(), points.end(), progress, Comes);
  if (next == points.begin()) return points.front().value;
  const SchedulePoint& from = *(next - 1);
  if (next == points.end() || interpolation == Interpolation::kSteps) return from.value;
  double way = (progress - from.progress) / (next->progress - from.progress);
  if (interpolation == Interpolation::kCosine) way = CosineWay(way);
  const double value = from.value + (next->value - from.value) * way;
  // Rounding must not lead out of the range that the points were checked for.
  return std::clamp(value, std::min(from.value, next->value), std::max(from.value, next->value));
}

void CheckSchedule(const Schedule& schedule, const ValueRange& range, const std::string& field,
                   Violations* violations) {
  const size_t count = schedule.points.size();
  if (count < 1 || count > kMaxSchedulePoints) {
    violations->Add(field + ".points", absl::StrCat("must be 1 to ", kMaxSchedulePoints));
  }
  for (size_t i = 0; i < count; ++i) {
    const SchedulePoint& point = schedule.points[i];
    const std::string path = absl::StrCat(field, ".points[", i, "]");
    // Written so that NaN fails.
    if (!(point.progress >= 0 && point.progress <= 1)) {
      violations->Add(path + ".progress", "must be in [0, 1]");
    } else if (i > 0 && point.progress <= schedule.points[i - 1].progress) {
      violations->Add(path + ".progress", "must be above that of the point before");
    }
    if (!(point.value >= range.least && point.value <= range.most) ||
        (range.open && point.value == range.least)) {
      violations->Add(path + ".value", absl::StrCat("must be ", range.text));
    }
  }
}

bool IsBelow(const Schedule& low, const Schedule& high) {
  std::vector<double> bounds = {0, 1};
  for (const Schedule* schedule : {&low, &high}) {
    for (const SchedulePoint& point : schedule->points) bounds.push_back(point.progress);
  }
  std::sort(bounds.begin(), bounds.end());
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
  for (size_t i = 1; i < bounds.size(); ++i) {
    if (!IsBelowOn(low, high, bounds[i - 1], bounds[i], kSplits)) return false;
  }
  return low.At(1) < high.At(1);
}

}  // namespace negatron
