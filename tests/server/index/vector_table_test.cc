// SPDX-License-Identifier: Apache-2.0
#include "server/index/vector_table.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

constexpr EmbeddingSettings kSettings{2, Metric::kInnerProduct};

TEST(VectorTableTest, TablesKeepWhatTheyHeld) {
  VectorTableBuilder first{VectorTable(kSettings)};
  first.Set(0, std::vector<float>{1, 2});
  first.Set(1000, std::vector<float>{3, 4});
  const auto one = std::move(first).Build();
  VectorTableBuilder second(*one);
  second.Set(0, std::vector<float>{5, 6});
  second.Set(1, std::vector<float>{7, 8});
  const auto two = std::move(second).Build();
  EXPECT_EQ(one->size(), 2);
  std::vector<float> vector(2);
  EXPECT_TRUE(one->Read(0, vector));
  EXPECT_THAT(vector, testing::ElementsAre(1, 2));
  EXPECT_FALSE(one->Read(1, vector));
  EXPECT_FALSE(one->Contains(1));
  EXPECT_EQ(two->size(), 3);
  EXPECT_TRUE(two->Read(0, vector));
  EXPECT_THAT(vector, testing::ElementsAre(5, 6));
  EXPECT_TRUE(two->Contains(1000));
  EXPECT_FALSE(two->Contains(1000000));
  const size_t page = 1000 / VectorTable::kPageItems;
  EXPECT_EQ(one->page(page), two->page(page)) << "an untouched page is shared";
}

TEST(PrepareVectorTest, NormalisesUnderCosineOnly) {
  std::vector<float> vector = {3, 4};
  EXPECT_TRUE(PrepareVector(Metric::kL2, vector).empty());
  EXPECT_THAT(vector, testing::ElementsAre(3, 4));
  EXPECT_TRUE(PrepareVector(Metric::kCosine, vector).empty());
  EXPECT_THAT(vector, testing::ElementsAre(0.6f, 0.8f));
}

TEST(PrepareVectorTest, RefusesWhatHasNoScore) {
  std::vector<float> nan = {1, std::numeric_limits<float>::quiet_NaN()};
  std::vector<float> infinite = {std::numeric_limits<float>::infinity(), 1};
  std::vector<float> huge = {1e19f, 1};
  std::vector<float> zero = {0, 0};
  EXPECT_FALSE(PrepareVector(Metric::kInnerProduct, nan).empty());
  EXPECT_FALSE(PrepareVector(Metric::kL2, infinite).empty());
  EXPECT_FALSE(PrepareVector(Metric::kInnerProduct, huge).empty());
  EXPECT_FALSE(PrepareVector(Metric::kCosine, zero).empty());
  EXPECT_TRUE(PrepareVector(Metric::kInnerProduct, zero).empty());
}

}  // namespace
}  // namespace negatron
