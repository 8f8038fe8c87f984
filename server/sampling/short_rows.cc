// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/short_rows.h"

#include <algorithm>
#include <limits>

namespace negatron {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

void PadRow(const SampleColumns& columns, int64_t k, int64_t r, int64_t from) {
  const auto fill = [&](auto column, auto value) {
    if (!column.empty()) std::fill_n(column.begin() + r * k + from, k - from, value);
  };
  fill(columns.items, kNoOrdinal);
  fill(columns.ids, kNoId);
  fill(columns.log_q, kNan);
  fill(columns.log_q_source, kNan);
  fill(columns.components, kNoComponent);
  fill(columns.scores, kNan);
  fill(columns.expected_counts, kNan);
  fill(columns.importance_weights, kNan);
  fill(columns.model_versions, kNoVector);
  fill(columns.vector_ages, kNan);
  fill(columns.tags, uint8_t{0});
}

int64_t CompactRow(const SampleColumns& columns, int64_t k, int64_t r) {
  const auto move = [](auto column, int64_t from, int64_t to) {
    if (!column.empty()) column[to] = column[from];
  };
  int64_t drawn = 0;
  for (int64_t i = 0; i < k; ++i) {
    if (columns.items[r * k + i] == kNoOrdinal) continue;
    const int64_t from = r * k + i;
    const int64_t to = r * k + drawn++;
    move(columns.items, from, to);
    move(columns.log_q, from, to);
    move(columns.log_q_source, from, to);
    move(columns.components, from, to);
    move(columns.scores, from, to);
    move(columns.expected_counts, from, to);
    move(columns.importance_weights, from, to);
    move(columns.model_versions, from, to);
    move(columns.vector_ages, from, to);
    move(columns.tags, from, to);
  }
  return drawn;
}

}  // namespace negatron
