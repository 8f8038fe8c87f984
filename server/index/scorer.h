// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_SCORER_H_
#define NEGATRON_SERVER_INDEX_SCORER_H_

#include <cstddef>

#include "server/index/kernels.h"
#include "server/index/vector_table.h"
#include "storage/model/records.h"

namespace negatron {

// Scores of an anchor against the vectors of a table, by its metric; higher is
// nearer. A pair has the same score by every method, to the bit.
//
// Thread-safety: immutable.
class Scorer {
 public:
  // `table` must outlive this.
  explicit Scorer(const VectorTable& table, const Kernels& kernels = BestKernels());

  const VectorTable& table() const { return *table_; }

  // Score of an item that has a vector. `anchor` is [dimension], as stored.
  float Score(const float* anchor, Ordinal item) const;

  // Where the vector of an item is stored, and asks memory for it; null if it has none.
  const std::byte* Fetch(Ordinal item) const {
    constexpr size_t kLineBytes = 64;
    const size_t page_index = item / VectorTable::kPageItems;
    const VectorTable::Page* page =
        page_index < table_->page_count() ? table_->page(page_index) : nullptr;
    const size_t row = item % VectorTable::kPageItems;
    if (page == nullptr || (page->present >> row & 1) == 0) return nullptr;
    const std::byte* vector = page->rows.data() + row * row_bytes_;
    for (size_t i = 0; i < row_bytes_; i += kLineBytes) __builtin_prefetch(vector + i);
    return vector;
  }
  // Score of what was fetched.
  float ScoreFetched(const float* anchor, const std::byte* vector) const {
    float score;
    kernel_(anchor, vector, 1, dimension_, &score);
    return score;
  }

  // Scores of the kPageItems places of a page that is not null; those of places
  // without a vector mean nothing.
  void ScorePage(const float* anchor, const VectorTable::Page& page, float* scores) const;

 private:
  const VectorTable* table_;
  Kernels::Kernel kernel_;
  int dimension_;
  size_t row_bytes_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_SCORER_H_
