// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_GRAPH_BUILDER_H_
#define NEGATRON_SERVER_INDEX_GRAPH_BUILDER_H_

#include "absl/status/statusor.h"

#include "server/index/compact_graph.h"
#include "server/index/vector_table.h"
#include "storage/base/cancellation.h"

namespace negatron {

struct GraphOptions {
  int links = 16;             // M: links a node above the ground; twice as many on it.
  int ef_construction = 200;  // Effort of each insertion.
  int threads = 1;            // 1: equal tables give equal graphs.
};

// Builds an HNSW graph of all vectors of a table with hnswlib, in O(n log n).
//
// Inner products: vectors get one more component, sqrt(R^2 - |v|^2) with R the
// largest norm, after which the nearest by L2 is the one of largest product
// (Bachrach et al., RecSys 2014). Linked by products themselves, items of
// small norm would be reached by no search.
//
// Errors: CANCELLED, DEADLINE_EXCEEDED; RESOURCE_EXHAUSTED if memory is short.
absl::StatusOr<CompactGraph> BuildGraph(const VectorTable& table, const GraphOptions& options,
                                        const Cancellation& cancellation);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_GRAPH_BUILDER_H_
