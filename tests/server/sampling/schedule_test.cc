// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/schedule.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/sampling/policy.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Schedule Linear(std::vector<SchedulePoint> points) {
  return {Interpolation::kLinear, std::move(points)};
}
Schedule Cosine(std::vector<SchedulePoint> points) {
  return {Interpolation::kCosine, std::move(points)};
}
Schedule Steps(std::vector<SchedulePoint> points) {
  return {Interpolation::kSteps, std::move(points)};
}

TEST(ScheduleTest, HasTheValueOfEachPointAtIt) {
  const std::vector<SchedulePoint> points = {{0.125, 3}, {0.3, -1}, {0.9, 1e9}};
  for (const Schedule& schedule : {Linear(points), Cosine(points), Steps(points)}) {
    for (const SchedulePoint& point : points) EXPECT_EQ(schedule.At(point.progress), point.value);
    EXPECT_EQ(schedule.At(0), 3);
    EXPECT_EQ(schedule.At(0.125 - 1e-9), 3);
    EXPECT_EQ(schedule.At(1), 1e9);
  }
}

TEST(ScheduleTest, GoesStraightByCosineOrInSteps) {
  const std::vector<SchedulePoint> points = {{0.2, 10}, {0.6, 20}};
  for (const double way : {0.0, 0.1, 0.25, 0.5, 0.7, 0.99}) {
    const double progress = 0.2 + 0.4 * way;
    EXPECT_NEAR(Linear(points).At(progress), 10 + 10 * way, 1e-12);
    EXPECT_NEAR(Cosine(points).At(progress), 10 + 10 * (1 - std::cos(M_PI * way)) / 2, 1e-12);
    EXPECT_EQ(Steps(points).At(progress), 10);
  }
  EXPECT_EQ(Steps(points).At(0.6), 20);
}

TEST(ScheduleTest, OnePointIsAConstant) {
  for (const Interpolation kind :
       {Interpolation::kLinear, Interpolation::kCosine, Interpolation::kSteps}) {
    const Schedule schedule{kind, {{0.5, 7}}};
    for (const double progress : {0.0, 0.5, 1.0}) EXPECT_EQ(schedule.At(progress), 7);
  }
}

// Rounding does not lead out of what was checked at the points.
TEST(ScheduleTest, StaysBetweenItsPoints) {
  for (const Interpolation kind : {Interpolation::kLinear, Interpolation::kCosine}) {
    const Schedule schedule{kind, {{0.1, 0.3}, {0.7, 0.1}, {1, 1e-300}}};
    double before = schedule.At(0);
    for (int i = 1; i <= 10000; ++i) {
      const double value = schedule.At(i / 10000.0);
      ASSERT_LE(value, before) << i;
      ASSERT_GE(value, 1e-300) << i;
      before = value;
    }
  }
}

std::vector<std::string> BadFields(const Violations& violations) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(violations.ToStatus())) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(CheckScheduleTest, NamesEveryBadPoint) {
  constexpr ValueRange kPositive{0, 10, true, "in (0, 10]"};
  struct Case {
    std::vector<SchedulePoint> points;
    std::vector<std::string> bad;
  };
  const std::vector<Case> cases = {
      {{{0, 1}}, {}},
      {{{0, 1}, {1, 10}}, {}},
      {{}, {"s.points"}},
      {{{-0.1, 1}, {1.5, 1}}, {"s.points[0].progress", "s.points[1].progress"}},
      {{{NAN, 1}}, {"s.points[0].progress"}},
      {{{0.5, 1}, {0.5, 2}, {0.4, 3}}, {"s.points[1].progress", "s.points[2].progress"}},
      {{{0, 0}, {0.5, 10.5}, {1, NAN}},
       {"s.points[0].value", "s.points[1].value", "s.points[2].value"}},
      {{{0, -1}, {1, std::numeric_limits<double>::infinity()}},
       {"s.points[0].value", "s.points[1].value"}}};
  for (const Case& c : cases) {
    Violations violations;
    CheckSchedule(Linear(c.points), kPositive, "s", &violations);
    EXPECT_EQ(BadFields(violations), c.bad);
  }
  Violations violations;
  std::vector<SchedulePoint> many;
  for (int i = 0; i < 65; ++i) many.push_back({i / 64.0, 1});
  CheckSchedule(Linear(many), kPositive, "s", &violations);
  EXPECT_THAT(BadFields(violations), ElementsAre("s.points"));
}

TEST(IsBelowTest, LooksAtEveryProgress) {
  const Schedule ten = Steps({{0, 10}});
  struct Case {
    Schedule low;
    Schedule high;
    bool below;
  };
  const std::vector<Case> cases = {
      {ten, Steps({{0, 11}}), true},
      {ten, ten, false},
      {ten, Linear({{0, 20}, {1, 10.5}}), true},
      {ten, Linear({{0, 20}, {1, 10}}), false},
      {ten, Linear({{0, 20}, {0.5, 9}, {1, 20}}), false},
      // A step that falls below in between, and one that would if it did not fall first.
      {ten, Steps({{0, 20}, {0.5, 5}, {0.6, 20}}), false},
      {Steps({{0, 10}, {0.5, 2}}), Steps({{0, 20}, {0.5, 5}}), true},
      {Steps({{0, 10}, {0.5 + 1e-6, 2}}), Steps({{0, 20}, {0.5, 5}}), false},
      // Windows that move together, wherever they go.
      {Linear({{0, 9000}, {1, 0}}), Linear({{0, 9001}, {1, 1}}), true},
      {Linear({{0, 0}, {1, 9000}}), Linear({{0, 9000}, {1, 100}}), false},
      {Cosine({{0, 100}, {1, 0}}), Cosine({{0, 200}, {1, 50}}), true},
      {Cosine({{0, 100}, {1, 0}}), Linear({{0, 200}, {1, 50}}), true},
      // A line that a cosine crosses twice while both ends lie above.
      {Linear({{0, 10}, {1, 20}}), Cosine({{0, 10.5}, {1, 20.5}}), false}};
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(IsBelow(cases[i].low, cases[i].high), cases[i].below) << i;
  }
}

NearestSource Window(int begin, int end) {
  NearestSource nearest;
  nearest.rank_begin = begin;
  nearest.rank_end = end;
  return nearest;
}

std::vector<std::string> BadFieldsOf(const PolicyComponent& component) {
  Policy policy;
  policy.components = {component, {1, "", UniformSource{}}};
  Violations violations;
  CheckPolicy(policy, &violations, "p");
  return BadFields(violations);
}

std::vector<std::string> BadFieldsOf(const SourceSpec& source) {
  return BadFieldsOf(PolicyComponent{1, "", source});
}

TEST(ScheduledPolicyTest, WindowsAreCheckedAtEveryProgress) {
  NearestSource moving = Window(0, 0);
  moving.rank_begin_schedule = Linear({{0, 100}, {1, 0}});
  moving.rank_end_schedule = Linear({{0, 200}, {1, 10}});
  EXPECT_THAT(BadFieldsOf(moving), IsEmpty());
  moving.rank_end_schedule->points[1].value = 0;
  EXPECT_THAT(BadFieldsOf(moving),
              ElementsAre("p.components[0].nearest.rank_end_schedule.points[1].value"));
  moving.rank_end_schedule = Linear({{0, 200}, {0.5, 40}, {1, 10}});
  EXPECT_THAT(BadFieldsOf(moving), ElementsAre("p.components[0].nearest.rank_end_schedule"));

  NearestSource end_only = Window(20, 0);
  end_only.rank_end_schedule = Steps({{0, 100}, {0.5, 21}});
  EXPECT_THAT(BadFieldsOf(end_only), IsEmpty());
  end_only.rank_begin = 21;
  EXPECT_THAT(BadFieldsOf(end_only), ElementsAre("p.components[0].nearest.rank_end_schedule"));
  NearestSource begin_only = Window(0, 10);
  begin_only.rank_begin_schedule = Steps({{0, 3}, {0.5, 10}});
  EXPECT_THAT(BadFieldsOf(begin_only), ElementsAre("p.components[0].nearest.rank_end"));
  begin_only.rank_begin_schedule = Steps({{0, -1}});
  EXPECT_THAT(BadFieldsOf(begin_only),
              ElementsAre("p.components[0].nearest.rank_begin_schedule.points[0].value"));
}

TEST(ScheduledPolicyTest, APlainNumberBesideAScheduleIsRefused) {
  NearestSource nearest = Window(1, 10);
  nearest.pick = NearestPick::kSoftmax;
  nearest.temperature = 1;
  nearest.noise = 1;
  nearest.rank_begin_schedule = nearest.temperature_schedule = nearest.noise_schedule =
      Linear({{0, 1}});
  nearest.rank_end_schedule = Linear({{0, 10}});
  const std::string path = "p.components[0].nearest.";
  EXPECT_THAT(BadFieldsOf(nearest),
              ElementsAre(path + "rank_end_schedule", path + "rank_begin_schedule",
                          path + "temperature_schedule", path + "noise_schedule"));
  AdversarialSource adversarial;
  adversarial.temperature_schedule = Cosine({{0, 1}, {1, 0.1}});
  EXPECT_THAT(BadFieldsOf(adversarial), IsEmpty());
  adversarial.temperature = 1;
  EXPECT_THAT(BadFieldsOf(adversarial),
              ElementsAre("p.components[0].adversarial.temperature_schedule"));
  PolicyComponent share{1, "", UniformSource{}};
  share.share_schedule = Linear({{0, 1}});
  EXPECT_THAT(BadFieldsOf(share), ElementsAre("p.components[0].share_schedule"));
}

TEST(ScheduledPolicyTest, ValuesAreInTheRangeOfTheirField) {
  AdversarialSource adversarial;
  adversarial.temperature_schedule = Linear({{0, 1}, {1, 0}});
  EXPECT_THAT(BadFieldsOf(adversarial),
              ElementsAre("p.components[0].adversarial.temperature_schedule.points[1].value"));
  NearestSource nearest = Window(0, 10);
  nearest.noise_schedule = Linear({{0, 0}, {1, -1}});
  EXPECT_THAT(BadFieldsOf(nearest),
              ElementsAre("p.components[0].nearest.noise_schedule.points[1].value"));
  nearest.noise_schedule.reset();
  nearest.temperature_schedule = Linear({{0, 1}});  // Not a softmax.
  EXPECT_THAT(BadFieldsOf(nearest), ElementsAre("p.components[0].nearest.temperature_schedule"));
  DynamicSource dynamic{UniformSource{}, NearestAnchor::kQuery, 8, DynamicPick::kSoftmax};
  dynamic.temperature_schedule = Linear({{0, 1}, {1, 0.5}});
  EXPECT_THAT(BadFieldsOf(dynamic), IsEmpty());
}

TEST(ScheduledPolicyTest, TheSumOfSharesIsPositiveAtEveryProgress) {
  const auto bad_fields = [](Schedule first, Schedule second) {
    Policy policy;
    policy.components = {{0, "", UniformSource{}}, {0, "", PopularitySource{}}};
    policy.components[0].share_schedule = std::move(first);
    policy.components[1].share_schedule = std::move(second);
    Violations violations;
    CheckPolicy(policy, &violations);
    return BadFields(violations);
  };
  const auto falling = Linear({{0, 1}, {1, 0}});
  EXPECT_THAT(bad_fields(falling, Linear({{0, 0}, {1, 1}})), IsEmpty());
  EXPECT_THAT(bad_fields(falling, falling), ElementsAre("policy.components"));
  // Nothing between 0.4 and 0.6, exclusive.
  EXPECT_THAT(bad_fields(Steps({{0, 1}, {0.4, 0}}), Steps({{0, 0}, {0.6, 1}})),
              ElementsAre("policy.components"));
  EXPECT_THAT(bad_fields(Steps({{0, 1}, {0.6, 0}}), Steps({{0, 0}, {0.6, 1}})), IsEmpty());
}

TEST(ScheduledPolicyTest, AtProgressPutsNumbersInThePlaceOfSchedules) {
  NearestSource nearest = Window(0, 0);
  nearest.pick = NearestPick::kSoftmax;
  nearest.rank_begin_schedule = Linear({{0, 100}, {1, 0}});
  nearest.rank_end_schedule = Linear({{0, 201}, {1, 10}});
  nearest.temperature_schedule = Linear({{0, 1}, {1, 0.5}});
  nearest.noise_schedule = Steps({{0, 2}, {0.5, 0}});
  Policy policy;
  policy.components = {{0, "", nearest}, {3, "", UniformSource{}}};
  policy.components[0].share_schedule = Linear({{0, 0}, {1, 4}});
  EXPECT_TRUE(HasSchedules(policy));
  EXPECT_FALSE(HasSchedules(policy.components[1]));
  const Policy half = AtProgress(policy, 0.25);
  EXPECT_FALSE(HasSchedules(half));
  EXPECT_EQ(half.components[0].share, 1);
  EXPECT_EQ(half.components[1], policy.components[1]);
  const auto& resolved = std::get<NearestSource>(half.components[0].source);
  EXPECT_EQ(resolved.rank_begin, 75);
  EXPECT_EQ(resolved.rank_end, 154);  // 153.25, rounded up.
  EXPECT_EQ(resolved.temperature, 0.875);
  EXPECT_EQ(resolved.noise, 2);
  Violations violations;
  CheckPolicy(half, &violations);
  EXPECT_THAT(BadFields(violations), IsEmpty());
  EXPECT_EQ(AtProgress(half, 0.75), half);
}

}  // namespace
}  // namespace negatron
