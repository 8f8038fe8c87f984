// SPDX-License-Identifier: Apache-2.0
// The law of controllers, report by report.
#include "server/feedback/controller.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/model/limits.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kLarge = 1000000000;  // Outcomes of a report of nearly full weight.

ControllerSettings SettingsOf(double target_rate) {
  ControllerSettings settings;
  settings.target_rate = target_rate;
  return settings;
}

ControllerState StateAt(double output) {
  ControllerState state;
  state.output = output;
  return state;
}

// Of `count` outcomes of component 0, drawn at `progress`.
OutcomeReport ReportOf(double rate, int64_t count, double progress) {
  OutcomeReport report;
  report.progress = progress;
  const auto violations = static_cast<int64_t>(rate * static_cast<double>(count));
  report.outcomes[0] = {count, violations, 0, 0};
  return report;
}

std::vector<std::string> BadFields(const ControllerSettings& settings) {
  Violations violations;
  CheckController(settings, "settings.", &violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(violations.ToStatus())) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(ControllerTest, MovesByTheLawThatIsDocumented) {
  const ControllerSettings settings = SettingsOf(0.25);
  ControllerState state = StateAt(0.5);
  EXPECT_FALSE(TakeReport(settings, ReportOf(0.4, 3000, 0.48), 7, &state));
  // w = 3000 / 4000, e = -0.15 / 0.1875.
  EXPECT_DOUBLE_EQ(state.output, 0.5 + 0.75 * 0.4 * (-0.15 / (0.25 * 0.75) / 8 + (0.48 - 0.5)));
  EXPECT_EQ(state.smoothed_rate, 0.4);
  EXPECT_EQ(state.report_count, 1);
  EXPECT_EQ(state.last_report_time, 7);
}

TEST(ControllerTest, TooManyViolationsMakeItEasierTooFewHarder) {
  const ControllerSettings settings = SettingsOf(0.3);
  const auto output_behind = [&](double rate) {
    ControllerState state = StateAt(0.5);
    TakeReport(settings, ReportOf(rate, 1000, 0.5), 1, &state);
    return state.output;
  };
  EXPECT_GT(output_behind(0), 0.5);
  EXPECT_GT(output_behind(0.2), 0.5);
  EXPECT_DOUBLE_EQ(output_behind(0.3), 0.5);
  EXPECT_LT(output_behind(0.4), 0.5);
  EXPECT_LT(output_behind(1), 0.5);
}

TEST(ControllerTest, AStepIsBounded) {
  ControllerSettings settings = SettingsOf(0.001);
  settings.max_step = 0.02;
  ControllerState state = StateAt(0.5);
  TakeReport(settings, ReportOf(1, kLarge, 0.5), 1, &state);
  EXPECT_DOUBLE_EQ(state.output, 0.48);
}

TEST(ControllerTest, AReportWeighsByItsOutcomes) {
  const ControllerSettings settings = SettingsOf(0.5);
  const auto step = [&](int64_t count) {
    ControllerState state = StateAt(0.5);
    TakeReport(settings, ReportOf(0, count, 0.5), 1, &state);
    return state.output - 0.5;
  };
  const double whole = 0.4 * 2 / 8;  // Beyond max_step.
  EXPECT_NEAR(step(10), whole * 10 / 1010, 1e-12);
  EXPECT_NEAR(step(500), whole / 3, 1e-12);
  EXPECT_NEAR(step(kLarge), settings.max_step, 1e-12);
}

TEST(ControllerTest, AReportWithoutOutcomesMovesNothing) {
  const ControllerSettings settings = SettingsOf(0.5);
  ControllerState state = StateAt(0.5);
  OutcomeReport empty;
  empty.progress = 0.4;
  EXPECT_FALSE(TakeReport(settings, empty, 3, &state));
  empty.outcomes[2] = {};
  EXPECT_FALSE(TakeReport(settings, empty, 4, &state));
  EXPECT_EQ(state.output, 0.5);
  EXPECT_EQ(state.smoothed_rate, std::nullopt);
  EXPECT_EQ(state.report_count, 2);
  EXPECT_THAT(state.recent, IsEmpty());
}

TEST(ControllerTest, WhatComponentsTheOutcomesHaveDoesNotMatterToTheOutput) {
  const ControllerSettings settings = SettingsOf(0.3);
  ControllerState together = StateAt(0.5);
  TakeReport(settings, ReportOf(0.5, 600, 0.5), 1, &together);
  ControllerState apart = StateAt(0.5);
  OutcomeReport report;
  report.progress = 0.5;
  report.outcomes[0] = {100, 100, 100, 3};
  report.outcomes[7] = {500, 200, 0, 0};
  TakeReport(settings, report, 1, &apart);
  EXPECT_EQ(apart.output, together.output);
  EXPECT_EQ(apart.totals, report.outcomes);
  TakeReport(settings, report, 2, &apart);
  EXPECT_EQ(apart.totals[0], (OutcomeTotals{200, 200, 200, 6}));
}

TEST(ControllerTest, SaturatesAtBothEndsAndComesBackWithTheFirstReport) {
  ControllerSettings settings = SettingsOf(0.3);
  settings.min_output = 0.2;
  settings.max_output = 0.8;
  ControllerState state = StateAt(0.5);
  for (int i = 0; i < 1000; ++i) {
    TakeReport(settings, ReportOf(0.1, 4000, state.output), i, &state);
  }
  EXPECT_EQ(state.output, 0.8);
  EXPECT_EQ(SaturationOf(settings, state), Saturation::kHigh);
  TakeReport(settings, ReportOf(0.6, 4000, state.output), 1, &state);
  EXPECT_LT(state.output, 0.8 - 0.04);
  EXPECT_EQ(SaturationOf(settings, state), Saturation::kNone);
  for (int i = 0; i < 1000; ++i) {
    TakeReport(settings, ReportOf(0.9, 4000, state.output), i, &state);
  }
  EXPECT_EQ(state.output, 0.2);
  EXPECT_EQ(SaturationOf(settings, state), Saturation::kLow);
  TakeReport(settings, ReportOf(0.1, 4000, state.output), 1, &state);
  EXPECT_GT(state.output, 0.2 + 0.02);
  // At a bound, but held at the target.
  ControllerState content = StateAt(0.8);
  TakeReport(settings, ReportOf(0.3, 4000, 0.8), 1, &content);
  EXPECT_EQ(SaturationOf(settings, content), Saturation::kNone);
}

TEST(ControllerTest, StaleReportsCountAndMoveNothing) {
  ControllerSettings settings = SettingsOf(0.3);
  settings.stale_after_micros = 1000;
  settings.stop_rule.report_count = 4;
  ControllerState state = StateAt(0.5);
  OutcomeReport old = ReportOf(1, 4000, 0.5);
  old.progress_time = 10000;
  EXPECT_TRUE(TakeReport(settings, old, 11001, &state));
  EXPECT_TRUE(TakeReport(settings, ReportOf(1, 4000, 0.2), 1, &state));
  EXPECT_TRUE(TakeReport(settings, ReportOf(0, 4000, 0.8), 1, &state));
  EXPECT_EQ(state.output, 0.5);
  EXPECT_EQ(state.smoothed_rate, std::nullopt);
  EXPECT_THAT(state.recent, IsEmpty());
  EXPECT_EQ(state.report_count, 3);
  EXPECT_EQ(state.stale_report_count, 3);
  EXPECT_EQ(state.totals[0], (OutcomeTotals{12000, 8000, 0, 0}));
  // On the border, and without a time.
  EXPECT_FALSE(TakeReport(settings, old, 11000, &state));
  EXPECT_FALSE(TakeReport(settings, ReportOf(1, 4000, state.output - 0.25), 1, &state));
  EXPECT_EQ(state.stale_report_count, 3);
}

TEST(ControllerTest, SmoothsTheRateByTheSameWeight) {
  const ControllerSettings settings = SettingsOf(0.3);
  ControllerState state = StateAt(0.5);
  TakeReport(settings, ReportOf(0.5, 1000, 0.5), 1, &state);
  TakeReport(settings, ReportOf(0.1, 1000, 0.5), 2, &state);
  EXPECT_DOUBLE_EQ(*state.smoothed_rate, 0.3);
}

TEST(ControllerTest, NewSettingsKeepTheStateWithinTheirBounds) {
  ControllerSettings settings = SettingsOf(0.3);
  settings.stop_rule.report_count = 6;
  ControllerState state = StateAt(0.9);
  for (int i = 0; i < 9; ++i) TakeReport(settings, ReportOf(0.3, 100, 0.9), i, &state);
  EXPECT_EQ(state.recent.size(), 6u);
  settings.max_output = 0.7;
  settings.stop_rule.report_count = 4;
  Adopt(settings, &state);
  EXPECT_EQ(state.output, 0.7);
  EXPECT_EQ(state.recent.size(), 4u);
  EXPECT_EQ(state.report_count, 9);
  settings.stop_rule = {};
  Adopt(settings, &state);
  EXPECT_THAT(state.recent, IsEmpty());
}

TEST(ControllerTest, BadSettingsAreNamedAtOnce) {
  EXPECT_THAT(BadFields(SettingsOf(0.3)), IsEmpty());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ControllerSettings bad;
  bad.target_rate = 1;
  bad.gain = 0;
  bad.slope = nan;
  bad.max_step = 1.5;
  bad.min_output = 0.5;
  bad.max_output = 0.5;
  bad.start_output = nan;
  bad.smoothing_outcomes = 0;
  bad.stale_after_micros = 999;
  bad.stale_distance = 0;
  bad.stop_rule = {7, 0, nan, -1};
  EXPECT_THAT(
      BadFields(bad),
      ElementsAre("settings.target_rate", "settings.gain", "settings.slope", "settings.max_step",
                  "settings.max_output", "settings.start_output", "settings.smoothing_outcomes",
                  "settings.stale_after", "settings.stale_distance",
                  "settings.stop_rule.report_count", "settings.stop_rule.rate_tolerance",
                  "settings.stop_rule.output_tolerance", "settings.stop_rule.hardness_tolerance"));
  bad = SettingsOf(0.3);
  bad.min_output = -0.5;
  EXPECT_THAT(BadFields(bad), ElementsAre("settings.min_output"));
}

// Four reports as the rule sees them: of outputs, rates and losses.
StopSignal SignalOf(std::vector<double> outputs, std::vector<double> rates,
                    std::vector<double> losses) {
  ControllerSettings settings = SettingsOf(0.3);
  settings.stop_rule.report_count = 4;
  ControllerState state;
  for (size_t i = 0; i < outputs.size(); ++i) {
    RecentReport report;
    report.output = outputs[i];
    report.outcomes = {1000, static_cast<int64_t>(1000 * rates[i]), 0, 0};
    if (!losses.empty()) {
      report.outcomes.hardness_count = 1000;
      report.outcomes.hardness_sum = 1000 * losses[i];
    }
    state.recent.push_back(report);
  }
  return StopSignalOf(settings, state);
}

TEST(StopSignalTest, NeedsAllThatIsMeasuredToBeFlat) {
  const std::vector<double> flat{0.5, 0.5, 0.5, 0.5};
  const std::vector<double> noisy{0.3, 0.32, 0.33, 0.3};
  EXPECT_TRUE(SignalOf(flat, noisy, {}).stop_suggested);
  EXPECT_TRUE(SignalOf(flat, noisy, {2, 1.9, 1.9, 1.98}).stop_suggested);
  EXPECT_FALSE(SignalOf(flat, {0.3, 0.3, 0.33, 0.33}, {}).stop_suggested);
  EXPECT_FALSE(SignalOf({0.5, 0.5, 0.52, 0.53}, noisy, {}).stop_suggested);
  EXPECT_FALSE(SignalOf(flat, noisy, {2, 2, 1.9, 1.9}).stop_suggested);
  EXPECT_FALSE(SignalOf({0.5, 0.5, 0.5}, {0.3, 0.3, 0.3}, {}).stop_suggested);
}

TEST(StopSignalTest, TellsWhatItMeasured) {
  const StopSignal signal = SignalOf({0.1, 0.3, 0.4, 0.6}, {0.1, 0.3, 0.4, 0.4}, {4, 4, 1, 3});
  EXPECT_EQ(signal.report_count, 4);
  EXPECT_NEAR(signal.output_change, 0.3, 1e-12);
  EXPECT_NEAR(signal.rate_change, 0.2, 1e-12);
  EXPECT_NEAR(*signal.hardness_change, -2, 1e-12);
  EXPECT_NEAR(*signal.relative_hardness_change, -0.5, 1e-12);
  EXPECT_EQ(
      SignalOf({0.5, 0.5, 0.5, 0.5}, {0.3, 0.3, 0.3, 0.3}, {0, 0, 0, 0}).relative_hardness_change,
      0);
  EXPECT_EQ(SignalOf({0.5, 0.5, 0.5, 0.5}, {0.3, 0.3, 0.3, 0.3}, {}).hardness_change, std::nullopt);
}

TEST(StopSignalTest, WithoutARuleNothingIsSuggested) {
  const ControllerSettings settings = SettingsOf(0.3);
  ControllerState state = StateAt(0.5);
  for (int i = 0; i < 100; ++i) TakeReport(settings, ReportOf(0.3, 1000, 0.5), i, &state);
  EXPECT_FALSE(StopSignalOf(settings, state).stop_suggested);
}

TEST(OutcomeTotalsTest, CountsStopInsteadOfOverflowing) {
  OutcomeTotals totals{OutcomeTotals::kMost - 1, 0, 0, 0};
  for (int i = 0; i < 3; ++i) totals += {kMaxReportedOutcomes, 0, 0, 0};
  EXPECT_EQ(totals.outcome_count, OutcomeTotals::kMost);
}

}  // namespace
}  // namespace negatron
