// SPDX-License-Identifier: Apache-2.0
// Rows of a call that have the same anchor: they share scores, and nothing else.
#include "server/index/equal_anchors.h"

#include <memory>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/index/search.h"
#include "server/index/softmax_scan.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kDimension = 7;
constexpr Ordinal kItems = 3 * SoftmaxScan::kBlockItems + 40;
constexpr size_t kQueries = 9;

// Queries 0, 3, 6, ... are the same, and so are those one and two behind.
class EqualAnchorsTest : public testing::Test {
 protected:
  EqualAnchorsTest() {
    SplitMix random(3);
    VectorTableBuilder builder{VectorTable({kDimension, Metric::kInnerProduct})};
    std::vector<float> vector(kDimension);
    const auto fill = [&] {
      for (float& value : vector) value = static_cast<float>(random.Unit() - 0.5);
    };
    for (Ordinal item = 0; item < kItems; ++item) {
      fill();
      builder.Set(item, vector);
    }
    table_ = std::move(builder).Build();
    for (size_t q = 0; q < kQueries; ++q) {
      if (q < 3) fill();
      vectors_.push_back(q < 3 ? vector : vectors_[q - 3]);
    }
    for (const std::vector<float>& one : vectors_) anchors_.push_back(one.data());
  }

  // Of each query others; the first has no item of some pages.
  static bool Accepts(size_t query, Ordinal item) {
    if (query == 0 && item / VectorTable::kPageItems % 2 == 0) return false;
    return item % kQueries != query;
  }

  std::shared_ptr<const VectorTable> table_;
  std::vector<std::vector<float>> vectors_;
  std::vector<const float*> anchors_;
};

TEST_F(EqualAnchorsTest, AreFoundByTheirBits) {
  EXPECT_THAT(FirstEqual(anchors_, kDimension), testing::ElementsAre(0, 1, 2, 0, 1, 2, 0, 1, 2));
  vectors_[4].back() = -vectors_[4].back();
  EXPECT_THAT(FirstEqual(anchors_, kDimension), testing::ElementsAre(0, 1, 2, 0, 4, 2, 0, 1, 2));
  EXPECT_TRUE(FirstEqual({}, kDimension).empty());
}

TEST_F(EqualAnchorsTest, ExactSearchFindsForEachWhatItFindsAlone) {
  const ExactSearch search{Scorer(*table_)};
  std::vector<std::vector<Hit>> together;
  const auto accept = [](size_t q, Ordinal item, float) { return Accepts(q, item); };
  ASSERT_TRUE(search.Search(anchors_, 30, accept, Cancellation(), &together).ok());
  for (size_t q = 0; q < kQueries; ++q) {
    std::vector<std::vector<Hit>> alone;
    const auto its = [&](size_t, Ordinal item, float) { return Accepts(q, item); };
    ASSERT_TRUE(search.Search({&anchors_[q], 1}, 30, its, Cancellation(), &alone).ok());
    ASSERT_EQ(together[q].size(), alone[0].size());
    for (size_t i = 0; i < alone[0].size(); ++i) {
      EXPECT_EQ(together[q][i].item, alone[0][i].item);
      EXPECT_EQ(together[q][i].score, alone[0][i].score);
    }
  }
}

TEST_F(EqualAnchorsTest, SoftmaxSumsAreThoseOfEachAlone) {
  const Scorer scorer(*table_);
  const SoftmaxScan scan(scorer, 0.3);
  const auto mask = [](size_t q, size_t page, uint64_t present) {
    uint64_t accepted = 0;
    for (uint32_t r = 0; r < VectorTable::kPageItems; ++r) {
      const auto item = static_cast<Ordinal>(page * VectorTable::kPageItems + r);
      if (Accepts(q, item)) accepted |= uint64_t{1} << r;
    }
    return accepted & present;
  };
  std::vector<SoftmaxSums> together;
  ASSERT_TRUE(scan.Scan(anchors_, mask, Cancellation(), &together).ok());
  for (size_t q = 0; q < kQueries; ++q) {
    std::vector<SoftmaxSums> alone;
    const auto its = [&](size_t, size_t page, uint64_t present) { return mask(q, page, present); };
    ASSERT_TRUE(scan.Scan({&anchors_[q], 1}, its, Cancellation(), &alone).ok());
    EXPECT_EQ(together[q].total, alone[0].total);
    EXPECT_EQ(together[q].max_score, alone[0].max_score);
    EXPECT_EQ(together[q].cumulated, alone[0].cumulated);
    EXPECT_EQ(together[q].block_max, alone[0].block_max);
  }
}

}  // namespace
}  // namespace negatron
