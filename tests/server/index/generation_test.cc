// SPDX-License-Identifier: Apache-2.0
#include "server/index/generation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/index/generation_builder.h"
#include "storage/base/status.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kDimension = 16;
constexpr uint32_t kItems = 3000;

std::vector<float> RandomVector(SplitMix& random, Metric metric) {
  std::vector<float> vector;
  for (int i = 0; i < kDimension; ++i) {
    vector.push_back(static_cast<float>(random.Unit() * 2 - 1));
  }
  PrepareVector(metric, vector);
  return vector;
}

std::shared_ptr<const VectorTable> RandomTable(SplitMix& random, Metric metric) {
  VectorTableBuilder builder{VectorTable({kDimension, metric})};
  for (Ordinal item = 0; item < kItems; ++item) builder.Set(item, RandomVector(random, metric));
  return std::move(builder).Build();
}

GenerationOptions SmallOptions() {
  GenerationOptions options;
  options.recall_limit = 10;
  return options;
}

Generation Build(const VectorTable& table) {
  auto generation = BuildGeneration(table, 5, 77, SmallOptions(), Cancellation());
  EXPECT_TRUE(generation.ok()) << generation.status();
  return *std::move(generation);
}

TEST(GenerationTest, IsBuiltAndMeasured) {
  for (const Metric metric : {Metric::kInnerProduct, Metric::kCosine, Metric::kL2}) {
    SplitMix random(1);
    const auto table = RandomTable(random, metric);
    const Generation generation = Build(*table);
    EXPECT_EQ(generation.number, 5);
    EXPECT_EQ(generation.build_time, 77);
    EXPECT_EQ(generation.settings, table->settings());
    EXPECT_GE(generation.recall, 0.98);
    EXPECT_GE(generation.ef, 100);
    EXPECT_EQ(generation.graph->links.item_count, kItems);
    EXPECT_TRUE(DeltaOf(*table, generation).empty()) << "nothing has moved";
  }
}

TEST(GenerationTest, DeltaHasWhatIsNewFarOrUnreached) {
  SplitMix random(2);
  const auto table = RandomTable(random, Metric::kCosine);
  Generation generation = Build(*table);
  auto graph = std::make_shared<Graph>(*generation.graph);
  graph->unreached = {1000, 2000};
  generation.graph = std::move(graph);

  std::vector<float> vector(kDimension);
  VectorTableBuilder builder(*table);
  table->Read(7, vector);
  for (float& v : vector) v = -v;
  builder.Set(7, vector);  // Far.
  table->Read(8, vector);
  vector[0] += 0.01F;
  PrepareVector(Metric::kCosine, vector);
  builder.Set(8, vector);                                          // Near.
  builder.Set(kItems + 5, RandomVector(random, Metric::kCosine));  // New.
  const auto next = std::move(builder).Build();
  const std::vector<Ordinal> expected = {7, 1000, 2000, kItems + 5};
  EXPECT_EQ(DeltaOf(*next, generation), expected);

  const std::vector<Ordinal> before = DeltaOf(*table, generation);
  const std::vector<Ordinal> touched = TouchedItems(*table, *next);
  EXPECT_LE(touched.size(), 2 * VectorTable::kPageItems);
  EXPECT_EQ(DeltaOf(*next, generation, before, touched), expected);
  EXPECT_EQ(DeltaOf(*table, generation, expected, touched), before) << "it forgets what came back";
}

TEST(GenerationTest, DeltaIsAFunctionOfTheTable) {
  SplitMix random(3);
  auto table = RandomTable(random, Metric::kL2);
  const Generation generation = Build(*table);
  std::vector<Ordinal> delta = DeltaOf(*table, generation);
  for (int round = 0; round < 30; ++round) {
    VectorTableBuilder builder(*table);
    std::vector<Ordinal> touched;
    for (int i = 0; i < 40; ++i) {
      touched.push_back(static_cast<Ordinal>(random.Below(kItems + 200)));
      builder.Set(touched.back(), RandomVector(random, Metric::kL2));
    }
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    table = std::move(builder).Build();
    delta = DeltaOf(*table, generation, delta, touched);
    ASSERT_EQ(delta, DeltaOf(*table, generation));
  }
  EXPECT_GT(delta.size(), 100U);
}

TEST(GenerationTest, OneThatFindsTooLittleIsRefusedAfterASecondTry) {
  SplitMix random(4);
  const auto table = RandomTable(random, Metric::kL2);
  const auto refusal = [&](const GenerationOptions& options) {
    return BuildGeneration(*table, 1, 1, options, Cancellation()).status();
  };
  GenerationOptions options = SmallOptions();
  options.least_recall = 1.001;
  EXPECT_EQ(ReasonOf(refusal(options)), "INDEX_REFUSED");
  EXPECT_THAT(refusal(options).message(), testing::HasSubstr("recall@10 is 1 at M 32"));
  options = SmallOptions();
  options.least_reached = 1.001;
  EXPECT_EQ(ReasonOf(refusal(options)), "INDEX_REFUSED");
  EXPECT_THAT(refusal(options).message(), testing::HasSubstr("are reached by no way (M 32)"));
}

TEST(RecallReferenceTest, CountsMissesAndForgivesTies) {
  SplitMix random(5);
  const auto table = RandomTable(random, Metric::kL2);
  const Scorer scorer(*table);
  const auto reference =
      RecallReference::Make(scorer, RecallAnchors(*table, 20, 1), 10, Cancellation());
  ASSERT_TRUE(reference.ok());
  EXPECT_EQ(*reference->Measure(ExactSearch(scorer), Cancellation()), 1);
  // A search that leaves out every other item.
  struct Half final : VectorSearch {
    explicit Half(const Scorer& scorer) : exact(scorer) {}
    absl::Status Search(std::span<const float* const> anchors, int limit, Accept accept,
                        const Cancellation& cancellation,
                        std::vector<std::vector<Hit>>* hits) const override {
      return exact.Search(
          anchors, limit,
          [&](size_t q, Ordinal item, float score) {
            return item % 2 == 0 && accept(q, item, score);
          },
          cancellation, hits);
    }
    ExactSearch exact;
  };
  EXPECT_NEAR(*reference->Measure(Half(scorer), Cancellation()), 0.5, 0.15);
}

TEST(RecallReferenceTest, AnchorsAreNearItemsAndTheSameAgain) {
  SplitMix random(6);
  const auto table = RandomTable(random, Metric::kCosine);
  const auto anchors = RecallAnchors(*table, 30, 9);
  EXPECT_EQ(anchors, RecallAnchors(*table, 30, 9));
  EXPECT_NE(anchors, RecallAnchors(*table, 30, 10));
  ASSERT_EQ(anchors.size(), 30U);
  const Scorer scorer(*table);
  for (size_t a = 0; a < anchors.size(); ++a) {
    float best = -1;
    for (const Ordinal item : table->Items()) {
      best = std::max(best, scorer.Score(anchors[a].data(), item));
    }
    if (a % 2 == 0) {
      EXPECT_FLOAT_EQ(best, 1);
    } else {
      EXPECT_GT(best, 0.6);
      EXPECT_LT(best, 0.9999);
    }
  }
  EXPECT_TRUE(RecallAnchors(VectorTable({kDimension, Metric::kL2}), 3, 1).empty());
}

}  // namespace
}  // namespace negatron
