// SPDX-License-Identifier: Apache-2.0
// Rows and shared blocks of the sources of catalogue and users against brute force
// (tests/support/source_oracle.h): everything that is reported of each draw. What
// is a matter of chance is in source_oracle_law_test.cc.
#include "tests/support/source_oracle.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/sampling/source_oracle_checks.h"
#include "tests/support/law_test_util.h"
#include "tests/support/random_catalogue.h"
#include "tests/support/source_cases.h"
#include "tests/support/source_pool.h"

namespace negatron {
namespace {

std::string TraceOf(const SourceScene& scene, size_t row) {
  return "row " + std::to_string(row) + " as of " + std::to_string(scene.rows[row].as_of);
}

TEST(SourceOracleRowsTest, ReportWhatTheOracleSays) {
  constexpr int kCases = 500, kRows = 24, kDraws = 7;
  int64_t draws = 0;
  int uncertain = 0;
  for (uint64_t c = 0; c < kCases && !HasFailure(); ++c) {
    const SourceScene scene(TestSeed(70000 + c), kRows);
    SCOPED_TRACE(scene.source_case.Trace());
    const SourceSample sample = SampleSources(*scene.pool, scene.policy, scene.rows, kDraws, c);
    ASSERT_TRUE(sample.status.ok());
    CheckTotals(sample, scene.policy);
    for (size_t r = 0; r < kRows && !HasFailure(); ++r) {
      SCOPED_TRACE(TraceOf(scene, r));
      const SourceExpectation expected(scene.source_case, scene.policy, scene.rows[r]);
      if (IsUncertain(expected.log_of_nothing)) {
        ++uncertain;
        continue;
      }
      const SourceSampledRow row(sample, r);
      CheckRowColumns(row, expected);
      CheckDraws(row, expected);
      if (expected.mixture.status != RowStatus::kOk) {
        ASSERT_TRUE(EmptyStatusAgrees(row, expected));
        ASSERT_EQ(row.drawn, 0);
        continue;
      }
      ASSERT_EQ(row.status, RowStatus::kOk);
      ASSERT_EQ(row.drawn, kDraws);
      ASSERT_TRUE(SlotsAreSystematic(expected.mixture.shares, row.Slots()));
      draws += kDraws;
    }
  }
  EXPECT_GT(draws, kCases * kRows * kDraws / 2);
  EXPECT_LT(uncertain, kCases * kRows / 10);
}

TEST(SourceOracleRowsTest, DoNotDependOnThePathToTheState) {
  constexpr int kRows = 12, kDraws = 5;
  for (uint64_t c = 0; c < 60; ++c) {
    SourceScene scene(TestSeed(71000 + c), kRows);
    SCOPED_TRACE(scene.source_case.Trace());
    scene.policy.unique = c % 2 == 0;
    const auto live = BuildSourcePool(scene.source_case, SourceHistory::kLive);
    const auto again = BuildSourcePool(scene.source_case, SourceHistory::kRestart);
    const SourceSample one = SampleSources(*live, scene.policy, scene.rows, kDraws, c);
    const SourceSample other = SampleSources(*again, scene.policy, scene.rows, kDraws, c);
    ASSERT_EQ(one.ids, other.ids);
    ASSERT_EQ(one.statuses, other.statuses);
    for (size_t i = 0; i < one.ids.size(); ++i) {
      if (one.ids[i] == -1) continue;
      ASSERT_EQ(one.log_q[i], other.log_q[i]);
      ASSERT_EQ(one.importance_weights[i], other.importance_weights[i]);
    }
  }
}

TEST(SourceOracleRowsTest, KeepToUniquenessAndCaps) {
  constexpr int kCases = 500, kRows = 16;
  int short_rows = 0;
  int uncertain = 0;
  for (uint64_t c = 0; c < kCases && !HasFailure(); ++c) {
    SourceScene scene(TestSeed(72000 + c), kRows);
    SCOPED_TRACE(scene.source_case.Trace());
    scene.policy.unique = c % 4 != 3;
    scene.policy.category_cap = c % 4 < 2 ? 0 : static_cast<int>(1 + c % 3);
    const int draws = scene.random.Pick<int>({2, 5, 9, 17, 40});
    const SourceSample sample = SampleSources(*scene.pool, scene.policy, scene.rows, draws, c);
    ASSERT_TRUE(sample.status.ok());
    CheckTotals(sample, scene.policy);
    for (size_t r = 0; r < kRows && !HasFailure(); ++r) {
      SCOPED_TRACE(TraceOf(scene, r));
      const SourceExpectation expected(scene.source_case, scene.policy, scene.rows[r]);
      if (IsUncertain(expected.log_of_nothing)) {
        ++uncertain;
        continue;
      }
      const SourceSampledRow row(sample, r);
      CheckRowColumns(row, expected);
      CheckDraws(row, expected);
      if (expected.mixture.status != RowStatus::kOk) {
        ASSERT_TRUE(EmptyStatusAgrees(row, expected));
        ASSERT_EQ(row.drawn, 0);
        continue;
      }
      CheckRestrictions(row, expected);
      short_rows += row.status == RowStatus::kShort ? 1 : 0;
    }
  }
  EXPECT_GT(short_rows, kCases * kRows / 20);
  EXPECT_LT(uncertain, kCases * kRows / 10);
}

TEST(SourceOracleBlockTest, TellsWhichNegativesAreFalse) {
  constexpr int kCases = 300, kRows = 20;
  int uncertain = 0;
  for (uint64_t c = 0; c < kCases && !HasFailure(); ++c) {
    SourceScene scene(TestSeed(73000 + c), kRows, true);
    SCOPED_TRACE(scene.source_case.Trace());
    const Micros time = RandomSourceRow(scene.source_case, scene.policy, &scene.random).as_of;
    // Half of the rows at the time of the block, as in a batch of one time.
    for (size_t r = 0; r < kRows; r += 2) scene.rows[r].as_of = time;
    const int count = static_cast<int>(scene.random.Between(1, 70));
    const SharedSample sample =
        SampleShared(*scene.pool, scene.policy, scene.rows, time, count, c, c % 5);
    ASSERT_TRUE(sample.status.ok());
    SourceRow nobody;
    nobody.as_of = time;
    const SourceCatalogue& catalogue = scene.source_case.catalogue;
    const double log_of_nothing = LogOfNothing(catalogue, scene.policy, nobody);
    if (IsUncertain(log_of_nothing)) {
      ++uncertain;
      continue;
    }
    CheckBlock(sample, scene.policy, SharedBlockOf(catalogue, scene.policy, time, scene.rows),
               log_of_nothing);
  }
  EXPECT_LT(uncertain, kCases / 10);
}

}  // namespace
}  // namespace negatron
