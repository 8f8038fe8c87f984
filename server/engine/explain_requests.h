// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_EXPLAIN_REQUESTS_H_
#define NEGATRON_SERVER_ENGINE_EXPLAIN_REQUESTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/engine/ids.h"
#include "server/engine/sample_requests.h"
#include "server/sampling/explainer.h"
#include "storage/base/uninitialized.h"

namespace negatron {

// An answer of this many items and 64 sources fits gRPC's default limit of 4 MiB.
inline constexpr int64_t kMaxExplainedItems = 1000;

// Items to be explained for a row. See ExplainNegatives in accounts.proto.
struct ExplainRequest {
  SampleRequest sample;  // Of one row; `negative_count` may be 0, and outputs do not count.
  IdBatch items;         // 1 to kMaxExplainedItems.
};

// Sources are the components of `policy`, then its fallback if it has one.
struct ExplainResult {
  RowExplanation row;
  // Of the nearest positives; as in SampleResult.
  UninitializedVector<int64_t> nearest_ids;
  std::vector<std::string> nearest_names;
  PolicyReport policy;
  std::string arm;  // Empty without an experiment.
  SnapshotToken snapshot;
  Micros as_of = 0;
  Micros staleness_as_of = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_EXPLAIN_REQUESTS_H_
