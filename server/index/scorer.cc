// SPDX-License-Identifier: Apache-2.0
#include "server/index/scorer.h"

namespace negatron {
namespace {

Kernels::Kernel KernelOf(const EmbeddingSettings& settings, const Kernels& kernels) {
  const bool is_wide = settings.element_type == ElementType::kFloat32;
  if (settings.metric == Metric::kL2) {
    return is_wide ? kernels.negative_distances : kernels.bfloat16_negative_distances;
  }
  return is_wide ? kernels.inner_products : kernels.bfloat16_inner_products;
}

}  // namespace

Scorer::Scorer(const VectorTable& table, const Kernels& kernels)
    : table_(&table),
      kernel_(KernelOf(table.settings(), kernels)),
      dimension_(table.dimension()),
      row_bytes_(table.row_bytes()) {}

float Scorer::Score(const float* anchor, Ordinal item) const {
  const VectorTable::Page& page = *table_->page(item / VectorTable::kPageItems);
  return ScoreFetched(anchor, page.rows.data() + item % VectorTable::kPageItems * row_bytes_);
}

void Scorer::ScorePage(const float* anchor, const VectorTable::Page& page, float* scores) const {
  kernel_(anchor, page.rows.data(), VectorTable::kPageItems, table_->dimension(), scores);
}

}  // namespace negatron
