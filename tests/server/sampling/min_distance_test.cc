// SPDX-License-Identifier: Apache-2.0
// `min_distance`: items near to positives are left out or tagged, under the law that is reported.
// Rates of false alarms are those of tests/support/law_test_util.h.
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/sampling/shared_block.h"
#include "tests/server/sampling/guard_cases.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

MinDistance Of(Metric metric, int history_count = 2) {
  return {metric == Metric::kL2 ? 0.8 : 0.3, history_count};
}

Policy Guarded(const PolicyComponent& component, const MinDistance& min_distance) {
  Policy policy{{component}};
  policy.min_distance = min_distance;
  return policy;
}

using Case = std::tuple<NamedSource, Metric, bool>;

class MinDistanceTest : public testing::TestWithParam<Case> {};

std::string NameOf(const testing::TestParamInfo<Case>& info) {
  const auto& [source, metric, large] = info.param;
  const char* const metrics[] = {"Cosine", "L2", "InnerProduct"};
  const int number = metric == Metric::kCosine ? 0 : metric == Metric::kL2 ? 1 : 2;
  return std::string(source.name) + metrics[number] + (large ? "Large" : "Small");
}

INSTANTIATE_TEST_SUITE_P(EverySource, MinDistanceTest,
                         testing::Combine(testing::ValuesIn(EverySource()),
                                          testing::Values(Metric::kCosine, Metric::kL2,
                                                          Metric::kInnerProduct),
                                          testing::Bool()),
                         NameOf);

// 30 rows of 1,000 draws, each under its own law.
TEST_P(MinDistanceTest, LeavesOutWhatIsNearUnderTheLawThatIsTold) {
  const auto& [source, metric, large] = GetParam();
  const double tests = static_cast<double>(EverySource().size()) * 3 * 2 * 2;
  const GuardScene scene(TestSeed(920), metric, large);
  for (const int history_count : {0, 2}) {
    const Policy policy = Guarded(source.component, Of(metric, history_count));
    const LawKind law = LawsOf(policy, scene.pool->item_count()).mixture;
    EXPECT_EQ(law, large && !source.is_of_user() ? LawKind::kRowConstant : LawKind::kExact);
    std::vector<OracleLaw> laws;
    size_t near_count = 0;
    for (const PlainRow& row : scene.rows) {
      const std::set<Ordinal> near = scene.Near(row, *policy.min_distance);
      near_count += near.size();
      laws.push_back(LawOf(scene.plain, source.component, Naming(row, near)));
    }
    EXPECT_GT(near_count, scene.rows.size());
    const DrawnRows drawn = scene.Draw(policy, scene.rows, 1000);
    ASSERT_TRUE(drawn.status.ok());
    EXPECT_TRUE(DrawsFit(drawn, laws, law, kGuardFalseAlarms / tests));
    for (size_t i = 0; i < drawn.items.size(); ++i) {
      ASSERT_EQ(drawn.tags[i], 0);
      // What is not known is not told.
      if (law != LawKind::kRowConstant) continue;
      ASSERT_TRUE(std::isnan(drawn.expected_counts[i]));
    }
  }
}

TEST_P(MinDistanceTest, KeptItemsAreTaggedAndTheLawIsThatWithoutADistance) {
  constexpr int kDraws = 50;
  const auto& [source, metric, large] = GetParam();
  const GuardScene scene(TestSeed(921), metric, large);
  Policy policy = Guarded(source.component, Of(metric));
  policy.uncertain_rule = UncertainRule::kKeep;
  EXPECT_EQ(LawsOf(policy, scene.pool->item_count()).mixture, LawKind::kExact);
  const DrawnRows kept = scene.Draw(policy, scene.rows, kDraws);
  const DrawnRows all = scene.Draw({{source.component}}, scene.rows, kDraws);
  EXPECT_EQ(kept.items, all.items);
  for (size_t i = 0; i < kept.items.size(); ++i) {
    if (kept.items[i] == kNoOrdinal) continue;
    EXPECT_EQ(kept.log_q[i], all.log_q[i]);
    const bool near = scene.Near(scene.rows[i / kDraws], Of(metric)).contains(kept.items[i]);
    ASSERT_EQ(kept.tags[i], near ? kTagNearPositive : 0) << "draw " << i;
  }
}

// Sources that look at every item of a row give it, to the bit, what they give the row that
// names what is near.
TEST(MinDistanceScanTest, IsAsGoodAsNamingTheItems) {
  NearestSource window{NearestAnchor::kQuery, 0, 12, NearestPick::kSoftmax, 0.5};
  NearestSource top{NearestAnchor::kPositive, 0, 12, NearestPick::kTop};
  const SourceSpec sources[] = {window,
                                top,
                                AdversarialSource{NearestAnchor::kQuery, 0.4},
                                AdversarialSource{NearestAnchor::kPositive, 0.4},
                                ExposureSource{},
                                MinedSource{}};
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
    const GuardScene scene(TestSeed(922), metric, true);
    std::vector<PlainRow> naming;
    for (const PlainRow& row : scene.rows)
      naming.push_back(Naming(row, scene.Near(row, Of(metric))));
    for (const SourceSpec& source : sources) {
      const PolicyComponent component{1, "", source};
      for (const bool unique : {false, true}) {
        Policy policy = Guarded(component, Of(metric));
        policy.unique = unique;
        const DrawnRows guarded = scene.Draw(policy, scene.rows, 9);
        policy.min_distance.reset();
        const DrawnRows named = scene.Draw(policy, naming, 9);
        const DrawnRows plain = scene.Draw(policy, scene.rows, 9);
        EXPECT_NE(guarded.items, plain.items);
        EXPECT_EQ(guarded.items, named.items) << "source " << source.index();
        for (size_t i = 0; i < guarded.items.size(); ++i) {
          ASSERT_TRUE(LogQAgrees(guarded.log_q[i], named.log_q[i]));
        }
      }
    }
  }
}

// A pool never has what is near, whatever is picked from it.
TEST(MinDistanceDynamicTest, PoolsAreDrawnWithoutWhatIsNear) {
  for (const bool large : {false, true}) {
    const GuardScene scene(TestSeed(923), Metric::kCosine, large);
    for (const SourceSpec& base : {SourceSpec(UniformSource{}), SourceSpec(PopularitySource{})}) {
      DynamicSource dynamic;
      if (const auto* popularity = std::get_if<PopularitySource>(&base)) dynamic.base = *popularity;
      dynamic.pool_size = 40;
      dynamic.pick = DynamicPick::kUniform;
      dynamic.top_count = 40;
      const Policy policy = Guarded({1, "", dynamic}, Of(Metric::kCosine));
      EXPECT_EQ(LawsOf(policy, scene.pool->item_count()).mixture, LawKind::kConditional);
      const DrawnRows drawn = scene.Draw(policy, scene.rows, 100);
      int served = 0;
      for (size_t i = 0; i < drawn.items.size(); ++i) {
        if (drawn.items[i] == kNoOrdinal) continue;
        ++served;
        const auto near = scene.Near(scene.rows[i / 100], Of(Metric::kCosine));
        ASSERT_FALSE(near.contains(drawn.items[i]));
        ASSERT_FALSE(std::isnan(drawn.log_q[i]));
      }
      EXPECT_GT(served, 1000);
    }
  }
}

// Twenty items in one place, which is the positive's.
struct CrowdedScene {
  explicit CrowdedScene(bool large, int apart = 0) {
    VectorTableBuilder builder{VectorTable(EmbeddingSettings{2, Metric::kL2})};
    plain.AddItems(20 + apart);
    for (Ordinal item = 0; item < plain.items.size(); ++item) {
      plain.AddOfEachKind(0, 1, item, item);
      const std::vector<float> place = {item < 20 ? 0.0f : 5.0f, 0.0f};
      builder.Set(item, place);
    }
    while (large && static_cast<int64_t>(plain.items.size()) <= kMaxEnumeratedItems) {
      plain.AddItem({});
    }
    pool = plain.Build();
    vectors = std::move(builder).Build();
  }

  DrawnRows Draw(Policy policy, int count) const {
    policy.min_distance = MinDistance{1, 0};
    return DrawRows(*pool, policy, {{kTestHour, 1, 3}}, count, 1, 1, Cancellation(), vectors.get());
  }

  PlainPool plain;
  std::shared_ptr<const PoolView> pool;
  std::shared_ptr<const VectorTable> vectors;
};

// A block tells of rows under a distance what it tells of rows that name what is near.
TEST(MinDistanceBlockTest, NearItemsAreFalseForTheirRows) {
  constexpr int kDraws = 800;
  const MinDistance distance{0.4, 2};
  for (const bool large : {false, true}) {
    for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
      const GuardScene scene(TestSeed(915), metric, large);
      struct Block {
        std::vector<Ordinal> items = std::vector<Ordinal>(kDraws);
        std::vector<float> log_q = std::vector<float>(kDraws);
        std::vector<uint8_t> components = std::vector<uint8_t>(kDraws);
        std::vector<uint8_t> mask = std::vector<uint8_t>(GuardScene::kRowCount * kDraws / 8);
        std::vector<float> log_remaining = std::vector<float>(GuardScene::kRowCount);
      };
      const auto draw = [&](bool has_distance, const std::vector<PlainRow>& rows) {
        Policy policy{{{1, "", UniformSource{}}, {1, "", PopularitySource{}}}};
        if (has_distance) policy.min_distance = distance;
        const PlainColumns columns(rows);
        const Cancellation never;
        const SourceContext context{scene.pool.get(), scene.vectors.get(), Philox(2), &never};
        Block block;
        SampleTotals totals;
        const absl::Status status = SampleSharedBlock(
            policy, context, columns.Batch(kDraws), 40 * kTestHour, 7,
            {block.items, block.log_q, block.components, block.mask, block.log_remaining}, &totals);
        EXPECT_TRUE(status.ok()) << status;
        return block;
      };
      std::vector<PlainRow> naming;
      naming.reserve(scene.rows.size());
      for (const PlainRow& row : scene.rows)
        naming.push_back(Naming(row, scene.Near(row, distance)));
      const Block plain = draw(false, scene.rows);
      const Block guarded = draw(true, scene.rows);
      const Block named = draw(false, naming);
      EXPECT_EQ(guarded.items, plain.items);
      EXPECT_EQ(guarded.log_q, plain.log_q);
      EXPECT_EQ(guarded.mask, named.mask);
      EXPECT_NE(guarded.mask, plain.mask);
      for (size_t r = 0; r < named.log_remaining.size(); ++r) {
        if (std::isinf(named.log_remaining[r])) {
          EXPECT_EQ(guarded.log_remaining[r], named.log_remaining[r]);
        } else {
          EXPECT_NEAR(guarded.log_remaining[r], named.log_remaining[r], 1e-5);
        }
      }
    }
  }
}

TEST(MinDistanceEdgesTest, ARowOfWhichNothingIsLeftIsEmpty) {
  for (const bool large : {false, true}) {
    const CrowdedScene scene(large);
    for (const SourceSpec& source : {SourceSpec(UniformSource{}), SourceSpec(UniformSource{true}),
                                     SourceSpec(PopularitySource{})}) {
      const DrawnRows drawn = scene.Draw({{{1, "", source}}}, 5);
      EXPECT_EQ(drawn.StatusOf(0), RowStatus::kNoCandidate);
      EXPECT_THAT(drawn.items, testing::Each(kNoOrdinal));
    }
    EXPECT_EQ(scene.Draw({{{1, "", MinedSource{}}}}, 5).StatusOf(0), RowStatus::kExhausted);
  }
}

// One of 20 is left: 64 proposals may all miss it, and the row is then enumerated.
TEST(MinDistanceEdgesTest, TheLastItemIsAlwaysFound) {
  const CrowdedScene scene(true, 1);
  const DrawnRows drawn = scene.Draw({{{1, "", UniformSource{}}}}, 5000);
  EXPECT_EQ(drawn.StatusOf(0), RowStatus::kOk);
  EXPECT_THAT(drawn.items, testing::Each(20));
  EXPECT_THAT(drawn.log_q, testing::Each(drawn.log_q[0]));
  EXPECT_GT(drawn.rejects[static_cast<int>(RejectCause::kUncertain)], 5000);
  EXPECT_GT(drawn.rejects[static_cast<int>(RejectCause::kExcluded)], 0) << "the positive";
  EXPECT_TRUE(std::isnan(drawn.positive_log_q[0]));
}

TEST(MinDistanceEdgesTest, AMixtureWithAnUnknownFactorHasNoLaw) {
  const CrowdedScene scene(true, 5);
  const Policy policy{{{1, "", UniformSource{}}, {1, "", MinedSource{}}}};
  const DrawnRows drawn = scene.Draw(policy, 40);
  EXPECT_EQ(drawn.StatusOf(0), RowStatus::kOk);
  for (size_t i = 0; i < drawn.items.size(); ++i) {
    ASSERT_TRUE(std::isnan(drawn.log_q[i]));
    ASSERT_FALSE(std::isnan(drawn.log_q_source[i]));
  }
  Policy asked = policy;
  asked.min_distance = MinDistance{1, 0};
  EXPECT_EQ(LawsOf(asked, scene.pool->item_count()).mixture, LawKind::kNone);
  EXPECT_EQ(LawsOf(asked, kMaxEnumeratedItems).mixture, LawKind::kExact);
}

TEST(MinDistanceEdgesTest, ARowWithoutRepetitionTakesAllThatIsLeft) {
  for (const bool large : {false, true}) {
    const CrowdedScene scene(large, 5);
    Policy policy{{{1, "", UniformSource{}}}};
    policy.unique = true;
    const DrawnRows drawn = scene.Draw(policy, 8);
    EXPECT_EQ(drawn.StatusOf(0), RowStatus::kShort);
    EXPECT_EQ(drawn.drawn[0], 5);
    const std::set<Ordinal> items(drawn.items.begin(), drawn.items.begin() + 5);
    EXPECT_THAT(items, testing::ElementsAre(20, 21, 22, 23, 24));
  }
}

}  // namespace
}  // namespace negatron
