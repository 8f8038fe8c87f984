// SPDX-License-Identifier: Apache-2.0
// Mistakes that other samplers made, each a test by name.
#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/catalogue_pool.h"

namespace negatron {
namespace {

constexpr Micros kDay = 86400LL * 1000000;

OracleCatalogue Plain(int64_t items) {
  OracleCatalogue catalogue;
  for (int64_t id = 0; id < items; ++id) catalogue.items[id] = {id, {Interval{}}, std::nullopt};
  return catalogue;
}

Policy Only(const SourceSpec& source) { return {{{1, "", source}}}; }

std::map<int64_t, int> Count(const std::vector<int64_t>& ids) {
  std::map<int64_t, int> counts;
  for (const int64_t id : ids) ++counts[id];
  return counts;
}

// 100 items, 20,000 draws: an item is missed with probability 1e-86.
TEST(KnownMistakesTest, FirstAndLastItemAreDrawn) {
  OracleCatalogue catalogue = Plain(100);
  for (int64_t id = 0; id < 100; ++id) catalogue.events.push_back({1, id, id, 1.0f});
  const CataloguePool pool = BuildPool(catalogue, 10);
  OracleRow row;
  row.as_of = kDay;
  for (const SourceSpec& source : {SourceSpec(UniformSource{}), SourceSpec(PopularitySource{})}) {
    const auto counts = Count(Sample(pool, Only(source), {row}, {1}, 20000, 3).ids);
    EXPECT_EQ(counts.size(), 100u);
    EXPECT_GT(counts.at(0), 100);
    EXPECT_GT(counts.at(99), 100);
  }
}

TEST(KnownMistakesTest, ExclusionsOfOneRowDoNotLeakIntoTheNext) {
  const CataloguePool pool = BuildPool(Plain(200), 1);
  OracleRow excluding;
  for (int64_t id = 0; id < 199; ++id) excluding.exclusions.push_back(id);
  OracleRow free;
  const SampledRows sampled =
      Sample(pool, Only(UniformSource{}), {excluding, free, excluding}, {1, 2, 3}, 400, 3);
  const std::vector<int64_t> second(sampled.ids.begin() + 400, sampled.ids.begin() + 800);
  EXPECT_GT(Count(second).size(), 150u);  // 200 * (1 - e^-2) = 173 are expected.
  EXPECT_EQ(Count({sampled.ids.begin() + 800, sampled.ids.end()}),
            (std::map<int64_t, int>{{199, 400}}));
}

TEST(KnownMistakesTest, ExhaustedRowsGetNoPositivesAndEnd) {
  OracleCatalogue catalogue = Plain(3);
  for (int64_t id = 0; id < 3; ++id) catalogue.events.push_back({7, id, id, 1.0f});
  const CataloguePool pool = BuildPool(catalogue, 1);
  OracleRow row;
  row.user = 7;
  row.as_of = kDay;
  const SampledRows sampled = Sample(pool, Only(PopularitySource{}), {row}, {1}, 10, 3);
  EXPECT_THAT(sampled.ids, testing::Each(-1));
}

TEST(KnownMistakesTest, TheFutureDoesNotLeakIntoPopularity) {
  OracleCatalogue catalogue = Plain(2);
  catalogue.events = {{1, 0, 10, 1.0f}, {1, 1, 20, 4096.0f}};
  const CataloguePool pool = BuildPool(catalogue, 1);
  OracleRow before, at, after;
  before.as_of = 19;
  at.as_of = 20;
  after.as_of = 21;
  const SampledRows sampled =
      Sample(pool, Only(PopularitySource{}), {before, at, after}, {1, 2, 3}, 1000, 3);
  EXPECT_THAT(std::vector<int64_t>(sampled.ids.begin(), sampled.ids.begin() + 2000),
              testing::Each(0));
  EXPECT_GT(Count({sampled.ids.begin() + 2000, sampled.ids.end()}).at(1), 900);
}

// An event that its own item's death coincides with, and one while dead.
TEST(KnownMistakesTest, DeathAtTheTimeOfAnEventCancelsExactly) {
  OracleCatalogue catalogue = Plain(2);
  catalogue.half_life_micros = kDay;
  catalogue.items[0].alive = {{0, 100}, {300, kNever}};
  catalogue.events = {{1, 0, 50, 1.0f}, {1, 0, 100, 1.0f}, {1, 0, 200, 1.0f}, {1, 1, 60, 1.0f}};
  const CataloguePool pool = BuildPool(catalogue, 1);
  for (const Micros t : {99, 100, 101, 200, 201, 299, 300, 301}) {
    OracleRow row;
    row.as_of = t;
    const OracleLaw law = OraclePopularity(catalogue, row);
    const SampledRows sampled = Sample(pool, Only(PopularitySource{}), {row}, {1}, 50, 3);
    for (size_t i = 0; i < sampled.ids.size(); ++i) {
      ASSERT_TRUE(law.contains(sampled.ids[i])) << "t " << t;
      ASSERT_NEAR(sampled.log_q[i], std::log(law.at(sampled.ids[i])), 1e-5) << "t " << t;
    }
  }
}

}  // namespace
}  // namespace negatron
