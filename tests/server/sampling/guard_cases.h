// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SERVER_SAMPLING_GUARD_CASES_H_
#define NEGATRON_TESTS_SERVER_SAMPLING_GUARD_CASES_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/index/vector_table.h"
#include "tests/server/sampling/plain_pool.h"
#include "tests/support/law_test_util.h"

// What the tests of guards share.
namespace negatron {

// False alarms that each file of the program of these tests may spend.
inline constexpr double kGuardFalseAlarms = kFalseAlarmBudget / kLawTestPrograms / 4;

// The row with further items named. Who refuses items draws what this row draws if
// nothing is refused: the definition of a guard.
PlainRow Naming(PlainRow row, const std::set<Ordinal>& items);

// When a user chose items for the first time, by a walk over all events.
std::map<Ordinal, Micros> FirstPositives(const PlainPool& pool, Ordinal user);

// A random pool with vectors for most of its items, and rows with queries.
struct GuardScene {
  static constexpr int kDimension = 4;
  static constexpr int kRowCount = 30;

  // `large`: with more items than are enumerated; those beyond 60 are never alive.
  GuardScene(uint64_t seed, Metric metric, bool large);

  DrawnRows Draw(const Policy& policy, const std::vector<PlainRow>& asked, int count) const;
  // The vector of an item, as stored; empty if it has none.
  std::vector<float> VectorOf(Ordinal item) const;
  float Score(const std::vector<float>& anchor, Ordinal item) const;

  // Items that are nearer than the distance to positives of the row: its own, and the
  // newest that its user chose before its time. From the definitions, in double.
  std::set<Ordinal> Near(const PlainRow& row, const MinDistance& min_distance) const;

  PlainPool plain;
  std::shared_ptr<const PoolView> pool;
  std::shared_ptr<const VectorTable> vectors;
  std::vector<PlainRow> rows;
};

// Whether draws of the rows, each under a law of its own, fit them, and log q of each is
// that of the law: exactly, or up to one constant for the row. laws[r] empty: the row must be
// empty, too.
testing::AssertionResult DrawsFit(const DrawnRows& drawn, const std::vector<OracleLaw>& laws,
                                  LawKind kind, double false_alarm);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_SAMPLING_GUARD_CASES_H_
