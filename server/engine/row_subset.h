// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_ROW_SUBSET_H_
#define NEGATRON_SERVER_ENGINE_ROW_SUBSET_H_

#include <cstdint>
#include <span>
#include <vector>

#include "server/sampling/sampler.h"

namespace negatron {

// Some rows of a batch as a batch of its own, with columns of its own that can be copied back.
//
// Thread-safety: thread-compatible. What it is made of must outlive it.
class RowSubset {
 public:
  // `rows` in rising order. The policy of the subset has `component_count` of the
  // `all_components` of `columns`, from `first_component` on.
  RowSubset(std::span<const int64_t> rows, const SampleBatch& batch, const SampleColumns& columns,
            size_t first_component, size_t component_count, size_t all_components);

  const SampleBatch& batch() const { return batch_; }
  const SampleColumns& columns() const { return columns_; }

  void CopyBack() const;

 private:
  // A column of the whole batch and its part: `width` values a row, of `whole_width` from
  // `offset` on.
  template <typename T>
  struct Column {
    std::span<T> whole;
    std::vector<T> part;
    size_t width = 1;
    size_t whole_width = 1;
    size_t offset = 0;
  };

  template <typename T>
  std::span<T> Open(std::span<T> whole, size_t width, Column<T>* column);
  template <typename T>
  std::span<const T> Gather(std::span<const T> whole, size_t width, std::vector<T>* part) const;
  template <typename T>
  void CopyBack(const Column<T>& column) const;

  const std::span<const int64_t> rows_;
  const size_t first_component_;
  SampleBatch batch_;
  SampleColumns columns_;

  std::vector<Micros> as_of_;
  std::vector<uint64_t> keys_;
  std::vector<Ordinal> users_, positives_, exclusions_;
  std::vector<uint8_t> cohorts_;
  std::vector<int64_t> exclusion_splits_;
  std::vector<float> queries_;

  Column<Ordinal> items_;
  Column<uint8_t> components_, statuses_, tags_;
  Column<float> log_q_, log_q_source_, scores_, shares_, expected_counts_, importance_weights_,
      positive_log_q_, vector_ages_;
  Column<int64_t> rejects_, drawn_, boundaries_, model_versions_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_ROW_SUBSET_H_
