// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_GENERATION_H_
#define NEGATRON_SERVER_INDEX_GENERATION_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "server/index/compact_graph.h"
#include "server/index/drift_sketch.h"
#include "server/index/search.h"
#include "server/index/vector_table.h"
#include "storage/model/records.h"

namespace negatron {

// A graph, and where the vectors were that it was built from.
//
// Thread-safety: immutable once made.
struct Graph {
  CompactGraph links;
  DriftSketch sketch;
  std::vector<Ordinal> unreached;  // Unreached(links).
};

// A graph and how it is searched.
//
// Thread-safety: immutable once made.
struct Generation {
  std::shared_ptr<const Graph> graph;
  EmbeddingSettings settings;
  // Which generation of a collection: the sequence of the commit whose vectors it
  // was built, or last checked, with. Grows, also over restarts.
  int64_t number = 0;
  Micros build_time = 0;  // When the graph was built.
  int link_count = 0;     // M of the construction.
  int ef_construction = 0;
  int ef = 0;         // Of searches; at least.
  double recall = 0;  // As measured with it (see MeasureRecall).
};

// The items that a search must score one by one, rising: those with a vector that
// have no place in the graph, cannot be reached, or have moved far from their place.
// Depends on nothing but the table and the generation.
std::vector<Ordinal> DeltaOf(const VectorTable& table, const Generation& generation);

// The same, from what it was for another table: `touched` are the items whose vectors may
// differ, rising and distinct.
std::vector<Ordinal> DeltaOf(const VectorTable& table, const Generation& generation,
                             std::span<const Ordinal> before, std::span<const Ordinal> touched);

// The items whose vectors may differ between two tables of a collection, rising. In
// O(pages) where little differs.
std::vector<Ordinal> TouchedItems(const VectorTable& before, const VectorTable& after);

// The search of a collection: by its generation, or exact if that is null. `delta` is
// DeltaOf both. All must outlive it; `announce` may be null.
std::unique_ptr<const VectorSearch> MakeSearch(const Scorer& scorer, const Generation* generation,
                                               std::span<const Ordinal> delta,
                                               Announce announce = nullptr);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_GENERATION_H_
