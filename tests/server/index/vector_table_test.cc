// SPDX-License-Identifier: Apache-2.0
#include "server/index/vector_table.h"

#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

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

TEST(VectorTableTest, EachVectorHasTheStampItWasWrittenWith) {
  constexpr Micros kSecond = 1000000;
  VectorTableBuilder first{VectorTable(kSettings)};
  const std::vector<float> vector = {1, 2};
  first.Set(3, vector, {7, 10 * kSecond + 999999});
  first.Set(4, vector, {6, 5 * kSecond});
  first.Set(64, vector);
  const auto one = std::move(first).Build();
  EXPECT_EQ(one->Stamp(3), (VectorStamp{7, 10 * kSecond}));
  EXPECT_EQ(one->Stamp(4), (VectorStamp{6, 5 * kSecond}));
  EXPECT_EQ(one->Stamp(64), VectorStamp());
  EXPECT_EQ(one->Stamp(5), VectorStamp()) << "no vector";
  EXPECT_EQ(one->Stamp(1000000), VectorStamp());
  EXPECT_EQ(one->highest_model_version(), 7);
  VectorTableBuilder second(*one);
  second.Set(3, vector, {8, 1LL << 62});
  second.Set(4, vector, {6, -5 * kSecond});
  EXPECT_EQ(second.table().highest_model_version(), 8);
  const auto two = std::move(second).Build();
  EXPECT_EQ(two->Stamp(3), (VectorStamp{8, 0xFFFFFFFF * kSecond}));
  EXPECT_EQ(two->Stamp(4), (VectorStamp{6, 0}));
  EXPECT_EQ(one->Stamp(3), (VectorStamp{7, 10 * kSecond})) << "tables keep what they held";
  EXPECT_EQ(one->highest_model_version(), 7);
}

TEST(VectorTableTest, StampsOfWholePagesCostNextToNothing) {
  const auto bytes = [](int64_t version_of_odd) {
    VectorTableBuilder builder{VectorTable(kSettings)};
    for (Ordinal item = 0; item < VectorTable::kPageItems; ++item) {
      builder.Set(item, std::vector<float>{1, 2}, {item % 2 == 1 ? version_of_odd : 1, 1000000});
    }
    return std::move(builder).Build()->bytes();
  };
  EXPECT_EQ(bytes(2) - bytes(1), int64_t{VectorTable::kPageItems + sizeof(int64_t)})
      << "a byte an item, and the second version";
}

// Against a plain array.
TEST(PageColumnTest, HoldsWhatWasSet) {
  std::mt19937 random(1);
  PageColumn<int64_t, 64> column;
  std::vector<int64_t> plain(64);
  std::vector<bool> set(64, false);
  for (int round = 0; round < 20000; ++round) {
    // Spells with many and with few distinct values, and whole pages of one.
    const uint32_t distinct = round / 1000 % 2 == 0 ? 1000 : 3;
    if (random() % 500 == 0) {
      for (uint32_t row = 0; row < 64; ++row) column.Set(row, round);
      plain.assign(64, round);
      set.assign(64, true);
      EXPECT_EQ(column.bytes(), 8) << "one value, and no index";
    }
    const uint32_t row = random() % 64;
    plain[row] = random() % distinct;
    set[row] = true;
    column.Set(row, plain[row]);
    for (uint32_t i = 0; i < 64; ++i) {
      if (set[i]) {
        ASSERT_EQ(column.at(i), plain[i]) << "round " << round;
      }
    }
  }
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

TEST(PrepareToStoreTest, RoundsAfterNormalising) {
  constexpr EmbeddingSettings kNarrow{2, Metric::kCosine, ElementType::kBfloat16};
  std::vector<float> vector = {3, 4};
  EXPECT_TRUE(PrepareToStore(kNarrow, vector).empty());
  EXPECT_THAT(vector, testing::ElementsAre(0x1.34p-1F, 0x1.9Ap-1F)) << "0.6 and 0.8";
  vector = {3, 4};
  EXPECT_TRUE(PrepareToStore({2, Metric::kCosine}, vector).empty());
  EXPECT_THAT(vector, testing::ElementsAre(0.6f, 0.8f));
  vector = {0.6f, 0.8f};
  EXPECT_TRUE(PrepareToStore({2, Metric::kL2, ElementType::kBfloat16}, vector).empty());
  EXPECT_THAT(vector, testing::ElementsAre(0x1.34p-1F, 0x1.9Ap-1F));
}

TEST(PrepareToStoreTest, RefusesWhatHasNoScoreAndMakesNoInfinity) {
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    const EmbeddingSettings settings{1, metric, ElementType::kBfloat16};
    std::vector<float> vector = {std::numeric_limits<float>::max()};
    EXPECT_FALSE(PrepareToStore(settings, vector).empty()) << "rounds to infinity";
    vector = {std::nextafter(0x1.FFp127F, 0.0F)};
    EXPECT_FALSE(PrepareToStore(settings, vector).empty());
    vector = {-3.16e18F};
    EXPECT_TRUE(PrepareToStore(settings, vector).empty());
    EXPECT_NEAR(vector[0] / -3.16e18, 1, 1.0 / 256);
  }
  std::vector<float> large = {0x1.FFp127F, 0x1.FFFFFEp127F};
  EXPECT_FALSE(PrepareToStore({2, Metric::kCosine, ElementType::kBfloat16}, large).empty());
}

TEST(VectorTableTest, KeepsBfloat16InTwoBytes) {
  for (const int dimension : {1, 15, 16, 37, 64}) {
    const EmbeddingSettings narrow{dimension, Metric::kL2, ElementType::kBfloat16};
    VectorTableBuilder two_bytes{VectorTable(narrow)};
    VectorTableBuilder four_bytes{VectorTable({dimension, Metric::kL2})};
    SplitMix random(dimension);
    std::vector<std::vector<float>> vectors;
    for (Ordinal item = 0; item < 2 * VectorTable::kPageItems; ++item) {
      std::vector<float> vector(dimension);
      for (float& value : vector) value = static_cast<float>(random.Unit() * 8 - 4);
      ASSERT_TRUE(PrepareToStore(narrow, vector).empty());
      two_bytes.Set(item, vector);
      four_bytes.Set(item, vector);
      vectors.push_back(std::move(vector));
    }
    const auto table = std::move(two_bytes).Build();
    std::vector<float> read(dimension);
    for (Ordinal item = 0; item < vectors.size(); ++item) {
      ASSERT_TRUE(table->Read(item, read));
      ASSERT_EQ(read, vectors[item]) << item;
    }
    EXPECT_EQ(std::move(four_bytes).Build()->bytes() - table->bytes(),
              2 * VectorTable::kPageItems * 2 * dimension);
  }
}

}  // namespace
}  // namespace negatron
