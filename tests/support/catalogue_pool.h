// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_CATALOGUE_POOL_H_
#define NEGATRON_TESTS_SUPPORT_CATALOGUE_POOL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "server/index/vector_table.h"
#include "server/pool/pool_view.h"
#include "server/sampling/sampler.h"
#include "storage/base/executor.h"
#include "tests/support/oracle.h"

namespace negatron {

// An oracle's catalogue as the server holds it.
struct CataloguePool {
  std::shared_ptr<const PoolView> pool;
  std::shared_ptr<const VectorTable> vectors;  // Null without embeddings.
  Freshness freshness = {};                    // That samples demand.
};

// Writes items in their order and events in order of arrival, and publishes
// after every `events_per_commit` events.
CataloguePool BuildPool(const OracleCatalogue& catalogue, int events_per_commit);

// What SampleRows gave, by external id. Shapes as SampleColumns.
struct SampledRows {
  absl::Status status;
  std::vector<int64_t> ids;  // Padding: -1.
  std::vector<float> log_q;
  std::vector<float> log_q_source;
  std::vector<uint8_t> components;
  std::vector<float> scores;
  std::vector<uint8_t> statuses;
  std::vector<float> shares;
  std::vector<int64_t> rejects;
  std::vector<float> positive_log_q;
  std::vector<int64_t> model_versions;
  std::vector<float> vector_ages;
  SampleTotals totals;
};

// Samples `count` negatives for each row; keys[i] is the key of row i. Idle threads of `executor`
// help.
SampledRows Sample(const CataloguePool& pool, const Policy& policy,
                   const std::vector<OracleRow>& rows, const std::vector<uint64_t>& keys, int count,
                   uint64_t seed, Executor* executor = nullptr);

// The policy of components that an oracle understands.
Policy MakePolicy(const std::vector<OracleComponent>& components);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_CATALOGUE_POOL_H_
