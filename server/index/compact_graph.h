// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_COMPACT_GRAPH_H_
#define NEGATRON_SERVER_INDEX_COMPACT_GRAPH_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "storage/model/records.h"

namespace negatron {

// The links of a built HNSW graph (Malkov, Yashunin, TPAMI 2020) and no vectors.
//
// Thread-safety: immutable once made.
struct CompactGraph {
  // Links of the nodes of a level: those of node i are
  // links[offsets[i]] to links[offsets[i + 1]].
  struct Links {
    std::vector<uint32_t> offsets;  // [nodes + 1].
    std::vector<uint32_t> links;

    std::span<const uint32_t> Of(uint32_t node) const {
      return std::span(links).subspan(offsets[node], offsets[node + 1] - offsets[node]);
    }
  };

  // A level above the ground: its nodes are numbered from 0.
  struct UpperLevel {
    Links links;                 // Within the level.
    std::vector<Ordinal> items;  // [nodes], rising.
    std::vector<uint32_t> down;  // [nodes]: the same node on the level below.
  };

  // Nodes of the ground are ordinals, some without a place: they have no links, and
  // none leads to them.
  Links ground;
  std::vector<uint64_t> placed;          // Bit set of the ordinals with a place.
  std::vector<UpperLevel> upper_levels;  // Lowest first.
  uint32_t entry = 0;                    // A node of the highest level.
  int64_t item_count = 0;                // Ordinals with a place.

  uint32_t ordinal_end() const { return static_cast<uint32_t>(ground.offsets.size()) - 1; }
  bool Contains(Ordinal item) const {
    return item < ordinal_end() && (placed[item / 64] >> (item % 64) & 1) != 0;
  }
  int64_t bytes() const;
};

// What contradicts itself in a graph from outside, or an empty view: every search of
// a graph without a problem ends, and stays within its arrays.
std::string_view FindProblem(const CompactGraph& graph);

// The items with a place that no way leads to from the entry, rising.
std::vector<Ordinal> Unreached(const CompactGraph& graph);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_COMPACT_GRAPH_H_
