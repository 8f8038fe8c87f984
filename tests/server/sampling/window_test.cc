// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/window.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/pool/pool_builder.h"
#include "tests/support/catalogue_pool.h"
#include "tests/support/law_test_util.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

const std::vector<Hit> kHits = {{2.5F, 7}, {1, 3}, {1, 9}, {-4, 1}};

TEST(WindowTest, InOrderPicksOneAfterTheOtherAndHasNoLaw) {
  Window window = Window::InOrder(kHits);
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(window.Pick(~uint64_t{0}), i % 4);
  EXPECT_TRUE(std::isnan(window.q(0)));
  EXPECT_TRUE(std::isnan(window.Probability(7)));
  EXPECT_TRUE(std::isnan(window.Probability(8)));
}

// Two hypotheses of 100,000 picks each.
TEST(WindowTest, PicksFitTheProbabilitiesThatItTells) {
  constexpr int kPicks = 100000;
  const std::vector<uint32_t> copies = {1, 2, 5, 90};
  FalseAlarmBudget budget(2);
  const Philox random(TestSeed(920));
  for (const bool softmax : {false, true}) {
    Window window = softmax ? Window::Softmax(kHits, 2, copies) : Window::Uniform(kHits);
    OracleLaw law;
    double sum = 0;
    for (size_t i = 0; i < kHits.size(); ++i) {
      const double weight = softmax ? copies[i] * std::exp(double{kHits[i].score} / 2) : 1;
      sum += law[kHits[i].item] = weight;
    }
    std::map<int64_t, int64_t> counts;
    for (uint64_t key = 0; key < kPicks; ++key) {
      const absl::uint128 bits = random.Bits(key, 0, RandomPurpose::kWindow, 0);
      ++counts[window.hit(window.Pick(absl::Uint128High64(bits))).item];
    }
    for (auto& [item, q] : law) q /= sum;
    for (size_t i = 0; i < kHits.size(); ++i) {
      EXPECT_NEAR(window.q(i), law[kHits[i].item], 1e-12);
      EXPECT_EQ(window.Probability(kHits[i].item), window.q(i));
    }
    EXPECT_EQ(window.Probability(8), 0);
    EXPECT_TRUE(FitsLaw(counts, law, budget.Next()));
  }
}

TEST(WindowTest, ExtremeTemperaturesStayFinite) {
  const std::vector<Hit> far = {{-3e37F, 0}, {3e37F, 1}};
  Window cold = Window::Softmax(far, 1e-300);
  EXPECT_EQ(cold.q(1), 1);
  EXPECT_EQ(cold.q(0), kLeastProbability);
  EXPECT_EQ(cold.Pick(0), 1u);
  EXPECT_EQ(cold.Pick(~uint64_t{0}), 1u);
  EXPECT_EQ(Window::Softmax(far, 1e300).q(0), 0.5);
}

TEST(WindowTest, CandidatesWithoutALawAreTakenInOrder) {
  std::vector<Candidate> candidates;
  Window::InOrder(kHits).AppendTo(&candidates);
  Window::Softmax({{0, 4}, {1e9F, 5}}, 1).AppendTo(&candidates);
  ASSERT_EQ(candidates.size(), 6u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(candidates[i].item, kHits[i].item);
    EXPECT_EQ(candidates[i].score, kHits[i].score);
    EXPECT_EQ(candidates[i].weight, 0);
    EXPECT_LT(candidates[i].preference, i == 0 ? 1 : candidates[i - 1].preference);
  }
  // One that vanishes beside others has no weight.
  EXPECT_EQ(candidates[4].weight, 0);
  EXPECT_EQ(candidates[5].weight, 1);
  EXPECT_EQ(candidates[5].preference, candidates[5].score);
}

// Whether few items stand before those that a cap lets through, or more than there are attempts.
TEST(NearestTopTest, RowsWithCapsGoOnInOrderOfRank) {
  for (const int crowd : {3, 20, 300}) {
    const PoolView empty(PoolSettings{IdType::kInt64, IdType::kInt64, 0});
    PoolBuilder builder(empty);
    VectorTableBuilder vectors{VectorTable(EmbeddingSettings{1, Metric::kInnerProduct})};
    const int items = crowd + 50;
    for (int i = 0; i < items; ++i) {
      const std::string category = i < crowd ? "crowd" : "of its own " + std::to_string(i);
      builder.AddItem({0, {i, {}}, {Interval{}}, false, 0, 1.0F, {category}});
      const float score = static_cast<float>(-i);
      vectors.Set(static_cast<Ordinal>(i), {&score, 1});
    }
    const CataloguePool pool{std::move(builder).Build(), std::move(vectors).Build()};
    Policy policy{{{1, "", NearestSource{NearestAnchor::kQuery, 0, items, NearestPick::kTop, 0}}}};
    policy.category_cap = 1;
    OracleRow row;
    row.query = {1};
    SampledRows sampled = Sample(pool, policy, {row}, {5}, 4, 1);
    ASSERT_EQ(sampled.statuses[0], static_cast<uint8_t>(RowStatus::kOk));
    EXPECT_THAT(sampled.ids, testing::UnorderedElementsAre(0, crowd, crowd + 1, crowd + 2));
  }
}

}  // namespace
}  // namespace negatron
