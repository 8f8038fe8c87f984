// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

#include "server/index/search.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kDimension = 3;

// Coordinates are small multiples of 1/2: scores are exact and ties are many.
std::vector<float> RandomVector(SplitMix& random) {
  std::vector<float> vector(kDimension);
  for (float& value : vector) value = static_cast<float>(random.Between(-3, 3)) / 2;
  return vector;
}

std::vector<Hit> BruteForce(const VectorTable& table, const Scorer& scorer, const float* anchor,
                            uint32_t items, size_t query, int limit) {
  std::vector<Hit> hits;
  for (Ordinal item = 0; item < items; ++item) {
    if (!table.Contains(item) || (item + query) % 5 == 0) continue;
    hits.push_back({scorer.Score(anchor, item), item});
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const Hit& a, const Hit& b) { return a.score > b.score; });
  hits.resize(std::min<size_t>(hits.size(), limit));
  return hits;
}

TEST(ExactSearchTest, AgreesWithBruteForceWithFilterAndTies) {
  SplitMix random(3);
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    constexpr uint32_t kItems = 700;
    VectorTableBuilder builder{VectorTable({kDimension, metric})};
    for (Ordinal item = 0; item < kItems; ++item) {
      if (random.Chance(0.8)) builder.Set(item, RandomVector(random));
    }
    const auto table = std::move(builder).Build();
    const Scorer scorer(*table);
    const ExactSearch search(scorer);
    std::vector<std::vector<float>> queries;
    std::vector<const float*> anchors;
    for (int q = 0; q < 9; ++q) queries.push_back(RandomVector(random));
    for (const auto& query : queries) anchors.push_back(query.data());
    const auto accept = [&](size_t query, Ordinal item, float score) {
      EXPECT_EQ(score, scorer.Score(anchors[query], item));
      return (item + query) % 5 != 0;
    };
    // Some select among few, some among many with several rounds, one never selects.
    for (const int limit : {1, 10, 33, 100, 250, 10000}) {
      std::vector<std::vector<Hit>> hits;
      ASSERT_TRUE(search.Search(anchors, limit, accept, Cancellation(), &hits).ok());
      for (size_t q = 0; q < anchors.size(); ++q) {
        const std::vector<Hit> expected = BruteForce(*table, scorer, anchors[q], kItems, q, limit);
        ASSERT_EQ(hits[q].size(), expected.size());
        for (size_t i = 0; i < expected.size(); ++i) {
          ASSERT_EQ(hits[q][i].item, expected[i].item) << "rank " << i;
          ASSERT_EQ(hits[q][i].score, expected[i].score);
        }
      }
    }
  }
}

TEST(ExactSearchTest, FindsInBfloat16WhatItFindsInTheSameValuesInFloat32) {
  constexpr int kWide = 37;
  constexpr uint32_t kItems = 500;
  SplitMix random(4);
  for (const Metric metric : {Metric::kInnerProduct, Metric::kCosine, Metric::kL2}) {
    const EmbeddingSettings narrow{kWide, metric, ElementType::kBfloat16};
    VectorTableBuilder two_bytes{VectorTable(narrow)}, four_bytes{VectorTable({kWide, metric})};
    std::vector<float> vector(kWide), query(kWide);
    for (Ordinal item = 0; item < kItems; ++item) {
      for (float& value : vector) value = static_cast<float>(random.Unit() - 0.5);
      ASSERT_TRUE(PrepareToStore(narrow, vector).empty());
      two_bytes.Set(item, vector);
      four_bytes.Set(item, vector);
    }
    for (float& value : query) value = static_cast<float>(random.Unit() - 0.5);
    const auto all = [](size_t, Ordinal, float) { return true; };
    const auto search = [&](VectorTableBuilder&& builder) {
      const auto table = std::move(builder).Build();
      const float* const anchors[] = {query.data()};
      std::vector<std::vector<Hit>> hits;
      EXPECT_TRUE(
          ExactSearch(Scorer(*table)).Search(anchors, kItems, all, Cancellation(), &hits).ok());
      return hits.at(0);
    };
    const std::vector<Hit> hits = search(std::move(two_bytes));
    const std::vector<Hit> expected = search(std::move(four_bytes));
    ASSERT_EQ(hits.size(), kItems);
    for (size_t i = 0; i < kItems; ++i) {
      ASSERT_EQ(hits[i].item, expected[i].item) << "rank " << i;
      ASSERT_EQ(hits[i].score, expected[i].score);
    }
  }
}

TEST(ExactSearchTest, StopsWhenCancelled) {
  VectorTableBuilder builder{VectorTable({kDimension, Metric::kL2})};
  builder.Set(1, std::vector<float>(kDimension, 1.0f));
  const auto table = std::move(builder).Build();
  const std::vector<float> query(kDimension, 0.0f);
  const float* const anchors[] = {query.data()};
  Cancellation cancellation;
  cancellation.Cancel();
  std::vector<std::vector<Hit>> hits;
  const auto all = [](size_t, Ordinal, float) { return true; };
  EXPECT_EQ(ExactSearch(Scorer(*table)).Search(anchors, 1, all, cancellation, &hits).code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace negatron
