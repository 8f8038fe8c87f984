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
    : table_(&table), kernel_(KernelOf(table.settings(), kernels)) {}

float Scorer::Score(const float* anchor, Ordinal item) const {
  const VectorTable::Page& page = *table_->page(item / VectorTable::kPageItems);
  const size_t row = item % VectorTable::kPageItems;
  float score;
  kernel_(anchor, page.rows.data() + row * table_->row_bytes(), 1, table_->dimension(), &score);
  return score;
}

void Scorer::Prefetch(Ordinal item) const {
  constexpr size_t kLineBytes = 64;
  const size_t page_index = item / VectorTable::kPageItems;
  if (page_index >= table_->page_count()) return;
  const VectorTable::Page* page = table_->page(page_index);
  if (page == nullptr) return;
  const size_t row_bytes = table_->row_bytes();
  const std::byte* row = page->rows.data() + item % VectorTable::kPageItems * row_bytes;
  for (size_t i = 0; i < row_bytes; i += kLineBytes) __builtin_prefetch(row + i);
}

void Scorer::ScorePage(const float* anchor, const VectorTable::Page& page, float* scores) const {
  kernel_(anchor, page.rows.data(), VectorTable::kPageItems, table_->dimension(), scores);
}

}  // namespace negatron
