// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_SOURCE_H_

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"

#include "server/index/vector_table.h"
#include "server/pool/pool_view.h"
#include "server/sampling/excluded_mass_cache.h"
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
  ExcludedMassCache* excluded_masses = nullptr;  // Null: sums are not remembered.
};

inline constexpr float kNoScore = std::numeric_limits<float>::quiet_NaN();

// A slot of a row of the block, and what was drawn for it.
struct Draw {
  uint32_t row;        // Within the block.
  uint32_t slot;       // Within the row.
  uint32_t round = 0;  // How often the slot was drawn before and thrown back.
  Ordinal item = kNoOrdinal;
  double q = 0;            // Probability of this item on one draw; NaN for law NONE.
  float score = kNoScore;  // Against the anchor; NaN where the source does not score.
  float importance_weight = 1;
};

struct RowItem {
  uint32_t row;  // Within the block.
  Ordinal item;
};

// An item that a source can draw for a row, and in which proportion.
struct Candidate {
  Ordinal item;
  double weight;
  float score = kNoScore;
  float importance_weight = 1;
};

// Items thrown back, by RejectCause.
using Rejects = std::array<int64_t, kRejectCauseCount>;

// Draws for blocks of rows. Draws of a row depend on nothing but the snapshot,
// the seed and the row.
//
// Call order: Begin with some rows; then, for rows that it said kOk to, the
// others, any number of times.
//
// Errors: CANCELLED and DEADLINE_EXCEEDED.
// Thread-safety: confined to the thread that serves the call.
class Source {
 public:
  virtual ~Source() = default;

  // Turns to `rows`, which stay where they are until the next Begin.
  // statuses[r] not kOk: the source is empty for the row, and this is why.
  virtual absl::Status Begin(std::span<const Row> rows, std::span<RowStatus> statuses) = 0;

  // Draws for each entry; adds what it threw back to rejects[row].
  virtual absl::Status Fill(std::span<Draw> draws, std::span<Rejects> rejects) = 0;

  // q[i]: probability that one draw of this source for the row is the item,
  // which is not excluded and alive; NaN for law NONE.
  virtual void Probabilities(std::span<const RowItem> pairs, std::span<double> q) = 0;

  // Probability of the row's positive, if it were not excluded; NaN for law NONE.
  virtual double PositiveProbability(uint32_t row) = 0;

  // All that the source can draw for a row.
  virtual absl::Status Enumerate(uint32_t row, std::vector<Candidate>* candidates) = 0;

  // Boundary of the grid that row's law was taken at; 0: none.
  virtual Micros Boundary(uint32_t) const { return 0; }
};

// `context` must outlive the source; `component` was checked by CheckPolicy.
std::unique_ptr<Source> MakeSource(const PolicyComponent& component, const SourceContext& context);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SOURCE_H_
