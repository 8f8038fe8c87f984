// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_SOURCE_POOL_H_
#define NEGATRON_TESTS_SUPPORT_SOURCE_POOL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "server/pool/pool_view.h"
#include "server/sampling/sampler.h"
#include "tests/support/source_cases.h"

// A case as the server holds it, and what the server makes of it.
namespace negatron {

// Which way the pool came to be.
enum class SourceHistory {
  kLive,     // Commit by commit: late events, edits, retractions, erased users, watermark.
  kRestart,  // What is left of it, in order of time.
};

// `on_commit` sees the views between, of kLive.
std::shared_ptr<const PoolView> BuildSourcePool(
    const SourceCase& source_case, SourceHistory history, int events_per_commit = 37,
    const std::function<void(const PoolView&)>& on_commit = nullptr);

// What SampleRows gave, by external id. Shapes as SampleColumns; padding: -1.
struct SourceSample {
  absl::Status status;
  int count = 0;  // Draws a row.
  std::vector<int64_t> ids;
  std::vector<float> log_q;
  std::vector<float> log_q_source;
  std::vector<uint8_t> components;
  std::vector<uint8_t> statuses;
  std::vector<float> shares;
  std::vector<int64_t> rejects;
  std::vector<int64_t> drawn;
  std::vector<float> expected_counts;
  std::vector<float> importance_weights;
  std::vector<float> positive_log_q;
  std::vector<Micros> boundaries;
  SampleTotals totals;
};

// Row i has key `first_key` + i.
SourceSample SampleSources(const PoolView& pool, const Policy& policy,
                           const std::vector<SourceRow>& rows, int count, uint64_t seed,
                           uint64_t first_key = 1);

// What SampleSharedBlock gave, likewise.
struct SharedSample {
  absl::Status status;
  std::vector<int64_t> ids;
  std::vector<float> log_q;
  std::vector<uint8_t> components;
  std::vector<uint8_t> false_mask;
  std::vector<float> log_remaining;
  SampleTotals totals;
};

SharedSample SampleShared(const PoolView& pool, const Policy& policy,
                          const std::vector<SourceRow>& rows, Micros time, int count, uint64_t seed,
                          uint64_t block_key);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_SOURCE_POOL_H_
