// SPDX-License-Identifier: Apache-2.0
#include "tests/support/source_oracle.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsNan;
using testing::Pair;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

auto Near(double value) { return DoubleNear(value, 1e-12); }

// Items 1 (weight 2, category a), 2 (in [0, 100) and from 200; a and b), 3
// (weight 0.5, b) and 4 (dead from 50); events of users 7 and 8; half-life 100,
// grid 80, two mined events a user.
SourceCatalogue SmallCatalogue() {
  SourceCatalogue catalogue;
  catalogue.half_life_micros = 100;
  catalogue.popularity_grid_micros = 80;
  catalogue.mined_per_user = 2;
  catalogue.items = {{1, {{kAlways, kNever}}, 2, {"a"}},
                     {2, {{0, 100}, {200, kNever}}, 1, {"a", "b"}},
                     {3, {{kAlways, kNever}}, 0.5, {"b"}},
                     {4, {{kAlways, 50}}, 1, {}}};
  catalogue.events = {{7, 1, 0, EventKind::kPositive, 1, 0, 0},
                      {7, 2, 150, EventKind::kPositive, 2, 0, 1},
                      {8, 1, 100, EventKind::kPositive, 1, 0, 1},
                      {8, 4, 10, EventKind::kPositive, 5, 0, 0},
                      {8, 3, 150, EventKind::kPositive, 4, 0, 0}};
  return catalogue;
}

SourceRow RowAt(Micros as_of) {
  SourceRow row;
  row.as_of = as_of;
  return row;
}

SourceRow RowOf(int64_t user, Micros as_of) {
  SourceRow row = RowAt(as_of);
  row.user = user;
  return row;
}

PolicyComponent Component(SourceSpec source, double share = 1, std::string category = "") {
  return {share, std::move(category), std::move(source)};
}

PopularitySource Popularity(double alpha, std::optional<int64_t> half_life, int64_t window = 0) {
  PopularitySource source;
  source.alpha = alpha;
  source.half_life_micros = half_life;
  source.window_micros = window;
  return source;
}

OracleLaw LawAt(const SourceRow& row, const SourceSpec& source, const std::string& category = "") {
  return ProbabilitiesOf(LawOfSource(SmallCatalogue(), Component(source, 1, category), row));
}

TEST(SourceOracleTest, NormalisedSumsToOneFarBelowTheLeastDouble) {
  const LogLaw law = Normalised({{1, -1e5}, {2, -1e5 + std::log(3.0)}, {3, -3e5}});
  EXPECT_THAT(law, ElementsAre(Pair(1, DoubleNear(std::log(0.25), 1e-9)),
                               Pair(2, DoubleNear(std::log(0.75), 1e-9)),
                               Pair(3, DoubleNear(-2e5 - std::log(4.0), 1e-9))));
  EXPECT_EQ(ProbabilitiesOf(law).at(3), 0);
}

TEST(SourceOracleTest, GridBoundaryIsNotAfterTheTime) {
  EXPECT_EQ(GridBoundary(80, 0), 0);
  EXPECT_EQ(GridBoundary(80, 79), 0);
  EXPECT_EQ(GridBoundary(80, 80), 80);
  EXPECT_EQ(GridBoundary(80, -1), -80);
  EXPECT_EQ(GridBoundary(80, -80), -80);
  EXPECT_EQ(GridBoundary(80, -81), -160);
}

TEST(SourceOracleTest, UniformIsOverTheLivingAndByBaseWeightIfAsked) {
  EXPECT_THAT(LawAt(RowAt(50), UniformSource{}),
              ElementsAre(Pair(1, Near(1 / 3.0)), Pair(2, Near(1 / 3.0)), Pair(3, Near(1 / 3.0))));
  EXPECT_THAT(LawAt(RowAt(50), UniformSource{true}),
              ElementsAre(Pair(1, Near(4 / 7.0)), Pair(2, Near(2 / 7.0)), Pair(3, Near(1 / 7.0))));
  EXPECT_THAT(LawAt(RowAt(50), UniformSource{true}, "b"),
              ElementsAre(Pair(2, Near(2 / 3.0)), Pair(3, Near(1 / 3.0))));
  EXPECT_THAT(LawAt(RowAt(100), UniformSource{}, "b"), ElementsAre(Pair(3, Near(1))));
  EXPECT_THAT(LawAt(RowAt(50), UniformSource{}, "c"), IsEmpty());
}

TEST(SourceOracleTest, PopularityDecaysAndWeighsByBase) {
  // At 250, in units of 2^-2.5: item 1 has 2 (1 + 2), item 2 has 2 * 2^1.5, item 3
  // has 0.5 * 4 * 2^1.5.
  const double late = 2 * std::pow(2.0, 1.5);
  const double total = 6 + 2 * late;
  EXPECT_THAT(LawAt(RowAt(250), PopularitySource{}),
              ElementsAre(Pair(1, Near(6 / total)), Pair(2, Near(late / total)),
                          Pair(3, Near(late / total))));
  // Without decay: 4, 2, 2.
  EXPECT_THAT(LawAt(RowAt(250), Popularity(1, 0)),
              ElementsAre(Pair(1, Near(0.5)), Pair(2, Near(0.25)), Pair(3, Near(0.25))));
}

TEST(SourceOracleTest, PopularityCountsStrictlyBeforeTheTimeAndNotBeforeTheWindow) {
  // Item 2 is dead at 150 and 151.
  EXPECT_THAT(LawAt(RowAt(150), Popularity(1, 0)), ElementsAre(Pair(1, Near(1))));
  EXPECT_THAT(LawAt(RowAt(151), Popularity(1, 0)),
              ElementsAre(Pair(1, Near(4 / 6.0)), Pair(3, Near(2 / 6.0))));
  // The event at 100 is in a window of 51, not in one of 50.
  EXPECT_THAT(LawAt(RowAt(151), Popularity(1, 0, 51)),
              ElementsAre(Pair(1, Near(0.5)), Pair(3, Near(0.5))));
  EXPECT_THAT(LawAt(RowAt(151), Popularity(1, 0, 50)), ElementsAre(Pair(3, Near(1))));
}

TEST(SourceOracleTest, ExponentsTakeMassesAtTheBoundaryAndLivesAtTheTime) {
  // At 80 item 1 has 2 and item 4, which is dead at 90, has 5.
  EXPECT_THAT(LawAt(RowAt(90), Popularity(2, 0)), ElementsAre(Pair(1, Near(1))));
  EXPECT_THAT(LawAt(RowAt(239), Popularity(0.5, 0)),
              ElementsAre(Pair(1, Near(2 / (2 + std::sqrt(2.0) * 2))),
                          Pair(2, Near(std::sqrt(2.0) / (2 + std::sqrt(2.0) * 2))),
                          Pair(3, Near(std::sqrt(2.0) / (2 + std::sqrt(2.0) * 2)))));
  // At 160 the events at 150 are there; at 159 the boundary is 80.
  EXPECT_THAT(LawAt(RowAt(160), Popularity(2, 0)),
              ElementsAre(Pair(1, Near(16 / 20.0)), Pair(3, Near(4 / 20.0))));
  EXPECT_THAT(LawAt(RowAt(159), Popularity(2, 0)), ElementsAre(Pair(1, Near(1))));
  // The window ends at the boundary, too: [60, 160) has the events at 100 and 150.
  EXPECT_THAT(
      LawAt(RowAt(239), Popularity(2, 0, 100)),
      ElementsAre(Pair(1, Near(4 / 12.0)), Pair(2, Near(4 / 12.0)), Pair(3, Near(4 / 12.0))));
}

TEST(SourceOracleTest, CohortsAndWatermarkLeaveEventsOut) {
  PopularitySource source = Popularity(1, 0);
  source.within_cohort = true;
  SourceRow row = RowAt(250);
  EXPECT_THAT(LawAt(row, source), ElementsAre(Pair(1, Near(0.5)), Pair(3, Near(0.5))));
  row.cohort = 1;
  EXPECT_THAT(LawAt(row, source), ElementsAre(Pair(1, Near(0.5)), Pair(2, Near(0.5))));
  row.cohort = 2;
  EXPECT_THAT(LawAt(row, source), IsEmpty());

  SourceCatalogue catalogue = SmallCatalogue();
  catalogue.watermark = 100;
  EXPECT_THAT(ProbabilitiesOf(LawOfSource(catalogue, Component(Popularity(1, 0)), RowAt(250))),
              ElementsAre(Pair(1, Near(2 / 6.0)), Pair(2, Near(2 / 6.0)), Pair(3, Near(2 / 6.0))));
  // Histories keep what lost its mass.
  EXPECT_THAT(SourceExcluded(catalogue, RowOf(7, 50)), ElementsAre(1));
}

TEST(SourceOracleTest, ExclusionsAreHistoryBeforeTheTimePositiveAndNames) {
  SourceRow row = RowOf(7, 150);
  EXPECT_THAT(SourceExcluded(SmallCatalogue(), row), ElementsAre(1));
  row.as_of = 151;
  EXPECT_THAT(SourceExcluded(SmallCatalogue(), row), ElementsAre(1, 2));
  row.positive = 3;
  row.exclusions = {99, 3, 1};
  EXPECT_THAT(SourceExcluded(SmallCatalogue(), row), ElementsAre(1, 2, 3, 99));
}

// User 7 was shown item 1 at 100 (propensity 0.5) and 200 (0.01), item 3 at 100
// (unknown) and item 2 at 300.
SourceCatalogue WithExposures() {
  SourceCatalogue catalogue = SmallCatalogue();
  catalogue.events = {{7, 1, 100, EventKind::kExposure, 1, 0.5, 0},
                      {7, 1, 200, EventKind::kExposure, 3, 0.01, 0},
                      {7, 3, 100, EventKind::kExposure, 2, 0, 0},
                      {8, 3, 100, EventKind::kExposure, 9, 0, 0},
                      {7, 2, 300, EventKind::kExposure, 1, 0.25, 0}};
  return catalogue;
}

TEST(SourceOracleTest, ExposureIsOfTheUserAloneAndBeforeTheTime) {
  const SourceCatalogue catalogue = WithExposures();
  const PolicyComponent component = Component(ExposureSource{});
  const auto law = [&](const SourceRow& row) {
    return ProbabilitiesOf(LawOfSource(catalogue, component, row));
  };
  // In units of 2^-2: item 1 has 1 + 2 * 3, item 3 has 2. Base weights do not count.
  EXPECT_THAT(law(RowOf(7, 300)), ElementsAre(Pair(1, Near(7 / 9.0)), Pair(3, Near(2 / 9.0))));
  EXPECT_THAT(law(RowOf(7, 301)), ElementsAre(Pair(1, Near(7 / 13.0)), Pair(2, Near(4 / 13.0)),
                                              Pair(3, Near(2 / 13.0))));
  EXPECT_THAT(law(RowOf(7, 100)), IsEmpty());
  EXPECT_THAT(law(RowAt(300)), IsEmpty());
}

TEST(SourceOracleTest, ImportanceIsTheClippedInverseOfTheExposureDrawn) {
  const SourceCatalogue catalogue = WithExposures();
  const auto importance = [&](double bound) {
    return SourceImportance(catalogue, Component(ExposureSource{{}, bound}), RowOf(7, 300));
  };
  EXPECT_THAT(importance(20).at(1), ElementsAre(Pair(2, Near(1 / 7.0)), Pair(20, Near(6 / 7.0))));
  EXPECT_THAT(importance(20).at(3), ElementsAre(Pair(1, Near(1))));
  EXPECT_THAT(importance(1.5).at(1), ElementsAre(Pair(1.5, Near(1))));
  EXPECT_THAT(importance(0).at(1), ElementsAre(Pair(1, Near(1))));
  EXPECT_THAT(SourceImportance(catalogue, Component(MinedSource{}), RowOf(7, 300)), IsEmpty());
}

TEST(SourceOracleTest, MinedCountsTheNewestByArrivalUpToAndAtTheTime) {
  SourceCatalogue catalogue = SmallCatalogue();
  catalogue.events = {{7, 1, 240, EventKind::kMined, 1, 0, 0},
                      {7, 2, 350, EventKind::kMined, 1, 0, 0},
                      {8, 4, 240, EventKind::kMined, 1, 0, 0},
                      {7, 3, 250, EventKind::kMined, 1, 0, 0}};
  const auto law = [&](const SourceRow& row) {
    return ProbabilitiesOf(LawOfSource(catalogue, Component(MinedSource{}), row));
  };
  // The event of item 1 had to make room, though it is not the oldest before 350.
  EXPECT_THAT(law(RowOf(7, 249)), IsEmpty());
  EXPECT_THAT(law(RowOf(7, 250)), ElementsAre(Pair(3, Near(1))));
  EXPECT_THAT(law(RowOf(7, 350)), ElementsAre(Pair(2, Near(2 / 3.0)), Pair(3, Near(1 / 3.0))));
  catalogue.mined_per_user = 3;
  EXPECT_THAT(law(RowOf(7, 249)), ElementsAre(Pair(1, Near(1))));
  EXPECT_THAT(law(RowOf(8, 249)), IsEmpty());  // Item 4 is dead.
}

Policy MakePolicy(std::vector<PolicyComponent> components, double floor = 0) {
  Policy policy;
  policy.components = std::move(components);
  policy.positive_floor = floor;
  return policy;
}

TEST(SourceOracleTest, EmptySourcesGiveUpTheirShare) {
  const Policy policy = MakePolicy({Component(UniformSource{}, 1), Component(ExposureSource{}, 6),
                                    Component(Popularity(1, 0), 3), Component(MinedSource{}, 0)});
  const SourceMixture mixture = MixtureOf(SmallCatalogue(), policy, RowAt(250));
  EXPECT_EQ(mixture.status, RowStatus::kOk);
  EXPECT_THAT(mixture.shares, ElementsAre(0.25, 0, 0.75, 0));
  EXPECT_THAT(ProbabilitiesOf(mixture.law),
              ElementsAre(Pair(1, Near(0.25 / 3 + 0.75 / 2)), Pair(2, Near(0.25 / 3 + 0.75 / 4)),
                          Pair(3, Near(0.25 / 3 + 0.75 / 4))));
  EXPECT_THAT(mixture.positive_log_q, IsNan());
  EXPECT_THAT(mixture.boundaries, ElementsAre(0, 0, 0, 0));
}

TEST(SourceOracleTest, EmptyRowsSayWhy) {
  SourceCatalogue catalogue = SmallCatalogue();
  const Policy popular = MakePolicy({Component(PopularitySource{})});
  const Policy both = MakePolicy({Component(PopularitySource{}), Component(ExposureSource{})});
  const auto status = [&](const Policy& policy, const SourceRow& row) {
    return MixtureOf(catalogue, policy, row).status;
  };
  EXPECT_EQ(status(popular, RowAt(0)), RowStatus::kNoEvent);
  SourceRow row = RowAt(1);
  EXPECT_EQ(status(popular, row), RowStatus::kOk);
  row.positive = 1;
  EXPECT_EQ(status(popular, row), RowStatus::kExhausted);
  EXPECT_EQ(status(both, row), RowStatus::kExhausted);
  EXPECT_EQ(status(MakePolicy({Component(ExposureSource{})}), row), RowStatus::kNoEvent);
  EXPECT_THAT(MixtureOf(catalogue, popular, row).positive_log_q, IsNan());
  catalogue.items = {{4, {{kAlways, 50}}, 1, {}}};
  catalogue.events.clear();
  EXPECT_EQ(status(both, RowAt(50)), RowStatus::kNoLivingItem);
}

TEST(SourceOracleTest, PositivesHaveTheLawThatDoesNotExcludeThem) {
  // At 250 without decay the masses are 4, 2 and 2; item 3 is excluded.
  SourceRow row = RowAt(250);
  row.positive = 1;
  row.exclusions = {3};
  const auto log_q = [&](double floor) {
    return MixtureOf(SmallCatalogue(), MakePolicy({Component(Popularity(1, 0))}, floor), row)
        .positive_log_q;
  };
  EXPECT_THAT(log_q(0), Near(std::log(4 / 6.0)));
  EXPECT_THAT(log_q(0.1), Near(std::log(0.9 * 4 / 6 + 0.1 / 2)));
  // In the history it is excluded twice, and counts all the same.
  row.user = 8;
  EXPECT_THAT(log_q(0), Near(std::log(4 / 6.0)));
  // No mass.
  row = RowAt(100);
  row.positive = 3;
  EXPECT_THAT(log_q(0.1), Near(std::log(0.1 / 2)));
  EXPECT_EQ(log_q(0), -kInfinity);
  // Item 4 is dead: only the floor is left, over items 1, 3 and itself.
  row.positive = 4;
  EXPECT_THAT(log_q(0.1), Near(std::log(0.1 / 3)));
  EXPECT_EQ(log_q(0), -kInfinity);
}

TEST(SourceOracleTest, ExpectedCountsAreOfTheSlots) {
  SourceMixture mixture;
  mixture.laws = {{{1, std::log(0.5)}, {2, std::log(0.5)}}, {{1, 0.0}}};
  EXPECT_THAT(ExpectedCountOf(mixture, {4, 3}, true, 1), Near(5));
  EXPECT_THAT(ExpectedCountOf(mixture, {4, 3}, true, 2), Near(2));
  EXPECT_THAT(ExpectedCountOf(mixture, {4, 3}, false, 2), Near(15 / 16.0));
  EXPECT_THAT(ExpectedCountOf(mixture, {4, 0}, false, 1), Near(15 / 16.0));
  EXPECT_THAT(ExpectedCountOf(mixture, {4, 3}, false, 1), Near(1));
}

TEST(SourceOracleTest, SharedBlocksAreWithoutExclusionsAtOneTime) {
  SourceRow first = RowOf(7, 151);  // Items 1 and 2 are in the history, 2 and 4 dead.
  SourceRow second = RowAt(250);
  second.positive = 3;
  SourceRow third = RowAt(90);
  third.exclusions = {1, 2, 3};
  const SourceBlock block = SharedBlockOf(
      SmallCatalogue(), MakePolicy({Component(Popularity(1, 0))}), 250, {first, second, third});
  EXPECT_THAT(ProbabilitiesOf(block.mixture.law),
              ElementsAre(Pair(1, Near(0.5)), Pair(2, Near(0.25)), Pair(3, Near(0.25))));
  EXPECT_THAT(block.false_items,
              ElementsAre(ElementsAre(1, 2, 4), ElementsAre(3, 4), ElementsAre(1, 2, 3, 4)));
  EXPECT_THAT(block.log_remaining,
              ElementsAre(Near(std::log(0.25)), Near(std::log(0.75)), -kInfinity));
}

}  // namespace
}  // namespace negatron
