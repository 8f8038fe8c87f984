// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SERVER_SAMPLING_SOURCE_ORACLE_CHECKS_H_
#define NEGATRON_TESTS_SERVER_SAMPLING_SOURCE_ORACLE_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/source_cases.h"
#include "tests/support/source_oracle.h"
#include "tests/support/source_pool.h"
#include "tests/support/split_mix.h"

// Checks of what the server drew and reported against tests/support/source_oracle.h,
// for the tests of this folder. Those that return nothing fail the running test.
namespace negatron {

// A random pool, its policy and rows. Earlier views of the pool have answered the
// same rows, so that what is remembered of them could be in the way.
struct SourceScene {
  SourceScene(uint64_t seed, int row_count, bool shared = false,
              const SourceCaseOptions& options = {});

  SplitMix random;
  SourceCase source_case;
  Policy policy;
  std::vector<SourceRow> rows;
  std::shared_ptr<const PoolView> pool;
};

// What a row is checked against.
struct SourceExpectation {
  SourceExpectation(const SourceCase& source_case_in, const Policy& policy_in,
                    const SourceRow& row_in);

  const SourceCase& source_case;
  const Policy& policy;
  SourceRow row;  // Without a positive that the pool does not know: it cannot tell.
  SourceMixture mixture;
};

// One row of a sample.
struct SourceSampledRow {
  SourceSampledRow(const SourceSample& sample, size_t row);

  std::vector<int64_t> Slots() const;  // By component.
  std::vector<int64_t> Ids() const;

  const SourceSample& columns;
  size_t number;
  size_t first;  // Draw of the columns.
  size_t drawn;
  size_t components;
  RowStatus status;
};

// As LogQAgrees, where -infinity agrees with itself.
testing::AssertionResult LogAgrees(double reported, double expected);

// Of a row that has nothing: the status of the oracle. Where a component with a
// share is of a category that no living item has, NO_LIVING_ITEM passes too: the
// protos have no word for that component.
testing::AssertionResult EmptyStatusAgrees(const SourceSampledRow& row,
                                           const SourceExpectation& expected);

// Shares, boundaries of components with a share, log q of the positive; and that
// what follows the draws is padding.
void CheckRowColumns(const SourceSampledRow& row, const SourceExpectation& expected);

// Every draw is one that its component may make, with the probabilities, expected
// count and importance weight that are reported.
void CheckDraws(const SourceSampledRow& row, const SourceExpectation& expected);

// Repetitions and categories keep to the policy; a row is short only if no item
// could be added to it.
void CheckRestrictions(const SourceSampledRow& row, const SourceExpectation& expected);

// The sums over the call are those of the columns.
void CheckTotals(const SourceSample& sample, const Policy& policy);

// Draws, masks and what remains.
void CheckBlock(const SharedSample& sample, const Policy& policy, const SourceBlock& block);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_SAMPLING_SOURCE_ORACLE_CHECKS_H_
