// SPDX-License-Identifier: Apache-2.0
#include "server/engine/row_subset.h"

#include <algorithm>

namespace negatron {
namespace {

// A column that comes to either must be gathered and copied here, too.
static_assert(sizeof(SampleColumns) == 17 * sizeof(std::span<float>));
static_assert(sizeof(SampleBatch) == 9 * sizeof(std::span<float>) + sizeof(int64_t));

}  // namespace

template <typename T>
std::span<const T> RowSubset::Gather(std::span<const T> whole, size_t width,
                                     std::vector<T>* part) const {
  if (whole.empty()) return {};
  for (const int64_t row : rows_) {
    const auto first = whole.begin() + row * static_cast<int64_t>(width);
    part->insert(part->end(), first, first + static_cast<int64_t>(width));
  }
  return *part;
}

template <typename T>
std::span<T> RowSubset::Open(std::span<T> whole, size_t width, Column<T>* column) {
  column->whole = whole;
  column->width = column->whole_width = width;
  if (!whole.empty()) column->part.resize(rows_.size() * width);
  return column->part;
}

RowSubset::RowSubset(std::span<const int64_t> rows, const SampleBatch& batch,
                     const SampleColumns& columns, size_t first_component, size_t component_count,
                     size_t all_components)
    : rows_(rows), first_component_(first_component), batch_(batch) {
  batch_.row_count = static_cast<int64_t>(rows.size());
  batch_.as_of = Gather(batch.as_of, 1, &as_of_);
  batch_.keys = Gather(batch.keys, 1, &keys_);
  batch_.users = Gather(batch.users, 1, &users_);
  batch_.positives = Gather(batch.positives, 1, &positives_);
  batch_.cohorts = Gather(batch.cohorts, 1, &cohorts_);
  batch_.queries = Gather(batch.queries, static_cast<size_t>(batch.query_columns), &queries_);
  if (!batch.exclusion_splits.empty()) {
    exclusion_splits_.push_back(0);
    for (const int64_t row : rows) {
      const auto begin = batch.exclusions.begin() + batch.exclusion_splits[row];
      const auto end = batch.exclusions.begin() + batch.exclusion_splits[row + 1];
      exclusions_.insert(exclusions_.end(), begin, end);
      exclusion_splits_.push_back(static_cast<int64_t>(exclusions_.size()));
    }
    batch_.exclusions = exclusions_;
    batch_.exclusion_splits = exclusion_splits_;
  }

  const auto k = static_cast<size_t>(batch.negative_count);
  columns_.items = Open(columns.items, k, &items_);
  columns_.log_q = Open(columns.log_q, k, &log_q_);
  columns_.log_q_source = Open(columns.log_q_source, k, &log_q_source_);
  columns_.components = Open(columns.components, k, &components_);
  columns_.scores = Open(columns.scores, k, &scores_);
  columns_.statuses = Open(columns.statuses, 1, &statuses_);
  columns_.rejects = Open(columns.rejects, kRejectCauseCount, &rejects_);
  columns_.drawn = Open(columns.drawn, 1, &drawn_);
  columns_.expected_counts = Open(columns.expected_counts, k, &expected_counts_);
  columns_.importance_weights = Open(columns.importance_weights, k, &importance_weights_);
  columns_.positive_log_q = Open(columns.positive_log_q, 1, &positive_log_q_);
  columns_.model_versions = Open(columns.model_versions, k, &model_versions_);
  columns_.vector_ages = Open(columns.vector_ages, k, &vector_ages_);
  columns_.tags = Open(columns.tags, k, &tags_);
  columns_.shares = Open(columns.shares, component_count, &shares_);
  columns_.boundaries = Open(columns.boundaries, component_count, &boundaries_);
  shares_.whole_width = boundaries_.whole_width = all_components;
  shares_.offset = boundaries_.offset = first_component;
}

template <typename T>
void RowSubset::CopyBack(const Column<T>& column) const {
  if (column.whole.empty()) return;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const size_t to = static_cast<size_t>(rows_[i]) * column.whole_width + column.offset;
    std::copy_n(&column.part[i * column.width], column.width, &column.whole[to]);
  }
}

void RowSubset::CopyBack() const {
  CopyBack(items_);
  CopyBack(log_q_);
  CopyBack(log_q_source_);
  CopyBack(components_);
  CopyBack(scores_);
  CopyBack(statuses_);
  CopyBack(rejects_);
  CopyBack(drawn_);
  CopyBack(expected_counts_);
  CopyBack(importance_weights_);
  CopyBack(positive_log_q_);
  CopyBack(model_versions_);
  CopyBack(vector_ages_);
  CopyBack(tags_);
  CopyBack(shares_);
  CopyBack(boundaries_);
  // Of the policy's own components; those of all are meant.
  if (first_component_ == 0) return;
  const size_t k = components_.width;
  for (size_t i = 0; !components_.whole.empty() && i < rows_.size(); ++i) {
    uint8_t* const row = &components_.whole[static_cast<size_t>(rows_[i]) * k];
    for (size_t j = 0; j < k; ++j) {
      if (row[j] != kNoComponent) row[j] = static_cast<uint8_t>(row[j] + first_component_);
    }
  }
}

}  // namespace negatron
