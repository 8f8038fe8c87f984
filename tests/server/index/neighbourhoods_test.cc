// SPDX-License-Identifier: Apache-2.0
#include "server/index/neighbourhoods.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kDimension = 8;
constexpr Ordinal kItems = 500;
constexpr int kSample = 100;
constexpr int kNeighbours = 10;

std::shared_ptr<const VectorTable> RandomTable(uint64_t seed) {
  SplitMix random(seed);
  VectorTableBuilder builder{VectorTable({kDimension, Metric::kL2})};
  for (Ordinal item = 0; item < kItems; ++item) {
    std::vector<float> vector;
    for (int i = 0; i < kDimension; ++i) vector.push_back(static_cast<float>(random.Unit()));
    builder.Set(item, vector);
  }
  return std::move(builder).Build();
}

template <typename Change>
std::shared_ptr<const VectorTable> Changed(const VectorTable& table, const Change& change) {
  VectorTableBuilder builder(table);
  std::vector<float> vector(kDimension);
  for (const Ordinal item : table.Items()) {
    table.Read(item, vector);
    for (float& v : vector) v = change(item, v);
    builder.Set(item, vector);
  }
  return std::move(builder).Build();
}

Neighbourhoods Find(const VectorTable& table) {
  auto found = FindNeighbourhoods(Scorer(table), kSample, kNeighbours, Cancellation());
  EXPECT_TRUE(found.ok());
  return *std::move(found);
}

TEST(NeighbourhoodsTest, AreTheNearest) {
  const auto table = RandomTable(1);
  const Neighbourhoods found = Find(*table);
  ASSERT_EQ(found.all.size(), kSample);
  const auto& one = found.all[7];
  std::vector<float> vector(kDimension);
  table->Read(one.item, vector);
  std::vector<std::pair<float, Ordinal>> all;
  for (const Ordinal other : table->Items()) {
    if (other != one.item) all.emplace_back(-Scorer(*table).Score(vector.data(), other), other);
  }
  std::sort(all.begin(), all.end());
  std::vector<Ordinal> expected;
  for (int i = 0; i < kNeighbours; ++i) expected.push_back(all[i].second);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(one.neighbours, expected);
}

TEST(NeighbourhoodsTest, ChangeIsNoneForTheSameAndAllForAnother) {
  const auto table = RandomTable(2);
  const auto same = Compare(Find(*table), Find(*table));
  ASSERT_TRUE(same.has_value());
  EXPECT_EQ(same->preservation, 1);
  EXPECT_EQ(same->projection_shift, 0);
  const auto other = Compare(Find(*table), Find(*RandomTable(3)));
  EXPECT_NEAR(other->preservation, double{kNeighbours} / kItems, 0.03);
  // Everything moved by its own length: neighbours stay, projections do not.
  const auto grown = Changed(*table, [](Ordinal, float v) { return 2 * v; });
  const auto change = Compare(Find(*table), Find(*grown));
  EXPECT_EQ(change->preservation, 1);
  EXPECT_NEAR(change->projection_shift, 1, 1e-6);
}

TEST(NeighbourhoodsTest, ComparesItemsThatBothHave) {
  const auto table = RandomTable(4);
  VectorTableBuilder builder{VectorTable({kDimension, Metric::kL2})};
  std::vector<float> vector(kDimension);
  for (Ordinal item = 0; item < kItems; item += 2) {
    table->Read(item, vector);
    builder.Set(item, vector);
  }
  const auto change = Compare(Find(*table), Find(*std::move(builder).Build()));
  ASSERT_TRUE(change.has_value());
  EXPECT_NEAR(change->preservation, 0.5, 0.1) << "half of the neighbours are gone";
  EXPECT_FALSE(Compare(Find(*table), Neighbourhoods()).has_value());
}

TEST(NeighbourhoodsTest, PurityCountsAkinNeighbours) {
  const Neighbourhoods found = Find(*RandomTable(5));
  EXPECT_EQ(Purity(found, [](Ordinal, Ordinal) { return true; }), 1);
  EXPECT_NEAR(*Purity(found, [](Ordinal a, Ordinal b) { return a % 4 == b % 4; }), 0.25, 0.07);
  EXPECT_FALSE(Purity(Neighbourhoods(), [](Ordinal, Ordinal) { return true; }).has_value());
}

}  // namespace
}  // namespace negatron
