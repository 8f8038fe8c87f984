// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/policy_plan.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Policy Uniform() {
  Policy policy;
  policy.components = {{1, "", UniformSource{}}};
  return policy;
}

PolicyRotation Always(Policy policy) { return PolicyPlan::Of(std::move(policy)).arms[0].rotation; }

PolicyRotation Cycles(int64_t count, std::vector<double> lengths) {
  PolicyRotation rotation;
  rotation.cycle_count = count;
  for (const double length : lengths) rotation.turns.push_back({length, Uniform()});
  return rotation;
}

PolicyPlan Arms(std::vector<double> weights) {
  PolicyPlan plan;
  plan.experiment = "hardness";
  for (const double weight : weights) {
    plan.arms.push_back(
        {std::string("arm-") + std::to_string(plan.arms.size()), weight, Always(Uniform())});
  }
  return plan;
}

std::vector<std::string> BadFields(const PolicyPlan& plan) {
  Violations violations;
  CheckPlan(plan, &violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(violations.ToStatus())) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(CheckPlanTest, NamesEveryBadFieldByItsPath) {
  EXPECT_THAT(BadFields(PolicyPlan::Of(Uniform())), IsEmpty());
  EXPECT_THAT(BadFields(Arms({1, 2})), IsEmpty());
  EXPECT_THAT(BadFields(PolicyPlan::Of(Policy())), ElementsAre("policy.components"));

  PolicyPlan bad = Arms({0, NAN, 1e7, 1});
  bad.experiment = "Upper";
  bad.arms[1].name = "";
  bad.arms[3].name = bad.arms[0].name;
  bad.arms[2].rotation = Cycles(-1, {1, -1});
  bad.arms[2].rotation.turns[1].policy.components[0].share = -1;
  bad.arms[3].rotation.turns[0].policy.category_cap = -1;
  const std::string arms = "policy.experiment.arms";
  EXPECT_THAT(BadFields(bad), testing::UnorderedElementsAre(
                                  "policy.experiment.name", arms + "[0].weight", arms + "[1].name",
                                  arms + "[1].weight", arms + "[2].weight", arms + "[3].name",
                                  arms + "[2].policy.rotation.cycle_count",
                                  arms + "[2].policy.rotation.turns[1].length",
                                  arms + "[2].policy.rotation.turns[1].policy.components[0].share",
                                  arms + "[3].policy.category_cap"));

  PolicyPlan turning = PolicyPlan::Of(Uniform());
  turning.arms[0].rotation = Cycles(1, {});
  EXPECT_THAT(BadFields(turning), ElementsAre("policy.rotation.turns"));
  turning.arms[0].rotation = Cycles(1000001, {1});
  EXPECT_THAT(BadFields(turning), ElementsAre("policy.rotation.cycle_count"));
  turning.arms[0].rotation = Cycles(0, {1});
  turning.arms[0].rotation.period_micros = 999999;
  EXPECT_THAT(BadFields(turning), ElementsAre("policy.rotation.period"));
}

TEST(CheckPlanTest, BoundsTheComponentsOfAllPolicies) {
  PolicyPlan plan = Arms({1, 1, 1, 1});
  for (PolicyArm& arm : plan.arms) {
    arm.rotation.turns[0].policy.components.resize(16, {1, "", UniformSource{}});
  }
  EXPECT_THAT(BadFields(plan), IsEmpty());
  plan.arms.push_back({"one-more", 1, Always(Uniform())});
  EXPECT_THAT(BadFields(plan), ElementsAre("policy"));
}

// Arms must never move: users would change sides in the midst of an experiment.
TEST(ArmOfTest, AUsersArmIsPinned) {
  const std::vector<PolicyArm> arms = Arms({1, 1, 2}).arms;
  std::string first, second;
  for (uint64_t user = 0; user < 32; ++user) {
    first += std::to_string(ArmOf("hardness", arms, user));
    second += std::to_string(ArmOf("freshness", arms, user));
  }
  EXPECT_EQ(first, "22212001022212020121122010212121");
  EXPECT_EQ(second, "22102002002110122221212202012220");
}

// 40,000 users; chi-square with 11 degrees of freedom exceeds 54.5 with probability 1e-7. Arms of
// two experiments are independent: all 12 pairs are as frequent as their weights say.
TEST(ArmOfTest, ArmsFollowTheirWeightsIndependently) {
  const std::vector<PolicyArm> a = Arms({1, 2, 5}).arms;
  const std::vector<PolicyArm> b = Arms({4, 3, 2, 1}).arms;
  constexpr int kUsers = 40000;
  std::vector<int> counts(12);
  for (uint64_t user = 0; user < kUsers; ++user) {
    ++counts[static_cast<size_t>(4 * ArmOf("first", a, user) + ArmOf("second", b, user))];
  }
  double chi_square = 0;
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 4; ++j) {
      const double expected = kUsers * a[i].weight / 8 * b[j].weight / 10;
      const double difference = counts[4 * i + j] - expected;
      chi_square += difference * difference / expected;
    }
  }
  EXPECT_LT(chi_square, 54.5) << testing::PrintToString(counts);
}

TEST(TurnOfTest, TurnsFollowTheProgressInCycles) {
  const PolicyRotation rotation = Cycles(2, {3, 1});
  struct Case {
    double progress;
    int turn;
  };
  for (const Case& c : std::vector<Case>{
           {0, 0}, {0.37, 0}, {0.375, 1}, {0.49, 1}, {0.5, 0}, {0.874, 0}, {0.875, 1}, {1, 1}}) {
    EXPECT_EQ(TurnOf(rotation, 123456789, c.progress), c.turn) << c.progress;
  }
}

TEST(TurnOfTest, TurnsFollowTheTimeInPeriods) {
  PolicyRotation rotation = Cycles(0, {1, 2, 1});
  rotation.period_micros = 4000000;
  struct Case {
    Micros as_of;
    int turn;
  };
  for (const Case& c : std::vector<Case>{{0, 0},
                                         {999999, 0},
                                         {1000000, 1},
                                         {2999999, 1},
                                         {3000000, 2},
                                         {4000000, 0},
                                         {-1, 2},
                                         {-1000001, 1},
                                         {-4000000, 0}}) {
    EXPECT_EQ(TurnOf(rotation, c.as_of, 0.9), c.turn) << c.as_of;
  }
}

TEST(PolicyPlanTest, NeedsAProgressForSchedulesAndCycles) {
  EXPECT_FALSE(PolicyPlan::Of(Uniform()).NeedsProgress());
  PolicyPlan plan = Arms({1, 1});
  EXPECT_FALSE(plan.NeedsProgress());
  plan.arms[1].rotation.turns[0].policy.components[0].share_schedule =
      Schedule{Interpolation::kLinear, {{0, 1}}};
  EXPECT_TRUE(plan.NeedsProgress());
  plan.arms[1].rotation = Cycles(2, {1, 1});
  EXPECT_TRUE(plan.NeedsProgress());
  plan.arms[1].rotation.cycle_count = 0;
  plan.arms[1].rotation.period_micros = 1000000;
  EXPECT_FALSE(plan.NeedsProgress());
}

}  // namespace
}  // namespace negatron
