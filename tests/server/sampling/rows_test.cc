// SPDX-License-Identifier: Apache-2.0
// What a row may depend on, and what becomes of rows at the edges.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/catalogue_pool.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kRows = 64;
constexpr int kDraws = 5;

Policy MixedPolicy() {
  NearestSource nearest;
  nearest.rank_end = 7;
  nearest.pick = NearestPick::kSoftmax;
  nearest.temperature = 0.5;
  return {{{1, "", UniformSource{}}, {1, "", PopularitySource{}}, {1, "", nearest}}};
}

RandomCase MixedCase(uint64_t seed) {
  RandomCatalogueOptions options;
  options.embedding = EmbeddingSettings{4, Metric::kCosine};
  return MakeRandomCase(seed, kRows, options);
}

std::vector<uint64_t> Keys() {
  std::vector<uint64_t> keys(kRows);
  std::iota(keys.begin(), keys.end(), 1000);
  return keys;
}

template <typename T>
std::vector<T> RowOf(const std::vector<T>& column, size_t row) {
  return {column.begin() + row * kDraws, column.begin() + (row + 1) * kDraws};
}

// Bytes, so that NaN equals itself.
void ExpectSameRow(const SampledRows& a, size_t row_a, const SampledRows& b, size_t row_b) {
  EXPECT_EQ(a.statuses[row_a], b.statuses[row_b]);
  EXPECT_EQ(RowOf(a.ids, row_a), RowOf(b.ids, row_b));
  EXPECT_EQ(RowOf(a.components, row_a), RowOf(b.components, row_b));
  const auto expect_bytes = [](const std::vector<float>& x, const std::vector<float>& y) {
    EXPECT_EQ(std::memcmp(x.data(), y.data(), x.size() * sizeof(float)), 0);
  };
  expect_bytes(RowOf(a.log_q, row_a), RowOf(b.log_q, row_b));
  expect_bytes(RowOf(a.log_q_source, row_a), RowOf(b.log_q_source, row_b));
  expect_bytes(RowOf(a.scores, row_a), RowOf(b.scores, row_b));
}

// As few threads as never help, and more than there are parts.
TEST(RowsTest, DoNotDependOnTheThreadsThatHelp) {
  const RandomCase random = MixedCase(TestSeed(11));
  SCOPED_TRACE(random.Trace());
  const CataloguePool pool = BuildPool(random.catalogue, 50);
  const SampledRows alone = Sample(pool, MixedPolicy(), random.rows, Keys(), kDraws, 3);
  for (const int threads : {1, 2, 8}) {
    Executor executor(threads, 16);
    while (executor.idle_count() < threads) std::this_thread::yield();
    for (int repeat = 0; repeat < 20; ++repeat) {
      const SampledRows shared =
          Sample(pool, MixedPolicy(), random.rows, Keys(), kDraws, 3, &executor);
      ASSERT_TRUE(shared.status.ok());
      for (size_t r = 0; r < kRows; ++r) ExpectSameRow(alone, r, shared, r);
      EXPECT_EQ(shared.shares, alone.shares);
      EXPECT_EQ(shared.rejects, alone.rejects);
      EXPECT_EQ(shared.model_versions, alone.model_versions);
      EXPECT_EQ(shared.totals.drawn_by_component, alone.totals.drawn_by_component);
      EXPECT_EQ(shared.totals.rows_by_status, alone.totals.rows_by_status);
      EXPECT_EQ(shared.totals.rejects, alone.totals.rejects);
    }
  }
}

TEST(RowsTest, DoNotDependOnTheBatch) {
  const RandomCase random = MixedCase(TestSeed(1));
  SCOPED_TRACE(random.Trace());
  const CataloguePool pool = BuildPool(random.catalogue, 50);
  const SampledRows whole = Sample(pool, MixedPolicy(), random.rows, Keys(), kDraws, 3);
  std::vector<size_t> order(kRows);
  std::iota(order.begin(), order.end(), 0);
  std::reverse(order.begin(), order.end());
  std::rotate(order.begin(), order.begin() + 17, order.end());
  std::vector<OracleRow> shuffled;
  std::vector<uint64_t> keys;
  for (const size_t r : order) {
    shuffled.push_back(random.rows[r]);
    keys.push_back(Keys()[r]);
  }
  const SampledRows other = Sample(pool, MixedPolicy(), shuffled, keys, kDraws, 3);
  for (size_t i = 0; i < order.size(); ++i) {
    ExpectSameRow(whole, order[i], other, i);
    const SampledRows alone = Sample(pool, MixedPolicy(), {shuffled[i]}, {keys[i]}, kDraws, 3);
    ExpectSameRow(alone, 0, other, i);
  }
}

TEST(RowsTest, DoNotDependOnHowThePoolWasBuilt) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const RandomCase random = MixedCase(TestSeed(seed));
    SCOPED_TRACE(random.Trace());
    const SampledRows one_by_one =
        Sample(BuildPool(random.catalogue, 1), MixedPolicy(), random.rows, Keys(), kDraws, 3);
    const SampledRows at_once =
        Sample(BuildPool(random.catalogue, 1 << 20), MixedPolicy(), random.rows, Keys(), kDraws, 3);
    for (size_t r = 0; r < kRows; ++r) ExpectSameRow(one_by_one, r, at_once, r);
  }
}

TEST(RowsTest, DependOnSeedAndKey) {
  const RandomCase random = MixedCase(TestSeed(2));
  const CataloguePool pool = BuildPool(random.catalogue, 50);
  OracleRow row;
  row.as_of = kMaxTime;
  const Policy uniform{{{1, "", UniformSource{}}}};
  const SampledRows a = Sample(pool, uniform, {row}, {1}, 50, 3);
  EXPECT_NE(a.ids, Sample(pool, uniform, {row}, {2}, 50, 3).ids);
  EXPECT_NE(a.ids, Sample(pool, uniform, {row}, {1}, 50, 4).ids);
}

TEST(RowsTest, EmptyCatalogueHasNoLivingItem) {
  const CataloguePool pool = BuildPool({}, 1);
  for (const SourceSpec& source : {SourceSpec(UniformSource{}), SourceSpec(PopularitySource{})}) {
    const SampledRows sampled = Sample(pool, {{{1, "", source}}}, {OracleRow{}}, {1}, 2, 3);
    EXPECT_EQ(sampled.statuses[0], static_cast<uint8_t>(RowStatus::kNoLivingItem));
    EXPECT_THAT(sampled.ids, testing::Each(-1));
    EXPECT_THAT(sampled.components, testing::Each(255));
    EXPECT_THAT(sampled.log_q, testing::Each(testing::NanSensitiveFloatEq(NAN)));
  }
}

// A catalogue of n items, each with one event of user 1 at its index; the
// user has seen all but the last.
OracleCatalogue SeenAllButOne(int64_t n) {
  OracleCatalogue catalogue;
  for (int64_t id = 0; id < n; ++id) {
    catalogue.items[id] = {id, {Interval{}}, std::nullopt};
    catalogue.events.push_back({id == n - 1 ? 2 : 1, id, id, 1.0f});
  }
  return catalogue;
}

TEST(RowsTest, AUserWhoHasSeenAllButOneGetsThatOne) {
  constexpr int64_t kItems = 20000;
  const CataloguePool pool = BuildPool(SeenAllButOne(kItems), 1 << 20);
  OracleRow row;
  row.user = 1;
  row.as_of = kItems;
  for (const SourceSpec& source : {SourceSpec(UniformSource{}), SourceSpec(PopularitySource{})}) {
    const SampledRows sampled = Sample(pool, {{{1, "", source}}}, {row}, {1}, 3, 3);
    EXPECT_THAT(sampled.ids, testing::Each(kItems - 1));
    EXPECT_THAT(sampled.log_q, testing::Each(0.0f));
  }
}

TEST(RowsTest, AUserWhoHasSeenEverythingIsExhausted) {
  const CataloguePool pool = BuildPool(SeenAllButOne(100), 1 << 20);
  OracleRow row;
  row.user = 1;
  row.positive = 99;
  row.as_of = 1000;
  for (const SourceSpec& source : {SourceSpec(UniformSource{}), SourceSpec(PopularitySource{})}) {
    const SampledRows sampled = Sample(pool, {{{1, "", source}}}, {row}, {1}, 3, 3);
    EXPECT_EQ(sampled.statuses[0], static_cast<uint8_t>(RowStatus::kExhausted));
    EXPECT_THAT(sampled.ids, testing::Each(-1));
  }
}

// All the mass belongs to an item that has just died.
TEST(RowsTest, TheDeadDoNotCount) {
  OracleCatalogue catalogue;
  catalogue.half_life_micros = 86400LL * 1000000;
  for (int64_t id = 0; id < 10; ++id) catalogue.items[id] = {id, {Interval{}}, std::nullopt};
  catalogue.items[3].alive = {{0, 1000}};
  for (int i = 0; i < 5000; ++i) catalogue.events.push_back({1, 3, 10 + i / 100, 4096.0f});
  catalogue.events.push_back({1, 4, 20, 1.0f / 64});
  const CataloguePool pool = BuildPool(catalogue, 1000);
  OracleRow row;
  row.as_of = 1000;
  const Policy popularity{{{1, "", PopularitySource{}}}};
  const SampledRows sampled = Sample(pool, popularity, {row}, {1}, 4, 3);
  EXPECT_THAT(sampled.ids, testing::Each(4));
  EXPECT_THAT(sampled.log_q, testing::Each(0.0f));
  row.as_of = 999;
  EXPECT_THAT(Sample(pool, popularity, {row}, {1}, 4, 3).ids, testing::Each(3));
}

TEST(RowsTest, CancelledWorkStops) {
  const RandomCase random = MakeRandomCase(TestSeed(3), kRows);
  const CataloguePool pool = BuildPool(random.catalogue, 50);
  Cancellation cancellation;
  cancellation.Cancel();
  const SourceContext context{pool.pool.get(), nullptr, Philox(1), &cancellation};
  const std::vector<Micros> as_of(kRows, 0);
  const std::vector<uint64_t> keys = Keys();
  std::vector<Ordinal> items(kRows);
  std::vector<uint8_t> statuses(kRows);
  SampleBatch batch;
  batch.row_count = kRows;
  batch.negative_count = 1;
  batch.as_of = as_of;
  batch.keys = keys;
  SampleColumns columns;
  columns.items = items;
  columns.statuses = statuses;
  SampleTotals totals;
  const Policy uniform{{{1, "", UniformSource{}}}};
  EXPECT_EQ(SampleRows(uniform, context, batch, columns, &totals).code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace negatron
