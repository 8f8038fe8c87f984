// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SHARED_BLOCK_H_
#define NEGATRON_SERVER_SAMPLING_SHARED_BLOCK_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"

#include "server/sampling/sampler.h"

namespace negatron {

// Where a block of negatives that all rows share goes.
struct SharedColumns {
  std::span<Ordinal> items;        // [K]; kNoOrdinal throughout if nothing can be drawn.
  std::span<float> log_q;          // [K], under the law without exclusions.
  std::span<uint8_t> components;   // [K]
  std::span<uint8_t> false_mask;   // [rows, ceil(K / 8)], lowest bit first, zeroed.
  std::span<float> log_remaining;  // [rows]: log(1 - E).
};

// Draws batch.negative_count negatives once, as of `time` and without
// exclusions, and tells for each row which of them are excluded for it (uncertain ones
// are) or not alive at its time, and the log of the probability of all that are neither.
// Category filters and plausibility are asked as of `time` and belong to the law, which is
// EXACT; nothing is false for a row by them. `min_distance` makes items false for the rows whose
// positives they are near to. The policy has no bounds on scores.
//
// Cost: one passage over the items alive at `time`, two more for each guarded component, and for
//   each distinct time of a row a look at those of them that do not live through all times; with
//   `min_distance`, for each row a score of every vector for each of its positives.
// Errors: as SampleRows.
absl::Status SampleSharedBlock(const Policy& policy, const SourceContext& call_context,
                               const SampleBatch& batch, Micros time, uint64_t block_key,
                               const SharedColumns& columns, SampleTotals* totals);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SHARED_BLOCK_H_
