// SPDX-License-Identifier: Apache-2.0
// What is observed of draws, and that draws do not depend on it.
#include "server/sampling/draw_observer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/sampling/plain_pool.h"

namespace negatron {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::Le;

constexpr int kItems = 40;
constexpr int kDraws = 8;
constexpr Micros kNow = 50 * kTestHour;

// One row in `step` is observed; 0: none.
struct Observed {
  std::vector<Ordinal> items;
  std::vector<float> log_q;
  SampleTotals totals;
};

Observed Draw(const PoolView& pool, const Policy& policy, const std::vector<PlainRow>& rows,
              int64_t step, int64_t first = 0) {
  const PlainColumns columns(rows);
  const SampleBatch batch = columns.Batch(kDraws);
  Observed drawn;
  drawn.items.resize(rows.size() * kDraws);
  drawn.log_q.resize(drawn.items.size());
  std::vector<uint8_t> statuses(rows.size());
  SampleColumns out;
  out.items = drawn.items;
  out.log_q_source = drawn.log_q;
  out.statuses = statuses;
  const Cancellation cancellation;
  SourceContext context{&pool, nullptr, Philox(17), &cancellation};
  if (step > 0) context.observed_rows = RowChoice{first, step};
  const absl::Status status = SampleRows(policy, context, batch, out, &drawn.totals);
  EXPECT_TRUE(status.ok()) << status;
  return drawn;
}

// Items with events of different weights; user 0 chose the first three, and was shown ten.
PlainPool Catalogue() {
  PlainPool pool;
  pool.AddItems(kItems);
  for (Ordinal item = 0; item < kItems; ++item) {
    pool.Add(EventKind::kPositive, 1 + item % 3, item, (1 + item) * kTestHour, 1 + item % 7);
  }
  for (Ordinal item = 0; item < 3; ++item) pool.Add(EventKind::kPositive, 0, item, kTestHour);
  for (Ordinal item = 5; item < 15; ++item) {
    pool.Add(EventKind::kExposure, 0, item, (30 + item % 4) * kTestHour);
  }
  return pool;
}

std::vector<PlainRow> Rows(int count) {
  std::vector<PlainRow> rows(static_cast<size_t>(count));
  for (PlainRow& row : rows) {
    row.as_of = kNow;
    row.user = 0;
    row.positive = 4;
  }
  return rows;
}

Policy Mixture() {
  return {{{2, "", UniformSource{}}, {1, "", PopularitySource{}}, {1, "", ExposureSource{}}}};
}

TEST(DrawObserverTest, DrawsDoNotDependOnWhatIsObserved) {
  const auto pool = Catalogue().Build();
  const std::vector<PlainRow> rows = Rows(1000);
  for (const bool unique : {false, true}) {
    Policy policy = Mixture();
    policy.unique = unique;
    const Observed plain = Draw(*pool, policy, rows, 0);
    EXPECT_EQ(plain.totals.observed.row_count, 0);
    for (const int64_t step : {1, 7, 256}) {
      const Observed seen = Draw(*pool, policy, rows, step, step / 2);
      EXPECT_EQ(seen.items, plain.items);
      EXPECT_EQ(
          std::memcmp(seen.log_q.data(), plain.log_q.data(), plain.log_q.size() * sizeof(float)),
          0);
      EXPECT_EQ(seen.totals.drawn_by_component, plain.totals.drawn_by_component);
      EXPECT_EQ(seen.totals.observed.row_count, (1000 - step / 2 + step - 1) / step);
    }
  }
}

// Rows of blocks of any size: each item that a chosen row got is seen, and no other.
TEST(DrawObserverTest, SeesTheRowsOfTheChoice) {
  const auto pool = Catalogue().Build();
  for (const bool unique : {false, true}) {
    Policy policy = Mixture();
    policy.unique = unique;
    const Observed drawn = Draw(*pool, policy, Rows(1000), 7, 3);
    std::map<Ordinal, int> expected;
    for (size_t r = 3; r < 1000; r += 7) {
      for (int k = 0; k < kDraws; ++k) ++expected[drawn.items[r * kDraws + k]];
    }
    std::map<Ordinal, int> seen;
    for (const ObservedSource& source : drawn.totals.observed.components) {
      for (const ObservedDraw& draw : source.draws) ++seen[draw.item];
    }
    EXPECT_EQ(seen, expected);
  }
}

TEST(DrawObserverTest, TellsSharesAndAges) {
  const auto pool = Catalogue().Build();
  std::vector<PlainRow> rows = Rows(400);
  for (size_t r = 0; r < rows.size(); r += 2) rows[r].user = 2;  // Was shown nothing.
  const ObservedRows seen = Draw(*pool, Mixture(), rows, 1).totals.observed;
  ASSERT_EQ(seen.components.size(), 3U);
  EXPECT_NEAR(seen.components[0].configured_share, 200, 1e-9);
  EXPECT_NEAR(seen.components[2].configured_share, 100, 1e-9);
  EXPECT_NEAR(seen.components[2].effective_share, 50, 1e-9);
  EXPECT_NEAR(seen.components[0].effective_share, 200 * 0.5 + 200 * 2 / 3.0, 1e-6);
  for (const ObservedDraw& draw : seen.components[0].draws) EXPECT_EQ(draw.age_micros, kNoAge);
  for (const ObservedDraw& draw : seen.components[1].draws) {
    EXPECT_EQ(draw.age_micros, kNow - (1 + draw.item) * kTestHour) << draw.item;
  }
  for (const ObservedDraw& draw : seen.components[2].draws) {
    EXPECT_EQ(draw.age_micros, kNow - (30 + draw.item % 4) * kTestHour) << draw.item;
  }
}

// 8,000 draws of each, two checks, |z| < 5: a false alarm in a million runs with other seeds.
TEST(DrawObserverTest, LawsHoldByBothChecks) {
  const auto pool = Catalogue().Build();
  const ObservedRows seen = Draw(*pool, Mixture(), Rows(4000), 1).totals.observed;
  for (const ObservedSource& source : seen.components) {
    ASSERT_GT(source.pair_count, 3000);
    EXPECT_LT(std::abs(static_cast<double>(source.collision_count) - source.expected_collisions),
              5 * std::sqrt(source.squared_differences));
  }
  // 40 items; three were chosen, and one is the row's positive.
  for (const ObservedDraw& draw : seen.components[0].draws) EXPECT_NEAR(draw.inverse, 1, 1e-9);
  double sum = 0;
  double squares = 0;
  for (const ObservedDraw& draw : seen.components[2].draws) {
    sum += draw.inverse;
    squares += draw.inverse * draw.inverse;
  }
  const auto n = static_cast<double>(seen.components[2].draws.size());
  EXPECT_LT(std::abs(sum / n - 1), 5 * std::sqrt((squares / n - sum / n * sum / n) / n));
  for (const ObservedDraw& draw : seen.components[1].draws) EXPECT_TRUE(std::isnan(draw.inverse));
}

// Draws from another law than is told: the same item every time, told to be one in 40.
TEST(DrawObserverTest, FindsAFalseLaw) {
  const auto pool = Catalogue().Build();
  const Policy policy{{{1, "", UniformSource{}}}};
  const PolicyLaws laws = LawsOf(policy, kItems);
  const Cancellation cancellation;
  const SourceContext context{pool.get(), nullptr, Philox(1), &cancellation};
  std::vector<Row> rows(100);
  const UserHistory nothing;
  for (Row& row : rows) {
    row.as_of = kNow;
    row.excluded.Reset(nothing, kNow, kNoOrdinal, {});
  }
  std::vector<std::unique_ptr<Source>> sources;
  sources.push_back(MakeSource(policy.components[0], context));
  std::vector<RowStatus> statuses(rows.size(), RowStatus::kOk);
  ASSERT_TRUE(sources[0]->Begin(rows, statuses).ok());
  std::vector<Draws> draws(1);
  for (uint32_t r = 0; r < rows.size(); ++r) draws[0].Open(r, 0, 2);
  draws[0].items.assign(200, 7);
  draws[0].q.assign(200, 1.0 / 20);  // Twice what is right for 40 items.
  const std::vector<double> shares(rows.size(), 1.0);
  ObservedRows seen;
  DrawObserver observer(policy, laws, context, {0, 1}, &seen);
  ASSERT_TRUE(observer.See(0, rows, sources, draws, shares).ok());
  const ObservedSource& source = seen.components[0];
  ASSERT_EQ(source.draws.size(), 200U);
  EXPECT_NEAR(source.draws[0].inverse, 0.5, 1e-9);
  EXPECT_EQ(source.pair_count, 100);
  EXPECT_EQ(source.collision_count, 100);
  EXPECT_NEAR(source.expected_collisions, 5, 1e-9);
}

TEST(DrawObserverTest, LooksAtSomeDrawsOfALargeRow) {
  const auto pool = Catalogue().Build();
  const PlainColumns columns(Rows(2));
  const SampleBatch batch = columns.Batch(1000);
  std::vector<Ordinal> items(2000);
  std::vector<uint8_t> statuses(2);
  SampleColumns out;
  out.items = items;
  out.statuses = statuses;
  const Cancellation cancellation;
  SourceContext context{pool.get(), nullptr, Philox(17), &cancellation};
  context.observed_rows = RowChoice{0, 2};
  SampleTotals totals;
  ASSERT_TRUE(SampleRows({{{1, "", UniformSource{}}}}, context, batch, out, &totals).ok());
  EXPECT_EQ(totals.observed.row_count, 1);
  EXPECT_THAT(totals.observed.components[0].draws.size(),
              AllOf(Ge(kMaxObservedDraws / 2), Le(kMaxObservedDraws)));
}

}  // namespace
}  // namespace negatron
