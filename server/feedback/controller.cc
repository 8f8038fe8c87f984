// SPDX-License-Identifier: Apache-2.0
#include "server/feedback/controller.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "absl/strings/str_cat.h"

#include "storage/model/limits.h"

namespace negatron {
namespace {

// Written so that NaN fails.
bool IsWithin(double number, double least, double most) {
  return number >= least && number <= most;
}
bool IsPart(double number) { return number > 0 && number <= 1; }
bool IsTolerance(double number) { return number > 0 && std::isfinite(number); }

void CheckStopRule(const StopRule& rule, const std::string& path, Violations* violations) {
  if (rule.report_count == 0) return;
  if (rule.report_count < 4 || rule.report_count > kMaxStopReports || rule.report_count % 2 != 0) {
    violations->Add(path + "report_count",
                    absl::StrCat("must be even, in [4, ", kMaxStopReports, "]"));
  }
  const auto check = [&](double tolerance, const char* field) {
    if (!IsTolerance(tolerance)) violations->Add(path + field, "must be positive and finite");
  };
  check(rule.rate_tolerance, "rate_tolerance");
  check(rule.output_tolerance, "output_tolerance");
  check(rule.hardness_tolerance, "hardness_tolerance");
}

OutcomeTotals SumOf(const OutcomesByComponent& outcomes) {
  OutcomeTotals sum;
  for (const auto& [component, totals] : outcomes) sum += totals;
  return sum;
}

double RateOf(const OutcomeTotals& outcomes) {
  return static_cast<double>(outcomes.violation_count) /
         static_cast<double>(outcomes.outcome_count);
}

bool IsStale(const ControllerSettings& settings, const OutcomeReport& report, Micros now,
             double output) {
  if (std::abs(report.progress - output) > settings.stale_distance) return true;
  return settings.stale_after_micros != 0 && report.progress_time != 0 &&
         now - report.progress_time > settings.stale_after_micros;
}

// Where the law moves the output.
double NextOutput(const ControllerSettings& settings, double rate, double weight, double progress,
                  double output) {
  const double target = settings.target_rate;
  const double error = (target - rate) / (target * (1 - target));
  const double step = weight * settings.gain * (error / settings.slope + (progress - output));
  return std::clamp(output + std::clamp(step, -settings.max_step, settings.max_step),
                    settings.min_output, settings.max_output);
}

void KeepRecent(const ControllerSettings& settings, ControllerState* state) {
  const auto kept = static_cast<size_t>(settings.stop_rule.report_count);
  if (state->recent.size() <= kept) return;
  state->recent.erase(state->recent.begin(),
                      state->recent.end() - static_cast<std::ptrdiff_t>(kept));
}

// A half of the recent reports.
struct Half {
  OutcomeTotals outcomes;
  double output_sum = 0;

  explicit Half(std::span<const RecentReport> reports) {
    for (const RecentReport& report : reports) {
      outcomes += report.outcomes;
      output_sum += report.output;
    }
  }

  double hardness() const {
    return outcomes.hardness_sum / static_cast<double>(outcomes.hardness_count);
  }
};

}  // namespace

void CheckController(const ControllerSettings& settings, const std::string& path,
                     Violations* violations) {
  const auto require = [&](bool good, const char* field, absl::string_view rule) {
    if (!good) violations->Add(path + field, rule);
  };
  require(IsWithin(settings.target_rate, kMinTargetRate, 1 - kMinTargetRate), "target_rate",
          "must be in [0.001, 0.999]");
  require(IsPart(settings.gain), "gain", "must be in (0, 1]");
  require(IsWithin(settings.slope, 0.1, 1000), "slope", "must be in [0.1, 1000]");
  require(IsPart(settings.max_step), "max_step", "must be in (0, 1]");
  require(IsWithin(settings.min_output, 0, 1), "min_output", "must be in [0, 1]");
  const bool bounded =
      IsWithin(settings.max_output, 0, 1) && settings.min_output < settings.max_output;
  require(bounded, "max_output", "must be in [0, 1] and above min_output");
  require(IsWithin(settings.start_output, settings.min_output, settings.max_output), "start_output",
          "must be in [min_output, max_output]");
  require(settings.smoothing_outcomes >= 1 && settings.smoothing_outcomes <= kMaxSmoothingOutcomes,
          "smoothing_outcomes", "must be in [1, 1000000000], or 0 for 1000");
  require(
      settings.stale_after_micros == 0 || (settings.stale_after_micros >= kMinStaleAfterMicros &&
                                           settings.stale_after_micros <= kMaxStaleAfterMicros),
      "stale_after", "must be unset, or one millisecond to 36,500 days");
  require(IsPart(settings.stale_distance), "stale_distance", "must be in (0, 1]");
  CheckStopRule(settings.stop_rule, path + "stop_rule.", violations);
}

ControllerState StartOf(const ControllerSettings& settings) {
  ControllerState state;
  state.output = settings.start_output;
  return state;
}

void Adopt(const ControllerSettings& settings, ControllerState* state) {
  state->output = std::clamp(state->output, settings.min_output, settings.max_output);
  KeepRecent(settings, state);
}

bool TakeReport(const ControllerSettings& settings, const OutcomeReport& report, Micros now,
                ControllerState* state) {
  ++state->report_count;
  state->last_report_time = now;
  for (const auto& [component, outcomes] : report.outcomes) state->totals[component] += outcomes;
  if (IsStale(settings, report, now, state->output)) {
    ++state->stale_report_count;
    return true;
  }
  const OutcomeTotals sum = SumOf(report.outcomes);
  if (sum.outcome_count == 0) return false;
  const double rate = RateOf(sum);
  const double weight = static_cast<double>(sum.outcome_count) /
                        static_cast<double>(sum.outcome_count + settings.smoothing_outcomes);
  const double before = state->smoothed_rate.value_or(rate);
  state->smoothed_rate = before + weight * (rate - before);
  state->recent.push_back({state->output, sum});
  KeepRecent(settings, state);
  state->output = NextOutput(settings, rate, weight, report.progress, state->output);
  return false;
}

Saturation SaturationOf(const ControllerSettings& settings, const ControllerState& state) {
  if (!state.smoothed_rate.has_value()) return Saturation::kNone;
  if (state.output <= settings.min_output && *state.smoothed_rate > settings.target_rate) {
    return Saturation::kLow;
  }
  if (state.output >= settings.max_output && *state.smoothed_rate < settings.target_rate) {
    return Saturation::kHigh;
  }
  return Saturation::kNone;
}

StopSignal StopSignalOf(const ControllerSettings& settings, const ControllerState& state) {
  StopSignal signal;
  const StopRule& rule = settings.stop_rule;
  signal.report_count = static_cast<int>(state.recent.size());
  if (rule.report_count == 0 || signal.report_count < rule.report_count) return signal;
  const std::span<const RecentReport> reports(state.recent);
  const size_t middle = reports.size() / 2;
  const Half earlier(reports.first(middle));
  const Half later(reports.subspan(middle));
  signal.rate_change = RateOf(later.outcomes) - RateOf(earlier.outcomes);
  signal.output_change = (later.output_sum - earlier.output_sum) / static_cast<double>(middle);
  signal.stop_suggested = std::abs(signal.rate_change) <= rule.rate_tolerance &&
                          std::abs(signal.output_change) <= rule.output_tolerance;
  if (earlier.outcomes.hardness_count == 0 || later.outcomes.hardness_count == 0) return signal;
  const double change = later.hardness() - earlier.hardness();
  const double scale = std::max(std::abs(later.hardness()), std::abs(earlier.hardness()));
  signal.hardness_change = change;
  signal.relative_hardness_change = scale == 0 ? 0 : change / scale;
  signal.stop_suggested &= std::abs(*signal.relative_hardness_change) <= rule.hardness_tolerance;
  return signal;
}

}  // namespace negatron
