// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/parallel_rows.h"

#include <algorithm>
#include <vector>

namespace negatron {
namespace {

// What a part must have at least, to be worth waking a thread for: some 100 microseconds.
constexpr int64_t kLeastDraws = 4096;
constexpr int64_t kLeastSearches = 16;

// As many parts as threads: what sources prepare for a call they prepare for each part.
int PartCount(const Executor& executor, const Policy& policy, const SampleBatch& batch) {
  const int64_t worth = policy.NeedsEmbeddings()
                            ? batch.row_count / kLeastSearches
                            : batch.row_count * batch.negative_count / kLeastDraws;
  if (worth <= 1) return 1;
  return static_cast<int>(std::min<int64_t>(worth, 1 + executor.idle_count()));
}

// The rows [first, first + count) of a column with `width` values a row.
template <typename T>
std::span<T> Rows(std::span<T> column, int64_t first, int64_t count, int64_t width) {
  if (column.empty()) return column;
  return column.subspan(static_cast<size_t>(first * width), static_cast<size_t>(count * width));
}

SampleBatch Rows(const SampleBatch& batch, int64_t first, int64_t count) {
  SampleBatch part = batch;
  part.row_count = count;
  part.as_of = Rows(batch.as_of, first, count, 1);
  part.keys = Rows(batch.keys, first, count, 1);
  part.users = Rows(batch.users, first, count, 1);
  part.positives = Rows(batch.positives, first, count, 1);
  part.cohorts = Rows(batch.cohorts, first, count, 1);
  if (!batch.exclusion_splits.empty()) {
    part.exclusion_splits = Rows(batch.exclusion_splits, first, count + 1, 1);
  }
  part.queries = Rows(batch.queries, first, count, batch.query_columns);
  return part;
}

SampleColumns Rows(const SampleColumns& columns, int64_t first, int64_t count, int64_t draws,
                   int64_t components) {
  return {Rows(columns.items, first, count, draws),
          Rows(columns.ids, first, count, draws),
          Rows(columns.log_q, first, count, draws),
          Rows(columns.log_q_source, first, count, draws),
          Rows(columns.components, first, count, draws),
          Rows(columns.scores, first, count, draws),
          Rows(columns.statuses, first, count, 1),
          Rows(columns.shares, first, count, components),
          Rows(columns.rejects, first, count, kRejectCauseCount),
          Rows(columns.drawn, first, count, 1),
          Rows(columns.expected_counts, first, count, draws),
          Rows(columns.importance_weights, first, count, draws),
          Rows(columns.positive_log_q, first, count, 1),
          Rows(columns.boundaries, first, count, components),
          Rows(columns.model_versions, first, count, draws),
          Rows(columns.vector_ages, first, count, draws),
          Rows(columns.tags, first, count, draws)};
}

}  // namespace

absl::Status SampleRowsInParallel(Executor* executor, const Policy& policy,
                                  const SourceContext& context, const SampleBatch& batch,
                                  const SampleColumns& columns, SampleTotals* totals) {
  const int parts = executor == nullptr ? 1 : PartCount(*executor, policy, batch);
  if (parts == 1) return SampleRows(policy, context, batch, columns, totals);
  std::vector<absl::Status> statuses(parts);
  std::vector<SampleTotals> sums(parts);
  const auto begin = [&](int part) { return batch.row_count * part / parts; };
  RunParts(executor, parts, [&](int part) {
    const int64_t first = begin(part);
    const int64_t count = begin(part + 1) - first;
    const auto components = static_cast<int64_t>(policy.components.size());
    statuses[part] =
        SampleRows(policy, context, Rows(batch, first, count),
                   Rows(columns, first, count, batch.negative_count, components), &sums[part]);
  });
  totals->drawn_by_component.assign(policy.components.size(), 0);
  for (int part = 0; part < parts; ++part) {
    if (!statuses[part].ok()) return statuses[part];
    totals->Add(sums[part]);
  }
  return absl::OkStatus();
}

}  // namespace negatron
