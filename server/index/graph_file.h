// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_GRAPH_FILE_H_
#define NEGATRON_SERVER_INDEX_GRAPH_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/index/compact_graph.h"
#include "storage/model/records.h"

namespace negatron {

// What a graph was built from. A file is of use only where it agrees with the
// collection.
struct GraphOrigin {
  int64_t incarnation = 0;  // Of the collection.
  EmbeddingSettings settings;
  int64_t generation = 0;
  int64_t commit_sequence = 0;  // Of the table that it was built from.
};

struct GraphFile {
  GraphOrigin origin;
  CompactGraph graph;
};

// A generation's graph as the bytes of a file; storage/FORMAT.md describes them.
std::string EncodeGraph(const GraphOrigin& origin, const CompactGraph& graph);

// Reads what EncodeGraph wrote. DATA_LOSS if a bit is not what it was or the graph
// contradicts itself; FAILED_PRECONDITION [FORMAT_TOO_NEW] for another version.
absl::StatusOr<GraphFile> DecodeGraph(absl::string_view bytes);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_GRAPH_FILE_H_
