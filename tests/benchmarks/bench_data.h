// SPDX-License-Identifier: Apache-2.0
//
// What the benchmark programs agree on.
#ifndef NEGATRON_TESTS_BENCHMARKS_BENCH_DATA_H_
#define NEGATRON_TESTS_BENCHMARKS_BENCH_DATA_H_

#include <cstdint>

#include "absl/time/time.h"

namespace negatron::bench {

inline constexpr char kCollection[] = "bench";
inline constexpr char kCollectionName[] = "collections/bench";

// Events lie in this time before the catalogue is made; so do the as-of times of rows.
inline constexpr absl::Duration kSpan = absl::Hours(24 * 365);
inline constexpr absl::Duration kHalfLife = absl::Hours(24 * 30);

// Size of a user's history. Users are 0, 1, ..., events / kEventsPerUser - 1.
inline constexpr int64_t kEventsPerUser = 100;

// Shape of a call.
inline constexpr int32_t kRows = 4096;
inline constexpr int32_t kNegatives = 8;
inline constexpr int64_t kDraws = int64_t{kRows} * kNegatives;

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_BENCH_DATA_H_
