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

void Scorer::ScorePage(const float* anchor, const VectorTable::Page& page, float* scores) const {
  kernel_(anchor, page.values.data(), VectorTable::kPageItems, table_->dimension(), scores);
}

}  // namespace negatron
