// SPDX-License-Identifier: Apache-2.0
#include "server/index/generation.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "server/index/graph_search.h"

namespace negatron {
namespace {

// In units of the former norm: 45 degrees. Neighbours of an item that moved less are still near it
// more often than not.
constexpr float kFar = 0.75F;

class DeltaRule {
 public:
  DeltaRule(const VectorTable& table, const Generation& generation)
      : table_(table), graph_(*generation.graph), vector_(static_cast<size_t>(table.dimension())) {}

  bool Includes(Ordinal item) {
    if (!table_.Read(item, vector_)) return false;
    return !graph_.links.Contains(item) || graph_.sketch.Displacement(item, vector_) > kFar ||
           std::binary_search(graph_.unreached.begin(), graph_.unreached.end(), item);
  }

 private:
  const VectorTable& table_;
  const Graph& graph_;
  std::vector<float> vector_;
};

}  // namespace

std::vector<Ordinal> DeltaOf(const VectorTable& table, const Generation& generation) {
  std::vector<Ordinal> delta;
  DeltaRule rule(table, generation);
  for (const Ordinal item : table.Items()) {
    if (rule.Includes(item)) delta.push_back(item);
  }
  return delta;
}

std::vector<Ordinal> DeltaOf(const VectorTable& table, const Generation& generation,
                             std::span<const Ordinal> before, std::span<const Ordinal> touched) {
  std::vector<Ordinal> included;
  DeltaRule rule(table, generation);
  for (const Ordinal item : touched) {
    if (rule.Includes(item)) included.push_back(item);
  }
  std::vector<Ordinal> untouched, delta;
  std::set_difference(before.begin(), before.end(), touched.begin(), touched.end(),
                      std::back_inserter(untouched));
  std::merge(untouched.begin(), untouched.end(), included.begin(), included.end(),
             std::back_inserter(delta));
  return delta;
}

std::vector<Ordinal> TouchedItems(const VectorTable& before, const VectorTable& after) {
  std::vector<Ordinal> touched;
  const auto present = [](const VectorTable& table, size_t p) {
    return p < table.page_count() && table.page(p) != nullptr ? table.page(p)->present : 0;
  };
  for (size_t p = 0; p < std::max(before.page_count(), after.page_count()); ++p) {
    if (p < before.page_count() && p < after.page_count() && before.page(p) == after.page(p)) {
      continue;
    }
    for (uint64_t rest = present(before, p) | present(after, p); rest != 0; rest &= rest - 1) {
      touched.push_back(static_cast<Ordinal>(p * VectorTable::kPageItems + std::countr_zero(rest)));
    }
  }
  return touched;
}

std::unique_ptr<const VectorSearch> MakeSearch(const Scorer& scorer, const Generation* generation,
                                               std::span<const Ordinal> delta, Announce announce) {
  if (generation == nullptr) return std::make_unique<ExactSearch>(scorer);
  return std::make_unique<GraphSearch>(scorer, generation->graph->links, delta, generation->ef,
                                       std::move(announce));
}

}  // namespace negatron
