// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_GRAPH_SEARCH_H_
#define NEGATRON_SERVER_INDEX_GRAPH_SEARCH_H_

#include <span>
#include <utility>
#include <vector>

#include "server/index/compact_graph.h"
#include "server/index/search.h"

namespace negatron {

// Walks the links of a graph by the scores of a table, which may be newer than the
// graph: an HNSW search (Malkov, Yashunin, TPAMI 2020) whose filter is inside, so that
// only accepted items take places among the best. Items without a place in the graph
// are scored one by one. What the graph would serve badly (few items accepted, a
// window of a large part of all) is scored against everything; which anchors are
// depends on nothing but the anchor.
//
// Thread-safety: immutable.
class GraphSearch final : public VectorSearch {
 public:
  // All must outlive this. `graph` has no problem (FindProblem). `delta`: the items with a
  // vector and no place, rising. `ef`: how many of the best are kept during a walk.
  GraphSearch(const Scorer& scorer, const CompactGraph& graph, std::span<const Ordinal> delta,
              int ef, Announce announce = nullptr)
      : scorer_(scorer), graph_(graph), delta_(delta), ef_(ef), announce_(std::move(announce)) {}

  absl::Status Search(std::span<const float* const> anchors, int limit, Accept accept,
                      const Cancellation& cancellation,
                      std::vector<std::vector<Hit>>* hits) const override;

 private:
  class Walk;

  // Whether a walk would cost less than scoring everything.
  bool IsForGraph(int limit) const;

  const Scorer scorer_;
  const CompactGraph& graph_;
  const std::span<const Ordinal> delta_;
  const int ef_;
  const Announce announce_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_GRAPH_SEARCH_H_
