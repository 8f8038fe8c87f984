// SPDX-License-Identifier: Apache-2.0
#include "server/index/scorer.h"

namespace negatron {

Scorer::Scorer(const VectorTable& table, const Kernels& kernels)
    : table_(&table),
      kernel_(table.settings().metric == Metric::kL2 ? kernels.negative_distances
                                                     : kernels.inner_products) {}

float Scorer::Score(const float* anchor, Ordinal item) const {
  const VectorTable::Page& page = *table_->page(item / VectorTable::kPageItems);
  const size_t row = item % VectorTable::kPageItems;
  float score;
  kernel_(anchor, page.values.data() + row * static_cast<size_t>(table_->dimension()), 1,
          table_->dimension(), &score);
  return score;
}

void Scorer::Prefetch(Ordinal item) const {
  constexpr size_t kLineFloats = 16;
  const size_t page_index = item / VectorTable::kPageItems;
  if (page_index >= table_->page_count()) return;
  const VectorTable::Page* page = table_->page(page_index);
  if (page == nullptr) return;
  const auto dimension = static_cast<size_t>(table_->dimension());
  const float* vector = page->values.data() + item % VectorTable::kPageItems * dimension;
  for (size_t i = 0; i < dimension; i += kLineFloats) __builtin_prefetch(vector + i);
}

void Scorer::ScorePage(const float* anchor, const VectorTable::Page& page, float* scores) const {
  kernel_(anchor, page.values.data(), VectorTable::kPageItems, table_->dimension(), scores);
}

}  // namespace negatron
