// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "server/index/search.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

bool Nearer(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.item < b.item;
}

// Some 30 us of work at 64 components and one anchor.
constexpr size_t kPagesBetweenChecks = 32;

}  // namespace

void ExactSearch::ScoreRows(const float* anchor, const float* rows, int row_count,
                            float* out) const {
  const auto kernel = table_.settings().metric == Metric::kL2 ? kernels_.negative_distances
                                                              : kernels_.inner_products;
  kernel(anchor, rows, row_count, table_.dimension(), out);
}

float ExactSearch::Score(const float* anchor, Ordinal item) const {
  float score;
  ScoreRows(anchor, table_.Find(item), 1, &score);
  return score;
}

absl::Status ExactSearch::Search(std::span<const float* const> anchors, int limit, Accept accept,
                                 const Cancellation& cancellation,
                                 std::vector<std::vector<Hit>>* hits) const {
  // While the scan goes on each list is a heap with its worst hit in front.
  hits->assign(anchors.size(), {});
  float scores[VectorTable::kPageItems];
  for (size_t p = 0; p < table_.page_count(); ++p) {
    if (p % kPagesBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(cancellation.Check());
    const VectorTable::Page* page = table_.page(p);
    if (page == nullptr) continue;
    for (size_t q = 0; q < anchors.size(); ++q) {
      ScoreRows(anchors[q], page->values.data(), VectorTable::kPageItems, scores);
      std::vector<Hit>& heap = (*hits)[q];
      for (uint64_t rest = page->present; rest != 0; rest &= rest - 1) {
        const int row = std::countr_zero(rest);
        const bool full = heap.size() == static_cast<size_t>(limit);
        if (full && !(scores[row] > heap.front().score)) continue;
        const auto item = static_cast<Ordinal>(p * VectorTable::kPageItems + row);
        if (!accept(q, item)) continue;
        if (full) {
          std::pop_heap(heap.begin(), heap.end(), Nearer);
          heap.pop_back();
        }
        heap.push_back({scores[row], item});
        std::push_heap(heap.begin(), heap.end(), Nearer);
      }
    }
  }
  for (std::vector<Hit>& heap : *hits) std::sort(heap.begin(), heap.end(), Nearer);
  return absl::OkStatus();
}

}  // namespace negatron
