// SPDX-License-Identifier: Apache-2.0
// Policies with a fallback, and quotas: limits of categories, components of cohorts. Rates of
// false alarms are those of tests/support/law_test_util.h.
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/sampling/guard_cases.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr uint8_t kPadding = 255;

// Exposures of a user, and anything where there is none.
Policy ShownOrAny() {
  Policy policy{{{1, "", ExposureSource{}}, {1, "", MinedSource{}}}};
  policy.fallback = PolicyComponent{0, "", PopularitySource{}};
  return policy;
}

TEST(FallbackTest, EmptyRowsDrawFromItUnderItsLaw) {
  const PlainPool plain = RandomPlainPool(TestSeed(940));
  const auto pool = plain.Build(50);
  SplitMix random(TestSeed(941));
  std::vector<PlainRow> rows = RandomPlainRows(random, 30, 45 * kTestHour);
  for (PlainRow& row : rows) {
    row.user = kNoOrdinal;
    row.as_of += 2 * kTestHour;
  }
  const DrawnRows drawn = DrawRows(*pool, ShownOrAny(), rows, 1000, 3);
  std::vector<OracleLaw> laws;
  laws.reserve(rows.size());
  for (const PlainRow& row : rows) laws.push_back(LawOf(plain, *ShownOrAny().fallback, row));
  EXPECT_TRUE(DrawsFit(drawn, laws, LawKind::kExact, kGuardFalseAlarms / 2));
  for (size_t i = 0; i < drawn.items.size(); ++i) {
    if (drawn.items[i] == kNoOrdinal) continue;
    ASSERT_EQ(drawn.tags[i], kTagFallback);
    ASSERT_EQ(drawn.components[i], 2);
    ASSERT_EQ(drawn.log_q[i], drawn.log_q_source[i]);
    ASSERT_NEAR(drawn.expected_counts[i], 1000 * std::exp(drawn.log_q[i]), 1e-2);
  }
  EXPECT_THAT(drawn.shares, testing::Each(0));
}

// A row that its components serve is the same with and without a fallback.
TEST(FallbackTest, FullRowsNeverSeeIt) {
  const PlainPool plain = RandomPlainPool(TestSeed(942));
  const auto pool = plain.Build(50);
  SplitMix random(TestSeed(943));
  std::vector<PlainRow> rows = RandomPlainRows(random, 60, 45 * kTestHour);
  for (int r = 0; r < 20; ++r) rows[r] = {(r + 5) * kTestHour};
  for (const bool unique : {false, true}) {
    Policy policy = ShownOrAny();
    policy.unique = unique;
    const DrawnRows with = DrawRows(*pool, policy, rows, 6, 3);
    policy.fallback.reset();
    const DrawnRows without = DrawRows(*pool, policy, rows, 6, 3);
    int served = 0, filled = 0;
    for (int r = 0; r < 60; ++r) {
      if (without.StatusOf(r) == RowStatus::kOk) {
        ++served;
        EXPECT_EQ(with.Bytes(r), without.Bytes(r));
      } else {
        filled += with.StatusOf(r) == RowStatus::kOk ? 1 : 0;
      }
    }
    EXPECT_GT(served, 10);
    EXPECT_GT(filled, 3);
  }
}

// Short rows keep what their components gave and their law; only the rest is the fallback's.
TEST(FallbackTest, ShortRowsAreFilledUpAndWhatFillsThemHasNoCommonLaw) {
  PlainPool plain;
  plain.AddItems(12);
  for (Ordinal item = 0; item < 12; ++item) plain.Add(EventKind::kPositive, 0, item, 1);
  for (Ordinal item = 2; item < 5; ++item) plain.Add(EventKind::kExposure, 1, item, 1);
  const auto pool = plain.Build();
  Policy policy{{{1, "", ExposureSource{}}}};
  policy.unique = true;
  policy.fallback = PolicyComponent{0, "", UniformSource{}};
  const PlainRow row{kTestHour, 1, 11, {10}};
  const DrawnRows drawn = DrawRows(*pool, policy, {row}, 8, 3);
  EXPECT_EQ(drawn.StatusOf(0), RowStatus::kOk);
  std::set<Ordinal> items;
  for (int i = 0; i < 8; ++i) {
    const Ordinal item = drawn.items[i];
    EXPECT_TRUE(items.insert(item).second) << "twice";
    EXPECT_LT(item, 10u) << "excluded";
    const bool shown = item >= 2 && item < 5;
    EXPECT_EQ(drawn.tags[i], shown ? 0 : kTagFallback);
    EXPECT_EQ(drawn.components[i], shown ? 0 : 1);
    EXPECT_EQ(std::isnan(drawn.log_q[i]), !shown);
    EXPECT_NEAR(drawn.log_q_source[i], shown ? -std::log(3) : -std::log(10), 1e-5);
  }
  // It cannot give more than there is.
  const DrawnRows all = DrawRows(*pool, policy, {row}, 20, 3);
  EXPECT_EQ(all.StatusOf(0), RowStatus::kShort);
  EXPECT_EQ(all.drawn[0], 10);
  for (int i = 10; i < 20; ++i) EXPECT_EQ(all.components[i], kPadding);
}

TEST(FallbackTest, NothingToFallBackToLeavesTheReason) {
  PlainPool plain;
  plain.AddItems(3);
  for (Ordinal item = 0; item < 3; ++item) plain.Add(EventKind::kPositive, 0, item, 1);
  const DrawnRows drawn =
      DrawRows(*plain.Build(), ShownOrAny(), {{kTestHour, 0}, {kTestHour}}, 4, 3);
  EXPECT_EQ(drawn.StatusOf(0), RowStatus::kNoEvent) << "the user has seen everything";
  EXPECT_EQ(drawn.drawn[0], 0);
  EXPECT_EQ(drawn.StatusOf(1), RowStatus::kOk);
}

// Guards hold for the fallback as well.
TEST(FallbackTest, ItsDrawsAreGuarded) {
  const GuardScene scene(TestSeed(944), Metric::kCosine, true);
  Policy policy{{{1, "nobody's", UniformSource{}}}};
  policy.fallback = PolicyComponent{0, "", UniformSource{}};
  policy.min_distance = MinDistance{0.4, 2};
  const DrawnRows drawn = scene.Draw(policy, scene.rows, 100);
  for (size_t i = 0; i < drawn.items.size(); ++i) {
    if (drawn.items[i] == kNoOrdinal) continue;
    ASSERT_FALSE(scene.Near(scene.rows[i / 100], *policy.min_distance).contains(drawn.items[i]));
  }
  EXPECT_EQ(LawsOf(policy, scene.pool->item_count()).mixture, LawKind::kRowConstant);
}

TEST(QuotaTest, LimitsOfCategoriesHoldBesideTheCap) {
  PlainPool plain;
  for (int i = 0; i < 40; ++i) {
    const char* const category = i < 20 ? "a" : i < 30 ? "b" : "c";
    plain.AddItem({Interval{}}, 1, {category});
  }
  Policy policy{{{1, "", UniformSource{}}}};
  policy.unique = true;
  policy.category_cap = 6;
  policy.category_limits = {{"a", 2}, {"b", 9}, {"nobody's", 1}};
  const DrawnRows drawn = DrawRows(*plain.Build(), policy, {{kTestHour}}, 40, 3);
  std::map<std::string, int> counts;
  for (int i = 0; i < drawn.drawn[0]; ++i) ++counts[plain.items[drawn.items[i]].categories[0]];
  EXPECT_EQ(drawn.StatusOf(0), RowStatus::kShort);
  EXPECT_THAT(counts, testing::ElementsAre(testing::Pair("a", 2), testing::Pair("b", 6),
                                           testing::Pair("c", 6)));
  policy.category_cap = 0;
  policy.unique = false;
  const DrawnRows loose = DrawRows(*plain.Build(), policy, {{kTestHour}}, 40, 3);
  counts.clear();
  for (int i = 0; i < 40; ++i) ++counts[plain.items[loose.items[i]].categories[0]];
  EXPECT_EQ(counts["a"], 2);
  EXPECT_EQ(counts["b"], 9);
  EXPECT_EQ(counts["c"], 29);
  EXPECT_GT(loose.rejects[static_cast<int>(RejectCause::kDuplicate)], 0);
}

// At least so many of a category are a component with that share.
TEST(QuotaTest, SharesOfCategoriesAreLeastCounts) {
  PlainPool plain;
  for (int i = 0; i < 200; ++i) plain.AddItem({Interval{}}, 1, {i < 2 ? "rare" : "usual"});
  Policy policy{{{0.25, "rare", UniformSource{}}, {0.75, "", UniformSource{}}}};
  const std::vector<PlainRow> rows(50, {kTestHour});
  const DrawnRows drawn = DrawRows(*plain.Build(), policy, rows, 8, 3);
  for (int r = 0; r < 50; ++r) {
    int rare = 0;
    for (int i = 0; i < 8; ++i) rare += drawn.items[r * 8 + i] < 2 ? 1 : 0;
    EXPECT_GE(rare, 2);
  }
}

// Components of two cohorts, whatever the row's is: each under the law of rows of that cohort.
TEST(QuotaTest, ComponentsOfCohortsDrawFromTheirs) {
  const PlainPool plain = RandomPlainPool(TestSeed(945));
  const auto pool = plain.Build(50);
  SplitMix random(TestSeed(946));
  std::vector<PlainRow> rows = RandomPlainRows(random, 30, 45 * kTestHour);
  for (PlainRow& row : rows) row.as_of += 4 * kTestHour;
  for (const uint8_t cohort : {0, 2}) {
    PopularitySource source;
    source.within_cohort = true;
    const PolicyComponent of_row{1, "", source};
    source.cohort = cohort;
    std::vector<OracleLaw> laws;
    for (PlainRow row : rows) {
      row.cohort = cohort;
      laws.push_back(LawOf(plain, of_row, row));
    }
    const DrawnRows drawn = DrawRows(*pool, Policy{{{1, "", source}}}, rows, 500, 3);
    EXPECT_TRUE(DrawsFit(drawn, laws, LawKind::kExact, kGuardFalseAlarms / 4));
  }
}

}  // namespace
}  // namespace negatron
