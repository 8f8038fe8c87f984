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

// What has a lower log q in the row may count for nothing: less than 2^-1000 of the
// largest mass of a component of `popularity`, be that of an item that is dead or excluded
// (policies.proto); of the others, what a double cannot hold.
double LogOfNothing(const SourceCatalogue& catalogue, const Policy& policy, const SourceRow& row);

// Whether what may count for nothing is so much that the laws depend on it. Of such a row
// nothing is known, not even whether its components are empty.
inline bool IsUncertain(double log_of_nothing) { return log_of_nothing > -20; }

// A random pool with extremes, its policy and rows. Earlier views of the pool have answered the
// same rows, so that what is remembered of them could be in the way.
struct SourceScene {
  SourceScene(uint64_t seed, int row_count, bool shared = false);

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
  double log_of_nothing;
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

// Of a row that has nothing: the status of the oracle.
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

// Draws, masks and what remains; where it is below `log_of_nothing`, that may be
// reported as nothing.
void CheckBlock(const SharedSample& sample, const Policy& policy, const SourceBlock& block,
                double log_of_nothing);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_SAMPLING_SOURCE_ORACLE_CHECKS_H_
