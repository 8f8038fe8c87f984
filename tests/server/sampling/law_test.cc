// SPDX-License-Identifier: Apache-2.0
// The laws of the sources against brute force (tests/support/oracle.h), by the
// tests of tests/support/law_test_util.h.
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/catalogue_pool.h"
#include "tests/support/law_test_util.h"
#include "tests/support/oracle.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kEventsPerCommit = 37;

OracleComponent Component(OracleSource source, double share = 1.0) {
  OracleComponent component;
  component.share = share;
  component.source = source;
  return component;
}

OracleComponent Nearest(OraclePick pick, int begin, int end, double share = 1.0,
                        OracleAnchor anchor = OracleAnchor::kQuery) {
  OracleComponent component = Component(OracleSource::kNearest, share);
  component.nearest = {anchor, begin, end, pick, 0.7};
  return component;
}

std::vector<uint64_t> Keys(size_t count, uint64_t first = 1) {
  std::vector<uint64_t> keys(count);
  std::iota(keys.begin(), keys.end(), first);
  return keys;
}

OracleLaw LawOfRow(const OracleCatalogue& catalogue, const OracleRow& row, OracleSource source) {
  return source == OracleSource::kUniform ? OracleUniform(catalogue, row)
                                          : OraclePopularity(catalogue, row);
}

class CatalogueLawTest : public testing::TestWithParam<OracleSource> {};

// Rows of one law each: 20,000 draws for each of 4 x 8 contexts.
TEST_P(CatalogueLawTest, DrawsFitTheLawOfEachRow) {
  constexpr int kCases = 4, kRows = 8, kDraws = 20000;
  FalseAlarmBudget budget(kCases * kRows);
  for (int c = 0; c < kCases; ++c) {
    const RandomCase random = MakeRandomCase(TestSeed(100 + c), kRows);
    SCOPED_TRACE(random.Trace());
    const CataloguePool pool = BuildPool(random.catalogue, kEventsPerCommit);
    const Policy policy = MakePolicy({Component(GetParam())});
    for (int r = 0; r < kRows; ++r) {
      const std::vector<OracleRow> rows = {random.rows[r]};
      const OracleLaw law = LawOfRow(random.catalogue, rows[0], GetParam());
      const SampledRows sampled = Sample(pool, policy, rows, Keys(1, r), kDraws, c);
      ASSERT_TRUE(sampled.status.ok());
      if (law.empty()) {
        EXPECT_NE(sampled.statuses[0], static_cast<uint8_t>(RowStatus::kOk)) << "row " << r;
        budget.Next();
        continue;
      }
      EXPECT_TRUE(FitsLaw(CountDraws(sampled.ids), law, budget.Next())) << "row " << r;
      for (size_t i = 0; i < sampled.ids.size(); ++i) {
        ASSERT_TRUE(LogQAgrees(sampled.log_q[i], law, sampled.ids[i])) << "row " << r;
        ASSERT_EQ(sampled.log_q[i], sampled.log_q_source[i]);
      }
    }
  }
}

// Rows of many laws, each with an as-of time of its own: 4 x 2,000 rows.
TEST_P(CatalogueLawTest, DrawsOfManyAsOfTimesFitTheirLaws) {
  constexpr int kCases = 4, kRows = 2000, kDraws = 8;
  FalseAlarmBudget budget(kCases);
  for (int c = 0; c < kCases; ++c) {
    const RandomCase random = MakeRandomCase(TestSeed(200 + c), kRows);
    SCOPED_TRACE(random.Trace());
    const CataloguePool pool = BuildPool(random.catalogue, kEventsPerCommit);
    const SampledRows sampled =
        Sample(pool, MakePolicy({Component(GetParam())}), random.rows, Keys(kRows), kDraws, 77);
    ASSERT_TRUE(sampled.status.ok());
    TransformTest transform(random.seed);
    for (int r = 0; r < kRows; ++r) {
      const OracleLaw law = LawOfRow(random.catalogue, random.rows[r], GetParam());
      if (law.empty()) continue;
      const auto first = sampled.ids.begin() + r * kDraws;
      transform.Add(law, std::vector<int64_t>(first, first + kDraws));
      for (int i = r * kDraws; i < (r + 1) * kDraws; ++i) {
        ASSERT_TRUE(LogQAgrees(sampled.log_q[i], law, sampled.ids[i])) << "row " << r;
      }
    }
    EXPECT_TRUE(transform.Verdict(budget.Next()));
  }
}

INSTANTIATE_TEST_SUITE_P(Sources, CatalogueLawTest,
                         testing::Values(OracleSource::kUniform, OracleSource::kPopularity),
                         [](const testing::TestParamInfo<OracleSource>& source) {
                           return source.param == OracleSource::kUniform ? "Uniform" : "Popularity";
                         });

// Statuses, shares, components and both log q of mixtures, on 60 x 40 rows.
TEST(MixtureTest, ReportsWhatTheOracleSays) {
  const std::vector<std::vector<OracleComponent>> policies = {
      {Component(OracleSource::kUniform, 0.3), Component(OracleSource::kPopularity, 0.7)},
      {Component(OracleSource::kPopularity, 1), Nearest(OraclePick::kSoftmax, 0, 6, 1)},
      {Nearest(OraclePick::kUniform, 2, 9, 2), Component(OracleSource::kUniform, 1),
       Component(OracleSource::kUniform, 0), Component(OracleSource::kPopularity, 1)},
      {Nearest(OraclePick::kTop, 0, 5, 1, OracleAnchor::kPositive),
       Component(OracleSource::kPopularity, 1)},
  };
  constexpr int kRows = 40, kDraws = 7;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    RandomCatalogueOptions options;
    options.embedding = EmbeddingSettings{4, static_cast<Metric>(1 + seed % 3)};
    const RandomCase random = MakeRandomCase(TestSeed(300 + seed), kRows, options);
    SCOPED_TRACE(random.Trace());
    const CataloguePool pool = BuildPool(random.catalogue, kEventsPerCommit);
    const std::vector<OracleComponent>& components = policies[seed % policies.size()];
    const SampledRows sampled =
        Sample(pool, MakePolicy(components), random.rows, Keys(kRows), kDraws, seed);
    ASSERT_TRUE(sampled.status.ok());
    for (int r = 0; r < kRows; ++r) {
      const OracleMixture mixture = OraclePolicy(random.catalogue, random.rows[r], components);
      ASSERT_TRUE(mixture.statuses.contains(static_cast<OracleStatus>(sampled.statuses[r])))
          << "row " << r << " status " << int{sampled.statuses[r]};
      std::vector<int64_t> counts(components.size(), 0);
      for (size_t c = 0; c < components.size(); ++c) {
        ASSERT_NEAR(sampled.shares[r * components.size() + c], mixture.shares[c], 1e-6);
      }
      if (sampled.statuses[r] != static_cast<uint8_t>(RowStatus::kOk)) continue;
      for (int i = r * kDraws; i < (r + 1) * kDraws; ++i) {
        const size_t c = sampled.components[i];
        ++counts[c];
        if (mixture.law.has_value()) {
          ASSERT_TRUE(LogQAgrees(sampled.log_q[i], *mixture.law, sampled.ids[i])) << "row " << r;
        } else {
          ASSERT_TRUE(std::isnan(sampled.log_q[i]));
        }
        const bool top = components[c].nearest.pick == OraclePick::kTop &&
                         components[c].source == OracleSource::kNearest;
        if (top) {
          ASSERT_TRUE(std::isnan(sampled.log_q_source[i]));
          ASSERT_THAT(mixture.windows[c].ids, testing::Contains(sampled.ids[i]));
        } else {
          ASSERT_TRUE(LogQAgrees(sampled.log_q_source[i], mixture.laws[c], sampled.ids[i]));
        }
        ASSERT_EQ(std::isnan(sampled.scores[i]), components[c].source != OracleSource::kNearest);
      }
      ASSERT_TRUE(SlotsAreSystematic(mixture.shares, counts)) << "row " << r;
    }
  }
}

// 1.4 million draws, 60,000 for each row and pick.
TEST(NearestLawTest, DrawsFitTheLawOfTheWindow) {
  RandomCatalogueOptions options;
  options.item_count = 2000;
  options.embedding = EmbeddingSettings{4, Metric::kInnerProduct};
  const RandomCase random = MakeRandomCase(TestSeed(400), 12, options);
  SCOPED_TRACE(random.Trace());
  const CataloguePool pool = BuildPool(random.catalogue, kEventsPerCommit);
  FalseAlarmBudget budget(2 * 12);
  for (const OraclePick pick : {OraclePick::kUniform, OraclePick::kSoftmax}) {
    const OracleComponent component = Nearest(pick, 1, 400);
    for (size_t r = 0; r < random.rows.size(); ++r) {
      const OracleWindow window =
          OracleNearestWindow(random.catalogue, random.rows[r], component.nearest);
      const double rate = budget.Next();
      if (window.law.empty()) continue;
      const SampledRows sampled =
          Sample(pool, MakePolicy({component}), {random.rows[r]}, Keys(1, r), 60000, 5);
      EXPECT_TRUE(FitsLaw(CountDraws(sampled.ids), window.law, rate)) << "row " << r;
    }
  }
}

TEST(NearestLawTest, TopServesTheWindowInOrder) {
  RandomCatalogueOptions options;
  options.embedding = EmbeddingSettings{4, Metric::kL2};
  const RandomCase random = MakeRandomCase(TestSeed(401), 50, options);
  const CataloguePool pool = BuildPool(random.catalogue, kEventsPerCommit);
  const OracleComponent component = Nearest(OraclePick::kTop, 1, 6);
  const SampledRows sampled = Sample(pool, MakePolicy({component}), random.rows, Keys(50), 9, 5);
  int full = 0;
  for (size_t r = 0; r < random.rows.size(); ++r) {
    const OracleWindow window =
        OracleNearestWindow(random.catalogue, random.rows[r], component.nearest);
    if (window.ids.empty()) continue;
    ++full;
    const auto first = sampled.ids.begin() + static_cast<int64_t>(r) * 9;
    EXPECT_EQ(std::vector<int64_t>(first, first + 9), OracleTop(window, 9)) << "row " << r;
  }
  EXPECT_GT(full, 20);
}

// Slots of components follow systematic sampling on average: 20,000 rows; a
// count of 3 draws has standard error below 0.005.
TEST(MixtureTest, SlotCountsHaveTheRightMean) {
  const RandomCase random = MakeRandomCase(TestSeed(500), 1);
  const CataloguePool pool = BuildPool(random.catalogue, kEventsPerCommit);
  OracleRow row;
  row.as_of = random.catalogue.events.back().time + 1000000;
  constexpr int kRows = 20000;
  const SampledRows sampled = Sample(
      pool,
      MakePolicy({Component(OracleSource::kUniform, 0.1), Component(OracleSource::kUniform, 0.55),
                  Component(OracleSource::kUniform, 0.35)}),
      std::vector<OracleRow>(kRows, row), Keys(kRows), 3, 9);
  std::map<int, int> counts;
  for (const uint8_t component : sampled.components) ++counts[component];
  EXPECT_NEAR(counts[0] / double{kRows}, 0.30, 0.03);
  EXPECT_NEAR(counts[1] / double{kRows}, 1.65, 0.03);
  EXPECT_NEAR(counts[2] / double{kRows}, 1.05, 0.03);
}

}  // namespace
}  // namespace negatron
