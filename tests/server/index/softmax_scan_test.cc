// SPDX-License-Identifier: Apache-2.0
#include "server/index/softmax_scan.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

TEST(ExpOfNegativeTest, IsTheExponential) {
  EXPECT_EQ(ExpOfNegative(0), 1);
  EXPECT_EQ(ExpOfNegative(-0.0), 1);
  EXPECT_EQ(ExpOfNegative(-std::numeric_limits<double>::infinity()), 0);
  EXPECT_EQ(ExpOfNegative(-709), 0);
  for (double x = -1e-12; x > -708; x *= 1.001) {
    ASSERT_NEAR(ExpOfNegative(x) / std::exp(x), 1, 1e-15) << x;
  }
}

TEST(FindCumulatedTest, FindsOnlyWhatAdded) {
  const std::vector<double> cumulated = {0, 1, 1, 3, 4, 4};
  EXPECT_EQ(FindCumulated(cumulated, 0), 1);
  EXPECT_EQ(FindCumulated(cumulated, 0.2), 1);
  EXPECT_EQ(FindCumulated(cumulated, 0.25), 3);
  EXPECT_EQ(FindCumulated(cumulated, 0.75), 4);
  EXPECT_EQ(FindCumulated(cumulated, 1 - 0x1p-53), 4);
  // A product that rounds to the whole.
  const double least = std::numeric_limits<double>::denorm_min();
  const std::vector<double> tiny = {0, least, least};
  EXPECT_EQ(FindCumulated(tiny, 1 - 0x1p-53), 1);
}

// Scores as large as settings allow, and further apart than any temperature bridges.
TEST(SoftmaxScanTest, HugeScoresNeitherOverflowNorVanish) {
  constexpr size_t kItems = 3 * SoftmaxScan::kBlockItems / 2;
  VectorTable empty(EmbeddingSettings{1, Metric::kInnerProduct});
  VectorTableBuilder builder(empty);
  for (size_t i = 0; i < kItems; ++i) {
    const float value = i % 2 == 0 ? -3e18F : 3e18F;
    builder.Set(static_cast<Ordinal>(i), {&value, 1});
  }
  const auto table = std::move(builder).Build();
  const Scorer scorer(*table);
  const SoftmaxScan scan(scorer, 1e-3);
  const float anchor = 3e18F;
  const std::vector<const float*> anchors = {&anchor};
  std::vector<SoftmaxSums> sums;
  const auto all = [](size_t, size_t, uint64_t present) { return present; };
  ASSERT_TRUE(scan.Scan(anchors, all, Cancellation(), &sums).ok());
  EXPECT_EQ(sums[0].total, kItems / 2);
  EXPECT_EQ(scan.Probability(sums[0], 1, sums[0].max_score), 2.0 / kItems);
  EXPECT_EQ(scan.Probability(sums[0], 0, -sums[0].max_score), 0);
  SoftmaxBlock block;
  ASSERT_TRUE(scan.Weigh(0, &anchor, 1, all, Cancellation(), &block).ok());
  EXPECT_EQ(block.cumulated.back(), SoftmaxScan::kBlockItems / 4);
}

TEST(SoftmaxScanTest, SumsInBfloat16WhatItSumsOfTheSameValuesInFloat32) {
  constexpr int kDimension = 21;
  constexpr Ordinal kItems = 5 * SoftmaxScan::kBlockItems / 2;
  constexpr EmbeddingSettings kNarrow{kDimension, Metric::kL2, ElementType::kBfloat16};
  SplitMix random(1);
  VectorTableBuilder two_bytes{VectorTable(kNarrow)};
  VectorTableBuilder four_bytes{VectorTable({kDimension, Metric::kL2})};
  std::vector<float> vector(kDimension), anchor(kDimension);
  for (Ordinal item = 0; item < kItems; ++item) {
    for (float& value : vector) value = static_cast<float>(random.Unit() - 0.5);
    ASSERT_TRUE(PrepareToStore(kNarrow, vector).empty());
    two_bytes.Set(item, vector);
    four_bytes.Set(item, vector);
  }
  for (float& value : anchor) value = static_cast<float>(random.Unit() - 0.5);
  const auto all = [](size_t, size_t, uint64_t present) { return present; };
  const auto scan = [&](VectorTableBuilder&& builder, SoftmaxSums* sums, SoftmaxBlock* block) {
    const auto table = std::move(builder).Build();
    const Scorer scorer(*table);
    const SoftmaxScan softmax(scorer, 0.1);
    const std::vector<const float*> anchors = {anchor.data()};
    std::vector<SoftmaxSums> scanned;
    ASSERT_TRUE(softmax.Scan(anchors, all, Cancellation(), &scanned).ok());
    *sums = scanned.at(0);
    ASSERT_TRUE(softmax.Weigh(0, anchor.data(), 2, all, Cancellation(), block).ok());
  };
  SoftmaxSums sums, expected_sums;
  SoftmaxBlock block, expected_block;
  scan(std::move(two_bytes), &sums, &block);
  scan(std::move(four_bytes), &expected_sums, &expected_block);
  EXPECT_EQ(sums.total, expected_sums.total);
  EXPECT_EQ(sums.max_score, expected_sums.max_score);
  EXPECT_EQ(sums.block_max, expected_sums.block_max);
  EXPECT_EQ(sums.cumulated, expected_sums.cumulated);
  EXPECT_EQ(block.scores, expected_block.scores);
  EXPECT_EQ(block.cumulated, expected_block.cumulated);
}

}  // namespace
}  // namespace negatron
