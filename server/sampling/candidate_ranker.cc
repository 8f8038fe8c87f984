// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/candidate_ranker.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Puts values into `order`, which has the old places of all.
template <typename T>
void Permute(std::span<const uint32_t> order, int64_t first, std::span<T> column) {
  if (column.empty()) return;
  const std::span<T> values = column.subspan(static_cast<size_t>(first), order.size());
  const std::vector<T> old(values.begin(), values.end());
  for (size_t i = 0; i < order.size(); ++i) values[i] = old[order[i]];
}

}  // namespace

CandidateRanker::CandidateRanker(NearestAnchor anchor, const SourceContext& context)
    : context_(context), items_(anchor, "", context), scorer_(*context.vectors) {}

absl::Status CandidateRanker::Rank(const SampleBatch& batch, const SampleColumns& columns) const {
  std::vector<float> anchor(static_cast<size_t>(context_.vectors->dimension()));
  Row row;
  for (int64_t r = 0; r < batch.row_count; ++r) {
    NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
    row.user = batch.users.empty() ? kNoOrdinal : batch.users[r];
    row.positive = batch.positives.empty() ? kNoOrdinal : batch.positives[r];
    row.query = batch.queries.empty() ? nullptr : &batch.queries[r * batch.query_columns];
    const bool has_anchor = items_.ReadAnchor(row, anchor);
    const int64_t first = r * batch.negative_count;
    Score(has_anchor ? anchor.data() : nullptr, first, columns.drawn[r], columns);
    Sort(first, columns.drawn[r], columns);
  }
  return absl::OkStatus();
}

void CandidateRanker::Score(const float* anchor, int64_t first, int64_t drawn,
                            const SampleColumns& columns) const {
  const auto scored = [&](Ordinal item) { return anchor != nullptr && items_.HasVector(item); };
  for (int64_t i = first; i < first + drawn; ++i) scorer_.Fetch(columns.items[i]);
  for (int64_t i = first; i < first + drawn; ++i) {
    const Ordinal item = columns.items[i];
    const bool has_score = scored(item);
    columns.scores[i] = has_score ? scorer_.Score(anchor, item) : kNan;
    if (columns.model_versions.empty() && columns.vector_ages.empty()) continue;
    const VectorStamp stamp = has_score ? context_.vectors->Stamp(item) : VectorStamp{kNoVector, 0};
    if (!columns.model_versions.empty()) columns.model_versions[i] = stamp.model_version;
    if (!columns.vector_ages.empty()) columns.vector_ages[i] = context_.freshness.AgeOf(stamp);
  }
}

void CandidateRanker::Sort(int64_t first, int64_t drawn, const SampleColumns& columns) {
  std::vector<uint32_t> order(static_cast<size_t>(drawn));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const float score_a = columns.scores[first + a];
    const float score_b = columns.scores[first + b];
    if (std::isnan(score_a) != std::isnan(score_b)) return std::isnan(score_b);
    if (score_a > score_b || score_a < score_b) return score_a > score_b;
    return columns.items[first + a] < columns.items[first + b];
  });
  Permute(order, first, columns.items);
  Permute(order, first, columns.log_q);
  Permute(order, first, columns.log_q_source);
  Permute(order, first, columns.components);
  Permute(order, first, columns.scores);
  Permute(order, first, columns.expected_counts);
  Permute(order, first, columns.importance_weights);
  Permute(order, first, columns.model_versions);
  Permute(order, first, columns.vector_ages);
  Permute(order, first, columns.tags);
}

std::vector<float> CandidateRanker::Vectors(std::span<const Ordinal> items) const {
  const auto dimension = static_cast<size_t>(context_.vectors->dimension());
  std::vector<float> vectors(items.size() * dimension, kNan);
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i] == kNoOrdinal || !items_.HasVector(items[i])) continue;
    context_.vectors->Read(items[i], std::span(vectors).subspan(i * dimension, dimension));
  }
  return vectors;
}

}  // namespace negatron
