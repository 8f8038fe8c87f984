// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SCHEDULE_H_
#define NEGATRON_SERVER_SAMPLING_SCHEDULE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "storage/base/status.h"

namespace negatron {

inline constexpr int kMaxSchedulePoints = 64;

enum class Interpolation : uint8_t { kLinear = 1, kCosine = 2, kSteps = 3 };

struct SchedulePoint {
  double progress = 0;
  double value = 0;

  friend bool operator==(const SchedulePoint&, const SchedulePoint&) = default;
};

// A number that follows the progress of a training. See Schedule in policies.proto.
//
// What it gives for a progress is made of operations that IEEE 754 rounds the same everywhere.
struct Schedule {
  Interpolation interpolation = Interpolation::kLinear;
  std::vector<SchedulePoint> points;  // Checked by CheckSchedule.

  // `progress` in [0, 1].
  double At(double progress) const;

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

// What the values of a field may be.
struct ValueRange {
  double least;
  double most;
  bool open = false;            // `least` itself is none.
  absl::string_view text = "";  // In words: "finite and not negative".
};

// Adds what is wrong with a schedule whose values must be in `range`. Every way from one point to
// the next is monotone, so what holds at the points holds over all of [0, 1].
void CheckSchedule(const Schedule& schedule, const ValueRange& range, const std::string& field,
                   Violations* violations);

// Whether `low` is below `high` at every progress; both are good. False also where they come
// so near to each other that it cannot be told.
bool IsBelow(const Schedule& low, const Schedule& high);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SCHEDULE_H_
