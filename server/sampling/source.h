// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_SOURCE_H_

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "server/index/vector_table.h"
#include "server/pool/pool_view.h"
#include "server/sampling/policy.h"
#include "server/sampling/row.h"
#include "storage/base/cancellation.h"
#include "storage/base/philox.h"

namespace negatron {

// What a source draws from; all of one snapshot and one call.
struct SourceContext {
  const PoolView* pool;
  const VectorTable* vectors;  // Null if the collection has no embeddings.
  Philox random;
  const Cancellation* cancellation;
};

// A negative and how it was drawn.
struct Draw {
  Ordinal item;
  double q;     // Probability of this item on one draw; NaN for law NONE.
  float score;  // Against the anchor; NaN where the source does not score.
};

// Items thrown back, by RejectCause.
using Rejects = std::array<int64_t, kRejectCauseCount>;

// Draws for rows, one after the other. Draws of a row depend on nothing but the
// snapshot, the seed and the row.
//
// Call order: BeginBlock with some rows; for each of them BeginRow and, if that
// says kOk, any number of NextDraw and Probability.
//
// Errors: CANCELLED and DEADLINE_EXCEEDED, from any of them.
// Thread-safety: confined to the thread that serves the call.
class Source {
 public:
  virtual ~Source() = default;

  // `rows` stays where it is until the next BeginBlock.
  virtual absl::Status BeginBlock(std::span<const Row> rows) = 0;

  // Turns to row `index` of the block. Not kOk: the source is empty for the
  // row, and this is why.
  virtual absl::StatusOr<RowStatus> BeginRow(size_t index) = 0;

  // Draws for slot `slot` of the row; adds what it threw back to `rejects`.
  virtual absl::StatusOr<Draw> NextDraw(uint32_t slot, Rejects* rejects) = 0;

  // Probability that one draw of this source, for this row, is `item`, which
  // is alive and not excluded; NaN for law NONE.
  virtual double Probability(Ordinal item) = 0;
};

inline constexpr float kNoScore = std::numeric_limits<float>::quiet_NaN();

// `context` must outlive the source; `spec` was checked by CheckPolicy.
std::unique_ptr<Source> MakeSource(const SourceSpec& spec, const SourceContext& context);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SOURCE_H_
