// SPDX-License-Identifier: Apache-2.0
#include "tests/support/oracle.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

const std::vector<Interval> kAlwaysAlive = {{kAlways, kNever}};

// Items 1 (always alive), 2 (in [0, 100) and from 200), 3 (always) and 4 (dead
// from 50); events of users 7 and 8; half-life 100.
OracleCatalogue SmallCatalogue() {
  OracleCatalogue catalogue;
  catalogue.half_life_micros = 100;
  catalogue.items[1] = {3, kAlwaysAlive, {}};
  catalogue.items[2] = {1, {{0, 100}, {200, kNever}}, {}};
  catalogue.items[3] = {2, kAlwaysAlive, {}};
  catalogue.items[4] = {0, {{kAlways, 50}}, {}};
  catalogue.events = {
      {7, 1, 0, 1.0f}, {7, 2, 150, 2.0f}, {8, 1, 100, 1.0f}, {8, 4, 10, 5.0f}, {7, 2, 50, 1.0f}};
  return catalogue;
}

OracleRow RowAt(Micros as_of) {
  OracleRow row;
  row.as_of = as_of;
  return row;
}

TEST(OracleTest, LivesAreHalfOpenIntervals) {
  const OracleCatalogue catalogue = SmallCatalogue();
  EXPECT_THAT(OracleLiving(catalogue, -1), ElementsAre(1, 3, 4));
  EXPECT_THAT(OracleLiving(catalogue, 0), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(OracleLiving(catalogue, 50), ElementsAre(1, 2, 3));
  EXPECT_THAT(OracleLiving(catalogue, 100), ElementsAre(1, 3));
  EXPECT_THAT(OracleLiving(catalogue, 200), ElementsAre(1, 2, 3));
}

TEST(OracleTest, HistoryCountsEventsStrictlyBeforeAsOf) {
  const OracleCatalogue catalogue = SmallCatalogue();
  OracleRow row = RowAt(50);
  row.user = 7;
  EXPECT_THAT(OracleExcluded(catalogue, row), ElementsAre(1));
  row.as_of = 51;
  EXPECT_THAT(OracleExcluded(catalogue, row), ElementsAre(1, 2));
  row.positive = 3;
  row.exclusions = {99, 3, 1};
  EXPECT_THAT(OracleExcluded(catalogue, row), ElementsAre(1, 2, 3, 99));
  EXPECT_THAT(OracleEligible(catalogue, row), IsEmpty());
  row.user = 1234;
  EXPECT_THAT(OracleExcluded(catalogue, row), ElementsAre(1, 3, 99));
}

TEST(OracleTest, UniformSpreadsOverEligibleItems) {
  OracleRow row = RowAt(100);
  EXPECT_THAT(OracleUniform(SmallCatalogue(), row), ElementsAre(Pair(1, 0.5), Pair(3, 0.5)));
  row.positive = 3;
  EXPECT_THAT(OracleUniform(SmallCatalogue(), row), ElementsAre(Pair(1, 1.0)));
}

TEST(OracleTest, PopularityDecaysByHalfLife) {
  // At 250, in units of 2^-2.5: item 1 has 1 + 2, item 2 has 2^0.5 + 2 * 2^1.5.
  const double first = 3;
  const double second = std::sqrt(2.0) + 2 * std::pow(2.0, 1.5);
  EXPECT_THAT(OraclePopularity(SmallCatalogue(), RowAt(250)),
              ElementsAre(Pair(1, DoubleNear(first / (first + second), 1e-15)),
                          Pair(2, DoubleNear(second / (first + second), 1e-15))));
}

TEST(OracleTest, PopularityIsWithoutDecayIfNoHalfLife) {
  OracleCatalogue catalogue = SmallCatalogue();
  catalogue.half_life_micros = 0;
  EXPECT_THAT(OraclePopularity(catalogue, RowAt(250)),
              ElementsAre(Pair(1, DoubleEq(0.4)), Pair(2, DoubleEq(0.6))));
}

TEST(OracleTest, PopularityLeavesOutTheDeadAndTheFuture) {
  const OracleCatalogue catalogue = SmallCatalogue();
  EXPECT_THAT(OraclePopularity(catalogue, RowAt(150)), ElementsAre(Pair(1, 1.0)));
  EXPECT_THAT(OraclePopularity(catalogue, RowAt(0)), IsEmpty());
  // At 1, only the event at 0; at 11, item 4 is alive and has 5.
  EXPECT_THAT(OraclePopularity(catalogue, RowAt(1)), ElementsAre(Pair(1, 1.0)));
  const double decayed = std::exp2(-0.1);
  EXPECT_THAT(OraclePopularity(catalogue, RowAt(11)),
              ElementsAre(Pair(1, DoubleNear(decayed / (decayed + 5), 1e-15)),
                          Pair(4, DoubleNear(5 / (decayed + 5), 1e-15))));
}

TEST(OracleTest, PopularitySurvivesManyHalfLives) {
  OracleCatalogue catalogue = SmallCatalogue();
  catalogue.half_life_micros = 1;
  OracleRow row = RowAt(kMaxTime);
  row.exclusions = {2};
  EXPECT_THAT(OraclePopularity(catalogue, row), ElementsAre(Pair(1, 1.0)));
}

TEST(OracleTest, ScoresAreHigherForNearer) {
  const std::vector<float> a = {3, 4};
  const std::vector<float> b = {4, 3};
  EXPECT_EQ(OracleScore(Metric::kInnerProduct, a, b), 24);
  EXPECT_EQ(OracleScore(Metric::kCosine, a, b), 24.0 / 25);
  EXPECT_EQ(OracleScore(Metric::kL2, a, b), -2);
}

OracleCatalogue EmbeddedCatalogue() {
  OracleCatalogue catalogue = SmallCatalogue();
  catalogue.embedding = EmbeddingSettings{1, Metric::kInnerProduct};
  catalogue.items[1].embedding = {{1.0f}};
  catalogue.items[2].embedding = {{2.0f}};
  catalogue.items[3].embedding = {{1.0f}};
  catalogue.items[4].embedding = {{9.0f}};
  return catalogue;
}

TEST(OracleTest, NearestRanksSurvivorsAndBreaksTiesByFirstWrite) {
  OracleRow row = RowAt(200);
  row.query = {1.0f};
  const OracleCatalogue catalogue = EmbeddedCatalogue();
  OracleNearest nearest;
  nearest.rank_end = 10;
  OracleWindow window = OracleNearestWindow(catalogue, row, nearest);
  EXPECT_THAT(window.ids, ElementsAre(2, 3, 1));
  EXPECT_THAT(window.scores, ElementsAre(2, 1, 1));
  EXPECT_THAT(window.law, ElementsAre(Pair(1, 1.0 / 3), Pair(2, 1.0 / 3), Pair(3, 1.0 / 3)));

  row.exclusions = {2};
  nearest.rank_begin = 1;
  EXPECT_THAT(OracleNearestWindow(catalogue, row, nearest).ids, ElementsAre(1));
  nearest.rank_begin = 2;
  window = OracleNearestWindow(catalogue, row, nearest);
  EXPECT_TRUE(window.has_anchor);
  EXPECT_THAT(window.ids, IsEmpty());
  EXPECT_THAT(window.law, IsEmpty());
}

TEST(OracleTest, NearestSoftmaxIsOverTheWindowAlone) {
  OracleRow row = RowAt(200);
  row.query = {1.0f};
  OracleNearest nearest;
  nearest.rank_end = 2;
  nearest.pick = OraclePick::kSoftmax;
  nearest.temperature = 0.5;
  const double e = std::exp(2.0);
  EXPECT_THAT(OracleNearestWindow(EmbeddedCatalogue(), row, nearest).law,
              ElementsAre(Pair(2, DoubleNear(e / (e + 1), 1e-15)),
                          Pair(3, DoubleNear(1 / (e + 1), 1e-15))));
  nearest.temperature = 1e-6;  // exp(score / temperature) alone would overflow.
  EXPECT_THAT(OracleNearestWindow(EmbeddedCatalogue(), row, nearest).law,
              ElementsAre(Pair(2, 1.0), Pair(3, 0.0)));
}

TEST(OracleTest, NearestTopHasAnOrderAndNoLaw) {
  OracleRow row = RowAt(200);
  row.query = {1.0f};
  OracleNearest nearest;
  nearest.rank_end = 2;
  nearest.pick = OraclePick::kTop;
  const OracleWindow window = OracleNearestWindow(EmbeddedCatalogue(), row, nearest);
  EXPECT_THAT(window.law, IsEmpty());
  EXPECT_THAT(OracleTop(window, 5), ElementsAre(2, 3, 2, 3, 2));
  EXPECT_THAT(OracleTop(OracleWindow(), 5), IsEmpty());
}

TEST(OracleTest, NearestTakesServedScores) {
  OracleRow row = RowAt(200);
  row.query = {1.0f};
  OracleNearest nearest;
  nearest.rank_end = 2;
  const OracleWindow window =
      OracleNearestWindow(EmbeddedCatalogue(), row, nearest, {{1, 1.5}, {4, 99}});
  EXPECT_THAT(window.ids, ElementsAre(2, 1));
  EXPECT_THAT(window.scores, ElementsAre(2, 1.5));
}

TEST(OracleTest, NearestMayStartFromAPositiveThatIsDead) {
  OracleRow row = RowAt(200);
  OracleNearest nearest;
  nearest.anchor = OracleAnchor::kPositive;
  EXPECT_FALSE(OracleNearestWindow(EmbeddedCatalogue(), row, nearest).has_anchor);
  row.positive = 99;
  EXPECT_FALSE(OracleNearestWindow(EmbeddedCatalogue(), row, nearest).has_anchor);
  row.positive = 4;
  EXPECT_THAT(OracleNearestWindow(EmbeddedCatalogue(), row, nearest).scores, ElementsAre(18));
}

TEST(OracleTest, EmptySourcesGiveUpTheirSharesInProportion) {
  EXPECT_THAT(OracleEffectiveShares({1, 2, 3, 0}, {false, true, false, false}),
              ElementsAre(0.25, 0, 0.75, 0));
  EXPECT_THAT(OracleEffectiveShares({1, 0}, {true, false}), ElementsAre(0, 0));
}

OracleComponent Component(double share, OracleSource source) {
  OracleComponent component;
  component.share = share;
  component.source = source;
  return component;
}

TEST(OracleTest, MixtureAddsLawsByEffectiveShare) {
  const std::vector<OracleComponent> policy = {Component(1, OracleSource::kUniform),
                                               Component(1, OracleSource::kPopularity),
                                               Component(6, OracleSource::kNearest)};
  // There is no query: `nearest` is empty. At 150, popularity gives item 1 only.
  const OracleMixture mixture = OraclePolicy(EmbeddedCatalogue(), RowAt(150), policy);
  EXPECT_THAT(mixture.shares, ElementsAre(0.5, 0.5, 0));
  ASSERT_TRUE(mixture.law.has_value());
  EXPECT_THAT(*mixture.law, ElementsAre(Pair(1, 0.75), Pair(3, 0.25)));
  EXPECT_THAT(mixture.statuses, ElementsAre(OracleStatus::kOk));
}

TEST(OracleTest, MixtureHasNoLawIfAPartHasNone) {
  std::vector<OracleComponent> policy = {Component(1, OracleSource::kUniform),
                                         Component(1, OracleSource::kNearest)};
  policy[1].nearest.pick = OraclePick::kTop;
  OracleRow row = RowAt(200);
  EXPECT_TRUE(OraclePolicy(EmbeddedCatalogue(), row, policy).law.has_value());
  row.query = {1.0f};
  const OracleMixture mixture = OraclePolicy(EmbeddedCatalogue(), row, policy);
  EXPECT_FALSE(mixture.law.has_value());
  EXPECT_THAT(mixture.shares, ElementsAre(0.5, 0.5));
}

std::set<OracleStatus> StatusesOf(const OracleCatalogue& catalogue, const OracleRow& row,
                                  OracleSource source) {
  return OraclePolicy(catalogue, row, {Component(1, source)}).statuses;
}

TEST(OracleTest, StatusOfUniform) {
  OracleCatalogue catalogue = SmallCatalogue();
  OracleRow row = RowAt(100);
  EXPECT_THAT(StatusesOf(catalogue, row, OracleSource::kUniform), ElementsAre(OracleStatus::kOk));
  row.exclusions = {1, 3};
  EXPECT_THAT(StatusesOf(catalogue, row, OracleSource::kUniform),
              ElementsAre(OracleStatus::kExhausted));
  for (auto& [id, item] : catalogue.items) item.alive = {{1000, kNever}};
  EXPECT_THAT(StatusesOf(catalogue, row, OracleSource::kUniform),
              ElementsAre(OracleStatus::kNoLivingItem));
  EXPECT_THAT(StatusesOf(OracleCatalogue(), row, OracleSource::kPopularity),
              ElementsAre(OracleStatus::kNoLivingItem));
}

TEST(OracleTest, StatusOfPopularity) {
  const OracleCatalogue catalogue = SmallCatalogue();
  EXPECT_THAT(StatusesOf(catalogue, RowAt(0), OracleSource::kPopularity),
              ElementsAre(OracleStatus::kNoEvent));
  OracleRow row = RowAt(150);
  row.positive = 1;  // The only living item with events.
  EXPECT_THAT(StatusesOf(catalogue, row, OracleSource::kPopularity),
              ElementsAre(OracleStatus::kExhausted));
  // Something is alive, so a share of uniform makes NO_EVENT untrue.
  row = RowAt(0);
  row.exclusions = {1, 2, 3, 4};
  const std::vector<OracleComponent> policy = {Component(1, OracleSource::kUniform),
                                               Component(1, OracleSource::kPopularity)};
  EXPECT_THAT(OraclePolicy(catalogue, row, policy).statuses, ElementsAre(OracleStatus::kExhausted));
}

TEST(OracleTest, StatusOfNearest) {
  OracleCatalogue catalogue = EmbeddedCatalogue();
  OracleRow row = RowAt(200);
  EXPECT_THAT(StatusesOf(catalogue, row, OracleSource::kNearest),
              ElementsAre(OracleStatus::kNoAnchor));
  row.query = {1.0f};
  OracleComponent far = Component(1, OracleSource::kNearest);
  far.nearest = {OracleAnchor::kQuery, 5, 6, OraclePick::kUniform, 1};
  EXPECT_THAT(OraclePolicy(catalogue, row, {far}).statuses,
              ElementsAre(OracleStatus::kNoCandidate));
  row.exclusions = {1, 2, 3};
  EXPECT_THAT(StatusesOf(catalogue, row, OracleSource::kNearest),
              UnorderedElementsAre(OracleStatus::kNoCandidate, OracleStatus::kExhausted));
  row.exclusions.clear();
  for (auto& [id, item] : catalogue.items) item.embedding.reset();
  EXPECT_THAT(StatusesOf(catalogue, row, OracleSource::kNearest),
              ElementsAre(OracleStatus::kNoCandidate));
}

TEST(OracleTest, SharesOfZeroDoNotCount) {
  const std::vector<OracleComponent> policy = {Component(0, OracleSource::kUniform),
                                               Component(1, OracleSource::kPopularity)};
  const OracleMixture mixture = OraclePolicy(SmallCatalogue(), RowAt(0), policy);
  EXPECT_THAT(mixture.statuses, ElementsAre(OracleStatus::kNoEvent));
  EXPECT_THAT(mixture.shares, ElementsAre(0, 0));
  EXPECT_THAT(*mixture.law, IsEmpty());
}

}  // namespace
}  // namespace negatron
