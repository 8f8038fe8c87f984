// SPDX-License-Identifier: Apache-2.0
#include "server/index/compact_graph.h"

#include <algorithm>
#include <bit>

namespace negatron {
namespace {

template <typename T>
int64_t BytesOf(const std::vector<T>& values) {
  return static_cast<int64_t>(values.capacity() * sizeof(T));
}

int64_t BytesOf(const CompactGraph::Links& links) {
  return BytesOf(links.offsets) + BytesOf(links.links);
}

bool AreSound(const CompactGraph::Links& links, size_t node_count) {
  if (links.offsets.size() != node_count + 1 || links.offsets.front() != 0 ||
      links.offsets.back() != links.links.size() ||
      !std::is_sorted(links.offsets.begin(), links.offsets.end())) {
    return false;
  }
  return std::all_of(links.links.begin(), links.links.end(),
                     [&](uint32_t link) { return link < node_count; });
}

}  // namespace

int64_t CompactGraph::bytes() const {
  int64_t bytes = BytesOf(ground) + BytesOf(placed);
  for (const UpperLevel& level : upper_levels) {
    bytes += BytesOf(level.links) + BytesOf(level.items) + BytesOf(level.down);
  }
  return bytes;
}

std::string_view FindProblem(const CompactGraph& graph) {
  if (graph.ground.offsets.empty()) return "there is no ground level";
  const uint32_t end = graph.ordinal_end();
  if (!AreSound(graph.ground, end)) return "links of the ground level lead nowhere";
  if (graph.placed.size() != (size_t{end} + 63) / 64) return "the set of places has a wrong size";
  if (end % 64 != 0 && graph.placed.back() >> (end % 64) != 0) return "a place is beyond the end";
  int64_t count = 0;
  for (const uint64_t word : graph.placed) count += std::popcount(word);
  if (count != graph.item_count) return "the number of places is wrong";
  for (uint32_t item = 0; item < end; ++item) {
    const auto links = graph.ground.Of(item);
    if (!graph.Contains(item) && !links.empty()) return "an item without a place has links";
    for (const uint32_t link : links) {
      if (!graph.Contains(link)) return "a link leads to an item without a place";
    }
  }
  size_t below = end;
  for (size_t l = 0; l < graph.upper_levels.size(); ++l) {
    const CompactGraph::UpperLevel& level = graph.upper_levels[l];
    const size_t count_here = level.items.size();
    if (count_here == 0 || level.down.size() != count_here || !AreSound(level.links, count_here)) {
      return "links of an upper level lead nowhere";
    }
    for (size_t i = 0; i < count_here; ++i) {
      if (!graph.Contains(level.items[i])) return "an upper level has an item without a place";
      if (level.down[i] >= below) return "a node leads down to nowhere";
      const Ordinal item_below =
          l == 0 ? level.down[i] : graph.upper_levels[l - 1].items[level.down[i]];
      if (item_below != level.items[i]) return "a node leads down to another item";
    }
    below = count_here;
  }
  if (graph.item_count == 0) {
    return graph.upper_levels.empty() ? std::string_view() : "an empty graph has upper levels";
  }
  if (graph.entry >= below) return "the entry is nowhere";
  if (graph.upper_levels.empty() && !graph.Contains(graph.entry)) return "the entry has no place";
  return {};
}

std::vector<Ordinal> Unreached(const CompactGraph& graph) {
  std::vector<Ordinal> unreached;
  if (graph.item_count == 0) return unreached;
  std::vector<uint64_t> seen(graph.placed.size(), 0);
  std::vector<uint32_t> open;
  const auto see = [&](uint32_t node) {
    uint64_t& word = seen[node / 64];
    if ((word >> (node % 64) & 1) == 0) open.push_back(node);
    word |= uint64_t{1} << (node % 64);
  };
  see(graph.upper_levels.empty() ? graph.entry : graph.upper_levels.back().items[graph.entry]);
  // A search comes down by upper links, too, which lead to all nodes of their levels as they
  // are built.
  for (const CompactGraph::UpperLevel& level : graph.upper_levels) {
    for (const Ordinal item : level.items) see(item);
  }
  while (!open.empty()) {
    const uint32_t node = open.back();
    open.pop_back();
    for (const uint32_t link : graph.ground.Of(node)) see(link);
  }
  for (size_t w = 0; w < seen.size(); ++w) {
    for (uint64_t rest = graph.placed[w] & ~seen[w]; rest != 0; rest &= rest - 1) {
      unreached.push_back(static_cast<Ordinal>(w * 64 + std::countr_zero(rest)));
    }
  }
  return unreached;
}

}  // namespace negatron
