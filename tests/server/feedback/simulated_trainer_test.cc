// SPDX-License-Identifier: Apache-2.0
// Controllers around a simulated trainer. `feedback_test --print` prints the table of the step
// response in server/DESIGN.md.
//
// The trainer: a negative that is drawn at output u violates the margin with probability
// 1 / (1 + exp(skill - slope * u - ease)). Each report has 2,048 outcomes, drawn in flight: at the
// output of some reports ago. The skill grows with the violations that the model sees, as
// speed * rate * (1 - skill / most): at the slow speed it has come a third of the way behind 1,000
// reports, at the fast one nearly all of it behind 100.
//
// False alarms: the mean rate of 200 reports has a standard deviation of at most
// sqrt(0.25 / 409,600) = 0.0008; the tolerances here leave 5 of them or more, beside what the
// law itself lags behind, which the means below contain. So each comparison with a mean fails
// with a probability below 1e-6 for a new seed; seeds are fixed.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <iostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/feedback/controller.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int64_t kOutcomes = 2048;

struct Trainer {
  double speed = 0.05;  // Skill, in log-odds, that a report of violations alone would bring.
  double slope = 8;
  double ease = -2;
  double most_skill = 4;
  int in_flight = 4;  // Reports between a draw and what became of it.
  double skill = 0;

  double ViolationProbability(double output) const {
    return 1 / (1 + std::exp(skill - slope * output - ease));
  }
};

struct Training {
  std::vector<double> rates;    // Of violations, by report.
  std::vector<double> outputs;  // Behind each report.
};

// Trains for some reports and goes on from what is there.
Training Train(const ControllerSettings& settings, int reports, Trainer* trainer, SplitMix* random,
               ControllerState* state) {
  Training run;
  std::deque<double> drawn(static_cast<size_t>(trainer->in_flight), state->output);
  for (int r = 0; r < reports; ++r) {
    drawn.push_back(state->output);
    OutcomeReport report;
    report.progress = drawn.front();
    drawn.pop_front();
    const double probability = trainer->ViolationProbability(report.progress);
    OutcomeTotals& outcomes = report.outcomes[0];
    outcomes.outcome_count = kOutcomes;
    for (int64_t i = 0; i < kOutcomes; ++i) {
      if (random->Chance(probability)) ++outcomes.violation_count;
    }
    TakeReport(settings, report, r, state);
    const double rate = static_cast<double>(outcomes.violation_count) / kOutcomes;
    trainer->skill += trainer->speed * rate * (1 - trainer->skill / trainer->most_skill);
    run.rates.push_back(rate);
    run.outputs.push_back(state->output);
  }
  return run;
}

double MeanOf(const std::vector<double>& values, size_t first, size_t last) {
  double sum = 0;
  for (size_t i = first; i < last; ++i) sum += values[i];
  return sum / static_cast<double>(last - first);
}

// The first report from which on every mean of 20 reports is within 10% of the target.
size_t SettlingOf(const Training& run, double target) {
  size_t settled = 0;
  for (size_t i = 0; i + 20 <= run.rates.size(); ++i) {
    if (std::abs(MeanOf(run.rates, i, i + 20) - target) > 0.1 * target) settled = i + 1;
  }
  return settled;
}

ControllerSettings SettingsOf(double target_rate) {
  ControllerSettings settings;
  settings.target_rate = target_rate;
  settings.start_output = 0.3;
  return settings;
}

constexpr double kSpeeds[] = {0.005, 0.05, 0.5};

TEST(SimulatedTrainerTest, HoldsTheTargetAtThreeLearningSpeeds) {
  for (const double target : {0.2, 0.4}) {
    for (const double speed : kSpeeds) {
      for (const int in_flight : {0, 4, 16}) {
        const ControllerSettings settings = SettingsOf(target);
        ControllerState state = StartOf(settings);
        Trainer trainer;
        trainer.speed = speed;
        trainer.in_flight = in_flight;
        SplitMix random(17);
        const Training run = Train(settings, 1200, &trainer, &random, &state);
        for (const size_t first : {400u, 600u, 800u, 1000u}) {
          EXPECT_NEAR(MeanOf(run.rates, first, first + 200), target, 0.1 * target)
              << "speed " << speed << ", in flight " << in_flight << ", from report " << first;
        }
        EXPECT_GT(state.output, 0);
        EXPECT_LT(state.output, 1);
        // Of the first steps, where many are in flight.
        EXPECT_LT(state.stale_report_count, 20);
      }
    }
  }
}

// A trainer whose log-odds rise by 3 to 14 from output 0 to 1, where the settings assume 8.
TEST(SimulatedTrainerTest, HoldsTheTargetThoughTheSlopeIsNotWhatIsAssumed) {
  for (const double slope : {3.0, 5.0, 11.0, 14.0}) {
    for (const int in_flight : {0, 4, 16}) {
      const ControllerSettings settings = SettingsOf(0.3);
      ControllerState state = StartOf(settings);
      Trainer trainer;
      trainer.slope = slope;
      trainer.in_flight = in_flight;
      trainer.most_skill = slope / 2;
      SplitMix random(18);
      const Training run = Train(settings, 1200, &trainer, &random, &state);
      EXPECT_NEAR(MeanOf(run.rates, 1000, 1200), 0.3, 0.03)
          << "slope " << slope << ", in flight " << in_flight;
    }
  }
}

// With p left out of the law, reports of old outputs push on for an error that is mended.
TEST(SimulatedTrainerTest, DoesNotRingHoweverManyReportsAreInFlight) {
  for (const int in_flight : {0, 4, 16}) {
    const ControllerSettings settings = SettingsOf(0.3);
    ControllerState state = StartOf(settings);
    Trainer trainer;
    trainer.speed = 0;
    trainer.slope = 14;
    trainer.in_flight = in_flight;
    SplitMix random(19);
    const Training run = Train(settings, 600, &trainer, &random, &state);
    const auto [least, most] = std::minmax_element(run.outputs.begin() + 300, run.outputs.end());
    EXPECT_LT(*most - *least, 0.06) << in_flight;
  }
}

TEST(SimulatedTrainerTest, SaturatesWhereTheTargetIsOutOfReachAndComesBackAtOnce) {
  const ControllerSettings settings = SettingsOf(0.4);
  ControllerState state = StartOf(settings);
  Trainer strong;
  strong.speed = 0;
  strong.skill = 12;
  SplitMix random(20);
  Train(settings, 500, &strong, &random, &state);
  EXPECT_EQ(state.output, 1);
  EXPECT_EQ(SaturationOf(settings, state), Saturation::kHigh);
  // The same however long it was there: the target is in reach again, at output 0.57.
  for (const int longer : {0, 2000}) {
    ControllerState from = state;
    Train(settings, longer, &strong, &random, &from);
    Trainer weaker;
    weaker.speed = 0;
    weaker.skill = 3;
    const Training back = Train(settings, 400, &weaker, &random, &from);
    EXPECT_LT(SettlingOf(back, 0.4), 60u);
    EXPECT_NEAR(MeanOf(back.rates, 200, 400), 0.4, 0.04);
  }
  Trainer helpless;
  helpless.speed = 0;
  helpless.skill = -6;
  Train(settings, 500, &helpless, &random, &state);
  EXPECT_EQ(state.output, 0);
  EXPECT_EQ(SaturationOf(settings, state), Saturation::kLow);
  Trainer learned;
  learned.speed = 0;
  learned.skill = 3;
  EXPECT_LT(SettlingOf(Train(settings, 400, &learned, &random, &state), 0.4), 60u);
}

TEST(SimulatedTrainerTest, AnEndIsSuggestedWhenTheTrainerLearnsNoMore) {
  ControllerSettings settings = SettingsOf(0.3);
  settings.stop_rule.report_count = 40;
  ControllerState state = StartOf(settings);
  Trainer trainer;
  SplitMix random(21);
  Train(settings, 150, &trainer, &random, &state);
  EXPECT_LT(trainer.skill, 0.8 * trainer.most_skill);
  EXPECT_FALSE(StopSignalOf(settings, state).stop_suggested);
  Train(settings, 1500, &trainer, &random, &state);
  EXPECT_GT(trainer.skill, 0.99 * trainer.most_skill);
  EXPECT_TRUE(StopSignalOf(settings, state).stop_suggested);
}

void PrintStepResponse() {
  std::cout << "| speed | in flight | settled | output at 50 | 200 | 1000 | mean rate 200-1000 |\n"
               "|---|---|---|---|---|---|---|\n";
  for (const double speed : kSpeeds) {
    for (const int in_flight : {0, 4, 16}) {
      const ControllerSettings settings = SettingsOf(0.3);
      ControllerState state = StartOf(settings);
      Trainer trainer;
      trainer.speed = speed;
      trainer.in_flight = in_flight;
      SplitMix random(22);
      const Training run = Train(settings, 1000, &trainer, &random, &state);
      char line[128];
      std::snprintf(line, sizeof(line), "| %g | %d | %zu | %.2f | %.2f | %.2f | %.3f |\n", speed,
                    in_flight, SettlingOf(run, 0.3), run.outputs[49], run.outputs[199],
                    run.outputs[999], MeanOf(run.rates, 200, 1000));
      std::cout << line;
    }
  }
}

}  // namespace
}  // namespace negatron

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--print") {
    negatron::PrintStepResponse();
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
