// SPDX-License-Identifier: Apache-2.0
// Explanations of what was drawn from a collection that has been through everything.
#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/server/engine/eventful_collection.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kRows = 30;

class EngineExplainTest : public testing::Test {
 protected:
  EngineExplainTest() : rows_(TestSeed(21), kRows) {
    EXPECT_TRUE(harness_.Open().ok());
    EventfulCollection(&harness_, TestSeed(2), true).Live("c");
  }

  absl::StatusOr<ExplainResult> Explain(const SampleRequest& sample, std::vector<int64_t> items) {
    return harness_.engine().Explain("c", {sample, {std::move(items)}}, Cancellation());
  }

  std::vector<std::string> BadFields(const SampleRequest& sample, std::vector<int64_t> items) {
    const absl::Status status = Explain(sample, std::move(items)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    std::vector<std::string> fields;
    for (const FieldViolation& violation : FieldViolationsOf(status)) {
      fields.push_back(violation.field);
    }
    return fields;
  }

  EngineHarness harness_;
  EventfulRows rows_;
};

bool SameBits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

TEST_F(EngineExplainTest, DrawsHaveTheNumbersThatTheyReport) {
  std::vector<int> order(kRows);
  std::iota(order.begin(), order.end(), 0);
  int64_t compared = 0;
  for (const Policy& policy : EventfulPolicies()) {
    const SampleRequest batch = rows_.RequestFor(policy, order);
    const auto drawn = harness_.Sample("c", batch);
    ASSERT_TRUE(drawn.ok()) << drawn.status();
    for (int r = 0; r < kRows; ++r) {
      const auto first = static_cast<size_t>(r * batch.negative_count);
      const auto count = static_cast<size_t>(
          drawn->drawn.empty() ? batch.negative_count : drawn->drawn[static_cast<size_t>(r)]);
      if (count == 0) continue;
      const std::vector<int64_t> items(drawn->ids.begin() + first,
                                       drawn->ids.begin() + first + count);
      const auto told = Explain(rows_.RequestFor(policy, {r}), items);
      ASSERT_TRUE(told.ok()) << told.status();
      for (size_t i = 0; i < count; ++i) {
        const size_t at = i * told->row.source_count + drawn->components[first + i];
        ASSERT_TRUE(SameBits(told->row.log_q[i], drawn->log_q[first + i]));
        ASSERT_TRUE(SameBits(told->row.log_q_source[at], drawn->log_q_source[first + i]));
        ASSERT_EQ(told->row.obstacles[at], static_cast<uint8_t>(DrawObstacle::kNone));
        ASSERT_EQ(told->row.classes[i], static_cast<uint8_t>(ItemClass::kNegative));
        if (std::isnan(drawn->scores[first + i])) continue;
        ASSERT_TRUE(SameBits(told->row.scores[at], drawn->scores[first + i]));
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 1000);
}

TEST_F(EngineExplainTest, SourcesAreThoseOfAllArms) {
  PolicyPlan plan;
  plan.experiment = "sources";
  for (const char* const name : {"one", "two"}) {
    PolicyArm& arm = plan.arms.emplace_back();
    arm.name = name;
    arm.rotation = PolicyPlan::Of(PolicyOf(UniformSource{})).arms[0].rotation;
  }
  SampleRequest request = rows_.RequestFor(Policy(), {0});
  request.plan = std::make_shared<const PolicyPlan>(plan);
  std::map<std::string, int> arms;
  for (int64_t user = 0; user < 40; ++user) {
    request.users = IdBatch{std::vector<int64_t>{user}};
    const auto told = Explain(request, {1, 2});
    ASSERT_TRUE(told.ok()) << told.status();
    const size_t own = told->arm == "one" ? 0 : 1;
    EXPECT_EQ(told->row.source_count, 2u);
    EXPECT_THAT(told->row.shares, testing::ElementsAre(own == 0 ? 1 : 0, own == 1 ? 1 : 0));
    for (const size_t i : {size_t{0}, size_t{1}}) {
      EXPECT_EQ(told->row.obstacles[i * 2 + 1 - own], static_cast<uint8_t>(DrawObstacle::kNoShare));
      EXPECT_TRUE(std::isnan(told->row.log_q_source[i * 2 + 1 - own]));
      EXPECT_FALSE(std::isnan(told->row.log_q_source[i * 2 + own]));
    }
    ++arms[told->arm];
  }
  EXPECT_EQ(arms.size(), 2u);
}

TEST_F(EngineExplainTest, NamesWhatIsWrong) {
  const SampleRequest good = rows_.RequestFor(PolicyOf(UniformSource{}), {0});
  EXPECT_THAT(BadFields(good, {}), testing::ElementsAre("item_ids"));
  EXPECT_THAT(BadFields(good, std::vector<int64_t>(1001, 1)), testing::ElementsAre("item_ids"));
  EXPECT_THAT(BadFields(rows_.RequestFor(PolicyOf(UniformSource{}), {0, 1}), {1}),
              testing::ElementsAre("sample.row_count"));
  SampleRequest bad = good;
  bad.as_of = {kNever};
  bad.progress = 2;
  EXPECT_THAT(BadFields(bad, {1}), testing::ElementsAre("sample.progress"));
  bad.progress.reset();
  EXPECT_THAT(BadFields(bad, {1}), testing::ElementsAre("sample.as_of_micros[0]"));
  bad = good;
  bad.policy_name = "none";
  EXPECT_EQ(Explain(bad, {1}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(EngineExplainTest, TellsTheTokenAndTimesThatItUsed) {
  SampleRequest request = rows_.RequestFor(PolicyOf(UniformSource{}), {0});
  request.as_of.clear();
  request.negative_count = 0;
  const auto told = Explain(request, {1});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->as_of, harness_.clock().NowMicros());
  request.negative_count = 1;
  const auto drawn = harness_.Sample("c", request);
  ASSERT_TRUE(drawn.ok());
  EXPECT_EQ(told->snapshot.commit_sequence, drawn->snapshot.commit_sequence);
}

}  // namespace
}  // namespace negatron
