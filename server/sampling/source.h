// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_SOURCE_H_

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"

#include "server/index/generation.h"
#include "server/index/vector_table.h"
#include "server/pool/pool_view.h"
#include "server/sampling/excluded_mass_cache.h"
#include "server/sampling/freshness.h"
#include "server/sampling/policy.h"
#include "server/sampling/row.h"
#include "server/sampling/score_range.h"
#include "storage/base/cancellation.h"
#include "storage/base/philox.h"

namespace negatron {

// Of rows 0, 1, ... those with the numbers first, first + step, ...
struct RowChoice {
  int64_t first;  // In [0, step).
  int64_t step;
};

// What a source draws from; all of one snapshot and one call.
struct SourceContext {
  const PoolView* pool;
  const VectorTable* vectors;  // Null if the collection has no embeddings.
  Philox random;
  const Cancellation* cancellation;
  ExcludedMassCache* excluded_masses = nullptr;  // Null: sums are not remembered.
  Freshness freshness = {};
  const Generation* generation = nullptr;     // Null: searches are exact.
  std::span<const Ordinal> delta = {};        // DeltaOf vectors and generation.
  const VectorTable* user_vectors = nullptr;  // Null if `vectors` is.
  // Of the policy, if it excludes what is uncertain; `vectors` is then not null.
  std::optional<MinDistance> min_distance = std::nullopt;
  // Rows to be observed for statistics, which changes nothing about draws; unset: none. Where rows
  // of a call are drawn in several parts, of each part.
  std::optional<RowChoice> observed_rows = std::nullopt;
  // Guarded rows of `uniform` and `popularity` are enumerated in catalogues of any size: for calls
  // of one row, whose law is then EXACT.
  bool enumerates_guarded = false;

  // What LawsOf asks for.
  int64_t law_item_count() const { return enumerates_guarded ? 0 : pool->item_count(); }
};

// What a source draws with a lower probability than this, it reports with this: so
// that the logarithm is finite.
inline constexpr double kLeastProbability = std::numeric_limits<double>::min();

inline constexpr float kNoScore = std::numeric_limits<float>::quiet_NaN();

// Slots of rows of a block, and what was drawn for them: columns of one length.
struct Draws {
  std::vector<uint32_t> rows;    // Within the block.
  std::vector<uint32_t> slots;   // Within the row.
  std::vector<uint32_t> rounds;  // How often the slot was drawn before and thrown back.
  std::vector<Ordinal> items;    // kNoOrdinal: nothing.
  std::vector<double> q;         // Probability of this item on one draw; NaN for law NONE.
  // Empty if the source has no such thing.
  std::vector<float> scores;  // Against the anchor.
  std::vector<float> importance_weights;

  size_t size() const { return rows.size(); }
  bool empty() const { return rows.empty(); }
  void clear();
  // Adds open slots [first_slot, first_slot + count) of a row.
  void Open(uint32_t row, uint32_t first_slot, uint32_t count);
  // Appends draw `i` of others / puts it into the place of draw `to`.
  void Append(const Draws& others, size_t i);
  void Replace(size_t to, const Draws& others, size_t i);
};

struct RowItem {
  uint32_t row;  // Within the block.
  Ordinal item;
};

// An item that a source can draw for a row, and in which proportion.
struct Candidate {
  Ordinal item;
  double weight;  // Not negative.
  float score = kNoScore;
  float importance_weight = 1;
  float preference = score;  // The highest is taken first where all weights are 0.
};

// What a source scores items against for a row.
struct RowAnchor {
  const float* vector;  // [dimension]; null: there is none, or no bounds to keep to.
  ScoreRange bounds;    // Of scores; NearestSource has them.
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

  // Draws for each slot; adds what it threw back to rejects[row].
  virtual absl::Status Fill(Draws* draws, std::span<Rejects> rejects) = 0;

  // q[i]: probability that one draw of this source for the row is the item,
  // which is not excluded and alive; NaN for law NONE. For law ROW_CONSTANT, times one
  // factor for the row.
  virtual void Probabilities(std::span<const RowItem> pairs, std::span<double> q) = 0;

  // Probability of the row's positive, if it were not excluded; NaN for law NONE and
  // ROW_CONSTANT.
  virtual double PositiveProbability(uint32_t row) = 0;

  // All that the source can draw for a row. Weights that vanish beside others' are 0.
  virtual absl::Status Enumerate(uint32_t row, std::vector<Candidate>* candidates) = 0;

  // Nothing if the source does not score.
  virtual std::optional<RowAnchor> AnchorOf(uint32_t) const { return std::nullopt; }

  // Boundary of the grid that row's law was taken at; 0: none.
  virtual Micros Boundary(uint32_t) const { return 0; }
};

// `context` must outlive the source; `component` was checked by CheckPolicy. `number`
// is that of the component in its policy: what components draw for a row beside its
// slots is independent between different ones.
std::unique_ptr<Source> MakeSource(const PolicyComponent& component, const SourceContext& context,
                                   uint32_t number = 0);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SOURCE_H_
