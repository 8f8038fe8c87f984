// SPDX-License-Identifier: Apache-2.0
// Policies with schedules, turns and arms: every row gets what its policy alone would give it.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/server/engine/eventful_collection.h"
#include "tests/server/engine/row_bytes.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kRows = 120;

// Of a policy's rows, as text that can be compared: NaN equals NaN.
template <typename Column>
std::string RowOf(const Column& column, size_t rows, size_t row) {
  std::string bytes;
  AppendBytes(std::span(column.data(), column.size()), rows, row, &bytes);
  return bytes;
}

class PlanSamplingTest : public testing::Test {
 protected:
  PlanSamplingTest() : rows_(TestSeed(11), kRows) {
    EXPECT_TRUE(harness_.Open().ok());
    EventfulCollection(&harness_, TestSeed(1), true).Live("c");
  }

  // Arms of one policy each, and one that takes turns by time.
  static PolicyPlan Plan() {
    const std::vector<Policy> policies = EventfulPolicies();
    PolicyPlan plan;
    plan.experiment = "sources";
    for (const size_t i : {size_t{0}, policies.size() - 5, policies.size() - 3, size_t{17}}) {
      PolicyArm& arm = plan.arms.emplace_back();
      arm.name = "arm-" + std::to_string(i);
      arm.rotation = PolicyPlan::Of(policies[i]).arms[0].rotation;
    }
    PolicyRotation& rotation = plan.arms[1].rotation;
    rotation.period_micros = 5LL * 3600 * 1000000;
    rotation.turns.push_back({2, policies[6]});
    return plan;
  }

  static std::vector<int> InOrder() {
    std::vector<int> order(kRows);
    std::iota(order.begin(), order.end(), 0);
    return order;
  }

  SampleRequest RequestFor(const PolicyPlan& plan, const std::vector<int>& some) const {
    SampleRequest request = rows_.RequestFor(Policy(), some);
    request.plan = std::make_shared<const PolicyPlan>(plan);
    request.want_arms = true;
    return request;
  }

  EngineHarness harness_;
  EventfulRows rows_;
};

TEST_F(PlanSamplingTest, ARowGetsWhatItsPolicyAloneGives) {
  const PolicyPlan plan = Plan();
  const auto mixed = harness_.Sample("c", RequestFor(plan, InOrder()));
  ASSERT_TRUE(mixed.ok()) << mixed.status();
  ASSERT_EQ(mixed->arms.size(), static_cast<size_t>(kRows));
  const size_t components = mixed->policy.policy.components.size();
  std::map<std::pair<int, int>, int> seen;
  size_t first = 0;
  for (size_t a = 0; a < plan.arms.size(); ++a) {
    const PolicyRotation& rotation = plan.arms[a].rotation;
    for (size_t t = 0; t < rotation.turns.size(); ++t) {
      const Policy& policy = rotation.turns[t].policy;
      const auto alone = harness_.Sample("c", rows_.RequestFor(policy, InOrder()));
      ASSERT_TRUE(alone.ok()) << alone.status();
      const size_t count = policy.components.size();
      for (size_t r = 0; r < kRows; ++r) {
        const Micros as_of = rows_.rows[r].as_of;
        if (mixed->arms[r] != a || TurnOf(rotation, as_of, 0) != static_cast<int>(t)) continue;
        ++seen[{a, t}];
        const auto same = [&](const auto& one, const auto& other) {
          EXPECT_EQ(RowOf(one, kRows, r), RowOf(other, kRows, r)) << "row " << r;
        };
        same(mixed->ids, alone->ids);
        same(mixed->log_q, alone->log_q);
        same(mixed->log_q_source, alone->log_q_source);
        same(mixed->scores, alone->scores);
        same(mixed->statuses, alone->statuses);
        same(mixed->expected_count, alone->expected_count);
        same(mixed->importance_weights, alone->importance_weights);
        same(mixed->positive_log_q, alone->positive_log_q);
        same(mixed->all_rejects, alone->all_rejects);
        same(mixed->rejects, alone->rejects);
        const size_t k = mixed->components.size() / kRows;
        for (size_t i = 0; i < k; ++i) {
          const uint8_t component = alone->components[r * k + i];
          EXPECT_EQ(mixed->components[r * k + i], component == 255 ? 255 : component + first);
        }
        for (size_t c = 0; c < components; ++c) {
          const bool own = c >= first && c < first + count;
          EXPECT_EQ(mixed->shares[r * components + c],
                    own ? alone->shares[r * count + c - first] : 0);
          EXPECT_EQ(mixed->boundaries[r * components + c],
                    own ? alone->boundaries[r * count + c - first] : 0);
        }
      }
      first += count;
    }
  }
  EXPECT_EQ(first, components);
  EXPECT_EQ(seen.size(), 5u) << "every policy serves rows";
  EXPECT_EQ(
      std::accumulate(mixed->drawn_by_component.begin(), mixed->drawn_by_component.end(),
                      int64_t{0}),
      std::count_if(mixed->ids.begin(), mixed->ids.end(), [](int64_t id) { return id >= 0; }));
}

TEST_F(PlanSamplingTest, OrderAndSizesOfBatchesDoNotMatter) {
  const PolicyPlan plan = Plan();
  const auto whole = harness_.Sample("c", RequestFor(plan, InOrder()));
  ASSERT_TRUE(whole.ok()) << whole.status();
  SplitMix random(TestSeed(12));
  for (int round = 0; round < 3; ++round) {
    std::vector<int> order = InOrder();
    for (size_t i = order.size(); round > 0 && i > 1; --i) {
      std::swap(order[i - 1], order[random.Below(static_cast<int64_t>(i))]);
    }
    for (size_t begin = 0; begin < order.size();) {
      const auto size = static_cast<size_t>(round == 0 ? 1 : random.Between(1, 40));
      const size_t end = std::min(order.size(), begin + size);
      const std::vector<int> some(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                  order.begin() + static_cast<std::ptrdiff_t>(end));
      const auto part = harness_.Sample("c", RequestFor(plan, some));
      ASSERT_TRUE(part.ok()) << part.status();
      for (size_t i = 0; i < some.size(); ++i) {
        const auto row = static_cast<size_t>(some[i]);
        EXPECT_EQ(BytesOf(*part, i), BytesOf(*whole, row)) << row;
        EXPECT_EQ(part->arms[i], whole->arms[row]);
      }
      begin = end;
    }
  }
}

TEST_F(PlanSamplingTest, AUserHasOneArmWhateverElseTheRowHas) {
  const PolicyPlan plan = Plan();
  const auto result = harness_.Sample("c", RequestFor(plan, InOrder()));
  ASSERT_TRUE(result.ok());
  std::map<int64_t, uint8_t> arms;
  for (size_t r = 0; r < kRows; ++r) {
    EXPECT_EQ(arms.try_emplace(rows_.rows[r].user, result->arms[r]).first->second, result->arms[r]);
  }
  EXPECT_GT(arms.size(), 10u);
}

TEST_F(PlanSamplingTest, AnExperimentNeedsUsersAndNoSharedBlock) {
  SampleRequest request = RequestFor(Plan(), InOrder());
  request.users.reset();
  const absl::Status status = harness_.Sample("c", request).status();
  ASSERT_EQ(FieldViolationsOf(status).size(), 1u) << status;
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "user_ids");
  SharedRequest shared = rows_.SharedRequestFor(Policy(), InOrder());
  shared.rows.plan = std::make_shared<const PolicyPlan>(Plan());
  EXPECT_EQ(harness_.engine().SampleShared("c", shared, Cancellation()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PlanSamplingTest, CandidatesAreOfTheRowsPolicyToo) {
  CandidateRequest request;
  request.sample = RequestFor(Plan(), InOrder());
  const auto candidates = harness_.engine().GetCandidates("c", request, Cancellation());
  ASSERT_TRUE(candidates.ok()) << candidates.status();
  PolicyPlan distinct = Plan();
  for (PolicyArm& arm : distinct.arms) {
    for (PolicyTurn& turn : arm.rotation.turns) turn.policy.unique = true;
  }
  const auto drawn = harness_.Sample("c", RequestFor(distinct, InOrder()));
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  const size_t k = drawn->ids.size() / kRows;
  for (size_t r = 0; r < kRows; ++r) {
    const auto ids = [&](const SampleResult& result) {
      std::vector<int64_t> row(result.ids.begin() + static_cast<std::ptrdiff_t>(r * k),
                               result.ids.begin() + static_cast<std::ptrdiff_t>((r + 1) * k));
      std::sort(row.begin(), row.end());
      return row;
    };
    EXPECT_EQ(ids(candidates->sample), ids(*drawn)) << r;
  }
}

TEST_F(PlanSamplingTest, ASharedBlockFollowsTheTurnOfItsTime) {
  const std::vector<Policy> policies = SharedPolicies();
  PolicyPlan plan = PolicyPlan::Of(policies[3]);
  plan.arms[0].rotation.period_micros = 2000000;
  plan.arms[0].rotation.turns.push_back({1, policies[2]});
  for (const Micros second : {0, 1}) {
    SharedRequest request = rows_.SharedRequestFor(policies[second == 0 ? 3 : 2], InOrder());
    request.negatives_time =
        *std::max_element(request.rows.as_of.begin(), request.rows.as_of.end());
    *request.negatives_time += 2000000 - *request.negatives_time % 2000000 + second * 1000000;
    const auto alone = harness_.engine().SampleShared("c", request, Cancellation());
    request.rows.plan = std::make_shared<const PolicyPlan>(plan);
    const auto turning = harness_.engine().SampleShared("c", request, Cancellation());
    ASSERT_TRUE(alone.ok()) << alone.status();
    ASSERT_TRUE(turning.ok()) << turning.status();
    EXPECT_EQ(turning->ids, alone->ids);
    EXPECT_EQ(turning->log_remaining, alone->log_remaining);
    EXPECT_FALSE(std::count(alone->components.begin(), alone->components.end(), 255));
    ASSERT_EQ(turning->drawn_by_component.size(), 3u);
    for (size_t i = 0; i < alone->components.size(); ++i) {
      EXPECT_EQ(turning->components[i], alone->components[i] + (second == 0 ? 0 : 2));
    }
  }
}

// Half-way from uniform to popularity, a negative comes from either by the shares of the schedule.
// One negative for each of 40,000 rows with keys of their own, seed 42: a binomial count is beyond
// 5.2 standard deviations with probability 2e-7, for each of three progresses in between.
TEST(ScheduledSharesTest, SourcesDrawByTheirSharesAtTheProgress) {
  EngineHarness harness;
  ASSERT_TRUE(harness.Open().ok());
  ASSERT_TRUE(harness.Create(Settings("c")).ok());
  ASSERT_TRUE(harness.Items("c", ItemsAlways({1, 2, 3, 4})).ok());
  ASSERT_TRUE(harness.Events("c", EventsOf({1, 2, 3}, {1, 1, 2}, {10, 20, 30})).ok());
  constexpr int kDraws = 40000;
  SampleRequest request = SampleOf(UniformSource{}, kDraws, 1, 100);
  request.policy.components = {{0, "", UniformSource{}}, {0, "", PopularitySource{}}};
  request.policy.components[0].share_schedule = Schedule{Interpolation::kCosine, {{0, 1}, {1, 0}}};
  request.policy.components[1].share_schedule = Schedule{Interpolation::kLinear, {{0, 0}, {1, 3}}};
  const absl::Status status = harness.Sample("c", request).status();
  ASSERT_EQ(FieldViolationsOf(status).size(), 1u) << status;
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "progress");
  for (const double progress : {0.0, 0.2, 0.5, 0.75, 1.0}) {
    request.progress = progress;
    const auto result = harness.Sample("c", request);
    ASSERT_TRUE(result.ok()) << result.status();
    const double first = (1 + std::cos(M_PI * progress)) / 2;
    const double share = first / (first + 3 * progress);
    const auto count = static_cast<double>(result->drawn_by_component[0]);
    const double deviation = std::sqrt(kDraws * share * (1 - share));
    EXPECT_LE(std::abs(count - kDraws * share), 5.2 * deviation + 1e-6)
        << count << " of " << kDraws << " at " << progress;
    EXPECT_NEAR(result->policy.policy.components[0].share, first, 1e-12);
  }
  for (const double progress : {-0.1, 1.1, double{NAN}}) {
    request.progress = progress;
    EXPECT_EQ(harness.Sample("c", request).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

// What a schedule gives is what a policy with these numbers gives, to the bit.
TEST_F(PlanSamplingTest, AScheduleDrawsAsTheNumbersThatItGives) {
  NearestSource nearest;
  nearest.pick = NearestPick::kSoftmax;
  nearest.rank_begin_schedule = Schedule{Interpolation::kLinear, {{0, 20}, {1, 0}}};
  nearest.rank_end_schedule = Schedule{Interpolation::kSteps, {{0, 60}, {0.5, 30}}};
  nearest.temperature_schedule = Schedule{Interpolation::kCosine, {{0, 2}, {1, 0.1}}};
  nearest.noise_schedule = Schedule{Interpolation::kLinear, {{0, 0}, {1, 0.5}}};
  Policy policy = PolicyOf(nearest);
  for (const double progress : {0.0, 0.33, 0.5, 1.0}) {
    SampleRequest request = rows_.RequestFor(policy, InOrder());
    request.progress = progress;
    const auto scheduled = harness_.Sample("c", request);
    const auto plain =
        harness_.Sample("c", rows_.RequestFor(AtProgress(policy, progress), InOrder()));
    ASSERT_TRUE(scheduled.ok()) << scheduled.status();
    ASSERT_TRUE(plain.ok()) << plain.status();
    for (size_t r = 0; r < kRows; ++r) EXPECT_EQ(BytesOf(*scheduled, r), BytesOf(*plain, r));
  }
}

}  // namespace
}  // namespace negatron
