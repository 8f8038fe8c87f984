// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SAMPLER_H_
#define NEGATRON_SERVER_SAMPLING_SAMPLER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"

#include "server/sampling/draw_observer.h"
#include "server/sampling/policy.h"
#include "server/sampling/source.h"

namespace negatron {

// The rows of a call, resolved against a snapshot. Columns are [row_count] or
// empty; ids that the snapshot does not know are kNoOrdinal.
struct SampleBatch {
  int64_t row_count = 0;
  int negative_count = 0;          // Draws a row, K >= 1.
  std::span<const Micros> as_of;   // Not empty.
  std::span<const uint64_t> keys;  // Not empty.
  std::span<const Ordinal> users;
  std::span<const Ordinal> positives;
  std::span<const uint8_t> cohorts;
  std::span<const Ordinal> exclusions;        // Ragged.
  std::span<const int64_t> exclusion_splits;  // [row_count + 1] or empty.
  std::span<const float> queries;             // [row_count, dimension], as stored.
  int query_columns = 0;
};

// Padding of ids and of components, and the model version of draws without a score.
inline constexpr int64_t kNoId = -1;
inline constexpr uint8_t kNoComponent = 255;
inline constexpr int64_t kNoVector = -1;

// Where draws go: [row_count, K] row-major unless stated. Empty: not wanted; one of
// `items` and `ids` is.
struct SampleColumns {
  std::span<Ordinal> items;  // kNoOrdinal is padding.
  std::span<int64_t> ids;    // Of int64 items; rows with repetition only. -1 is padding.
  std::span<float> log_q;    // Of the mixture; NaN for law NONE and padding.
  std::span<float> log_q_source;
  // kNoComponent is padding; of the policy's fallback, the number of components.
  std::span<uint8_t> components;
  std::span<float> scores;
  std::span<uint8_t> statuses;  // [row_count] RowStatus; not empty.
  std::span<float> shares;      // [row_count, components].
  std::span<int64_t> rejects;   // [row_count, kRejectCauseCount].
  std::span<int64_t> drawn;     // [row_count] real draws; they come first.
  std::span<float> expected_counts;
  std::span<float> importance_weights;
  std::span<float> positive_log_q;  // [row_count].
  std::span<Micros> boundaries;     // [row_count, components]; 0: none.
  // Of the vectors that items were scored by; -1 and NaN for draws without a score, and padding.
  std::span<int64_t> model_versions;
  std::span<float> vector_ages;  // In seconds; see Freshness::AgeOf.
  std::span<uint8_t> tags;       // Sums of DrawTag; 0 for padding.
};

// Sums over a call.
struct SampleTotals {
  std::vector<int64_t> drawn_by_component;
  int64_t drawn_by_fallback = 0;
  std::array<int64_t, kRowStatusCount> rows_by_status{};
  Rejects rejects{};
  ObservedRows observed;  // Empty unless the context asks for it.

  // Adds the sums of some of the rows, whose components are those here from `first_component` on.
  void Add(const SampleTotals& part, size_t first_component = 0);
};

// Draws K negatives for each row. A row is full, or empty with a status that
// says why: components that are empty for the row give up their share to the
// others in proportion. Without repetition, or with caps, it is kShort if the
// components together have fewer items for it than K. Where the policy has a
// fallback, that fills rows that would be empty or short, as far as it can.
//
// Deterministic: what a row gets depends on the snapshot, the policy, the seed
// and the row's own columns, not on the other rows.
//
// Errors: CANCELLED, DEADLINE_EXCEEDED; columns are then of no use.
// Thread-safety: thread-safe; reads what `context` points to.
absl::Status SampleRows(const Policy& policy, const SourceContext& context,
                        const SampleBatch& batch, const SampleColumns& columns,
                        SampleTotals* totals);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SAMPLER_H_
