// SPDX-License-Identifier: Apache-2.0
// `history_horizon`: what a user is about to choose is left out or tagged, and nothing else
// changes. Rates of false alarms are those of tests/support/law_test_util.h.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/sampling/shared_block.h"
#include "tests/server/sampling/guard_cases.h"
#include "tests/server/sampling/plain_pool.h"
#include "tests/support/law_test_util.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int64_t kHorizon = 5 * kTestHour;

// Items whose first positive of the row's user is in [t, t + horizon], by a walk over
// all events; without the row's positive and what it names.
std::set<Ordinal> Uncertain(const PlainPool& pool, const PlainRow& row, int64_t horizon) {
  std::set<Ordinal> uncertain;
  for (const auto& [item, time] : FirstPositives(pool, row.user)) {
    if (time >= row.as_of && time <= row.as_of + horizon) uncertain.insert(item);
  }
  uncertain.erase(row.positive);
  for (const Ordinal item : row.exclusions) uncertain.erase(item);
  return uncertain;
}

class HorizonTest : public testing::TestWithParam<NamedSource> {
 protected:
  static const PolicyComponent& component() { return GetParam().component; }
  static Policy With(int64_t horizon, UncertainRule rule = UncertainRule::kExclude) {
    Policy policy{{component()}};
    policy.history_horizon_micros = horizon;
    policy.uncertain_rule = rule;
    return policy;
  }
};

INSTANTIATE_TEST_SUITE_P(EverySource, HorizonTest, testing::ValuesIn(EverySource()),
                         [](const auto& source) { return std::string(source.param.name); });

// 40 rows of 2,000 draws, each under its own law, and every log q.
TEST_P(HorizonTest, LeavesOutWhatTheUserIsAboutToChooseAndKeepsTheLawExact) {
  constexpr int kRows = 40, kDraws = 2000;
  const double false_alarm = kGuardFalseAlarms / 4 / static_cast<double>(EverySource().size());
  const uint64_t seed = TestSeed(910);
  SCOPED_TRACE(seed);
  const PlainPool plain = RandomPlainPool(seed);
  SplitMix random(seed + 1);
  const std::vector<PlainRow> rows = RandomPlainRows(random, kRows, 45 * kTestHour);
  const DrawnRows drawn = DrawRows(*plain.Build(50), With(kHorizon), rows, kDraws, 3);
  ASSERT_TRUE(drawn.status.ok());
  TransformTest transform(seed);
  int served = 0, guarded = 0;
  for (size_t r = 0; r < kRows; ++r) {
    const std::set<Ordinal> uncertain = Uncertain(plain, rows[r], kHorizon);
    const OracleLaw law = LawOf(plain, component(), Naming(rows[r], uncertain));
    ASSERT_EQ(drawn.StatusOf(static_cast<int>(r)) == RowStatus::kOk, !law.empty()) << "row " << r;
    if (law.empty()) continue;
    ++served;
    guarded += uncertain.empty() ? 0 : 1;
    std::vector<int64_t> items;
    for (size_t i = r * kDraws; i < (r + 1) * kDraws; ++i) {
      items.push_back(drawn.items[i]);
      ASSERT_TRUE(LogQAgrees(drawn.log_q[i], law, drawn.items[i])) << "row " << r;
      ASSERT_EQ(drawn.tags[i], 0);
    }
    transform.Add(law, items);
  }
  EXPECT_GT(served, 10);
  EXPECT_GT(guarded, 5);
  EXPECT_TRUE(transform.Verdict(false_alarm));
}

TEST_P(HorizonTest, KeptItemsAreTaggedAndTheLawIsThatWithoutAHorizon) {
  constexpr int kRows = 40, kDraws = 200;
  const PlainPool plain = RandomPlainPool(TestSeed(911));
  SplitMix random(TestSeed(912));
  const std::vector<PlainRow> rows = RandomPlainRows(random, kRows, 45 * kTestHour);
  const auto pool = plain.Build(50);
  const DrawnRows kept = DrawRows(*pool, With(kHorizon, UncertainRule::kKeep), rows, kDraws, 3);
  const DrawnRows causal = DrawRows(*pool, With(0), rows, kDraws, 3);
  int64_t tagged = 0;
  for (size_t r = 0; r < kRows; ++r) {
    ASSERT_EQ(kept.statuses[r], causal.statuses[r]);
    if (kept.StatusOf(static_cast<int>(r)) != RowStatus::kOk) continue;
    const std::set<Ordinal> uncertain = Uncertain(plain, rows[r], kHorizon);
    for (size_t i = r * kDraws; i < (r + 1) * kDraws; ++i) {
      ASSERT_EQ(kept.items[i], causal.items[i]);
      ASSERT_EQ(kept.log_q[i], causal.log_q[i]);
      ASSERT_EQ(kept.tags[i], uncertain.contains(kept.items[i]) ? kTagInHorizon : 0);
      ASSERT_EQ(causal.tags[i], 0);
      tagged += kept.tags[i];
    }
  }
  EXPECT_GT(tagged, 0);
}

// One item for each place around the horizon.
struct EdgeScene {
  static constexpr Micros kTime = 30 * kTestHour;

  EdgeScene() {
    plain.AddItems(40);
    const Micros times[] = {kTime - 1, kTime, kTime + 1, kTime + kHorizon, kTime + kHorizon + 1};
    for (Ordinal item = 0; item < std::size(times); ++item) {
      plain.Add(EventKind::kPositive, 0, item, times[item]);
    }
    pool = plain.Build();
  }

  std::set<int64_t> Missing(int64_t horizon, const PlainRow& row = {kTime, 0}) const {
    Policy policy{{{1, "", UniformSource{}}}};
    policy.history_horizon_micros = horizon;
    const DrawnRows drawn = DrawRows(*pool, policy, {row}, 4000, 1);
    std::set<int64_t> missing;
    for (int64_t item = 0; item < 40; ++item) missing.insert(item);
    for (const auto& [item, count] : drawn.Count(0, 1)) missing.erase(item);
    return missing;
  }

  PlainPool plain;
  std::shared_ptr<const PoolView> pool;
};

// An item that may be drawn is missed by 4,000 draws with a chance of (39/40)^4000 < 1e-43.
TEST(HorizonEdgesTest, BothEndsAreInAndZeroIsStrictlyCausal) {
  const EdgeScene scene;
  EXPECT_THAT(scene.Missing(0), testing::ElementsAre(0));
  EXPECT_THAT(scene.Missing(1), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(scene.Missing(kHorizon - 1), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(scene.Missing(kHorizon), testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(scene.Missing(kHorizon + 1), testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST(HorizonEdgesTest, ARowWithoutUserHasNoUncertainItems) {
  EXPECT_THAT(EdgeScene().Missing(kHorizon, {EdgeScene::kTime}), testing::IsEmpty());
}

// Rejects of 20,000 proposals among 40 items of which 5 are out.
TEST(HorizonEdgesTest, RejectsHaveACauseOfTheirOwnAndThePositiveStaysAPositive) {
  const EdgeScene scene;
  Policy policy{{{1, "", UniformSource{}}}};
  policy.history_horizon_micros = kHorizon;
  const auto rejects = [&](const PlainRow& row) {
    const DrawnRows drawn = DrawRows(*scene.pool, policy, {row}, 20000, 1);
    return std::pair{drawn.rejects[static_cast<int>(RejectCause::kExcluded)],
                     drawn.rejects[static_cast<int>(RejectCause::kUncertain)]};
  };
  // Item 0 is history; 1, 2 and 3 are uncertain.
  const auto [known, uncertain] = rejects({EdgeScene::kTime, 0});
  EXPECT_NEAR(static_cast<double>(uncertain) / static_cast<double>(known), 3, 1);
  // The positive of the row, at its very time, and a named item of its future.
  const auto [more, rest] = rejects({EdgeScene::kTime, 0, 1, {2}});
  EXPECT_NEAR(static_cast<double>(more) / static_cast<double>(rest), 3, 1);
  policy.history_horizon_micros = 0;
  EXPECT_EQ(rejects({EdgeScene::kTime, 0}).second, 0);
}

TEST(HorizonEdgesTest, AUserWhoWillHaveChosenEverythingIsExhausted) {
  PlainPool plain;
  plain.AddItems(3);
  for (Ordinal item = 0; item < 3; ++item) plain.AddOfEachKind(0, 1, item, item * kTestHour);
  Policy policy{{{1, "", UniformSource{}}}};
  policy.history_horizon_micros = kTestHour;
  const DrawnRows drawn = DrawRows(*plain.Build(), policy, {{kTestHour, 0}}, 5, 1);
  EXPECT_EQ(drawn.StatusOf(0), RowStatus::kExhausted);
}

struct BlockResult {
  BlockResult(size_t rows, size_t count)
      : items(count),
        log_q(count),
        components(count),
        false_mask(rows * ((count + 7) / 8)),
        log_remaining(rows) {}

  SharedColumns Columns() { return {items, log_q, components, false_mask, log_remaining}; }

  std::vector<Ordinal> items;
  std::vector<float> log_q;
  std::vector<uint8_t> components, false_mask;
  std::vector<float> log_remaining;
};

// A block under a horizon tells of its rows what it tells of rows that name the uncertain.
TEST(HorizonBlockTest, UncertainItemsAreFalseForTheirRows) {
  constexpr int kRows = 40, kDraws = 300;
  const PlainPool plain = RandomPlainPool(TestSeed(913));
  SplitMix random(TestSeed(914));
  const auto pool = plain.Build(50);
  std::vector<PlainRow> rows = RandomPlainRows(random, kRows, 45 * kTestHour);
  Policy policy{{{1, "", UniformSource{}}, {1, "", PopularitySource{}}}};
  const auto draw = [&](const Policy& asked, const std::vector<PlainRow>& asking) {
    const PlainColumns columns(asking);
    const Cancellation never;
    const SourceContext context{pool.get(), nullptr, Philox(1), &never};
    BlockResult result(kRows, kDraws);
    SampleTotals totals;
    EXPECT_TRUE(SampleSharedBlock(asked, context, columns.Batch(kDraws), 20 * kTestHour, 7,
                                  result.Columns(), &totals)
                    .ok());
    return result;
  };
  const BlockResult causal = draw(policy, rows);
  policy.history_horizon_micros = kHorizon;
  const BlockResult ahead = draw(policy, rows);
  for (PlainRow& row : rows) row = Naming(row, Uncertain(plain, row, kHorizon));
  policy.history_horizon_micros = 0;
  const BlockResult named = draw(policy, rows);
  EXPECT_EQ(ahead.items, causal.items);
  EXPECT_EQ(ahead.log_q, causal.log_q);
  EXPECT_EQ(ahead.false_mask, named.false_mask);
  EXPECT_EQ(ahead.log_remaining, named.log_remaining);
  EXPECT_NE(ahead.false_mask, causal.false_mask);
}

}  // namespace
}  // namespace negatron
