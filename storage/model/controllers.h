// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_MODEL_CONTROLLERS_H_
#define NEGATRON_STORAGE_MODEL_CONTROLLERS_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/model/time.h"

// What the server keeps of a controller; server/feedback/controller.h tells what it does.
namespace negatron {

// See StopRule in feedback.proto.
struct StopRule {
  int report_count = 0;  // Even, in [4, kMaxStopReports]; 0: there is no rule.
  double rate_tolerance = 0.02;
  double output_tolerance = 0.01;
  double hardness_tolerance = 0.02;

  friend bool operator==(const StopRule&, const StopRule&) = default;
};

// See ControllerSettings in feedback.proto, which has the ranges and the reasons.
struct ControllerSettings {
  double target_rate = 0;
  double gain = 0.4;
  double slope = 8;
  double max_step = 0.05;
  double min_output = 0;
  double max_output = 1;
  double start_output = 0;
  int64_t smoothing_outcomes = 1000;
  int64_t stale_after_micros = 0;  // 0: no report is stale by its age.
  double stale_distance = 0.25;
  StopRule stop_rule;

  friend bool operator==(const ControllerSettings&, const ControllerSettings&) = default;
};

// Sums over outcomes. Counts stop at 2^62, which no honest trainer reaches, instead of overflowing.
struct OutcomeTotals {
  int64_t outcome_count = 0;
  int64_t violation_count = 0;
  int64_t hardness_count = 0;  // Outcomes that `hardness_sum` is of.
  double hardness_sum = 0;

  OutcomeTotals& operator+=(const OutcomeTotals& other) {
    const auto add = [](int64_t count, int64_t* sum) { *sum = std::min(*sum + count, kMost); };
    add(other.outcome_count, &outcome_count);
    add(other.violation_count, &violation_count);
    add(other.hardness_count, &hardness_count);
    hardness_sum += other.hardness_sum;
    return *this;
  }
  static constexpr int64_t kMost = int64_t{1} << 62;

  friend bool operator==(const OutcomeTotals&, const OutcomeTotals&) = default;
};

// By index of component.
using OutcomesByComponent = std::map<uint8_t, OutcomeTotals>;

// A report that was not stale, and the output that it met.
struct RecentReport {
  double output = 0;
  OutcomeTotals outcomes;

  friend bool operator==(const RecentReport&, const RecentReport&) = default;
};

// What reports have made of a controller.
struct ControllerState {
  double output = 0;
  std::optional<double> smoothed_rate;
  int64_t report_count = 0;  // Stale ones, and those without outcomes, too.
  int64_t stale_report_count = 0;
  Micros last_report_time = 0;  // 0: there was none.
  OutcomesByComponent totals;
  std::vector<RecentReport> recent;  // The last ones, as many as the stop rule looks at.

  friend bool operator==(const ControllerState&, const ControllerState&) = default;
};

struct ControllerRecord {
  std::string controller_id;  // Without problem (ControllerIdProblem).
  Micros create_time = 0;     // Or when it was restarted.
  Micros update_time = 0;     // Of the settings.
  int64_t commit_sequence = 0;
  ControllerSettings settings;
  ControllerState state;

  friend bool operator==(const ControllerRecord&, const ControllerRecord&) = default;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_MODEL_CONTROLLERS_H_
