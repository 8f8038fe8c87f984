// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_EXPLAINER_H_
#define NEGATRON_SERVER_SAMPLING_EXPLAINER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"

#include "server/sampling/policy.h"
#include "server/sampling/sampler.h"
#include "server/sampling/source.h"
#include "storage/model/records.h"

namespace negatron {

// What an item is to a row (see ItemClass in accounts.proto); same numbers.
enum class ItemClass : uint8_t {
  kUnknown = 1,
  kPositive = 2,
  kUncertain = 3,
  kDead = 4,
  kNegative = 5,
};

// Why it is positive or uncertain (see ItemGround); bits, the same numbers.
enum ItemGround : uint8_t {
  kGroundRowPositive = 1,
  kGroundHistory = 2,
  kGroundNamed = 4,
  kGroundInHorizon = 8,
  kGroundNearPositive = 16,
};

// Why a source cannot draw it (see DrawObstacle); same numbers.
enum class DrawObstacle : uint8_t {
  kNone = 0,
  kNoShare = 1,
  kUnknownItem = 2,
  kDead = 3,
  kExcluded = 4,
  kUncertain = 5,
  kCategory = 6,
  kCategoryFilter = 7,
  kPlausibility = 8,
  kNoAnchor = 9,
  kNoEmbedding = 10,
  kScoreBounds = 11,
  kNoWeight = 12,
  kNotInWindow = 13,
};

// Popularity rank of items that have none, and score rank of items without a score.
inline constexpr int64_t kNoPopularityRank = 0;
inline constexpr int64_t kNoScoreRank = -1;

// Columns of [items], or [items, sources] row-major; the sources are the components of the
// policy, then its fallback if it has one. Meaning: ExplainNegativesResponse in accounts.proto.
struct RowExplanation {
  size_t source_count = 0;
  std::vector<uint8_t> classes;  // ItemClass.
  std::vector<uint8_t> grounds;  // Sums of ItemGround.
  std::vector<uint8_t> alive;
  std::vector<Micros> first_positives;  // kNever: none.
  std::vector<float> masses;
  std::vector<float> base_weights;
  std::vector<int64_t> popularity_ranks;
  std::vector<float> distances;
  std::vector<Ordinal> nearest_positives;  // kNoOrdinal: none.
  std::vector<float> log_q;
  std::vector<float> log_q_source;       // [items, sources].
  std::vector<uint8_t> obstacles;        // [items, sources]; DrawObstacle.
  std::vector<float> scores;             // [items, sources].
  std::vector<int64_t> score_ranks;      // [items, sources].
  std::vector<int64_t> ranked_counts;    // [sources].
  std::vector<uint8_t> source_statuses;  // [sources]; RowStatus, 0 without a share.
  std::vector<float> shares;             // [components].
  int64_t living_count = 0;
  RowStatus row_status = RowStatus::kOk;
};

// Tells of `items`, which may be kNoOrdinal or repeat, what the policy makes of them for the row
// of a batch of one row: by the sources that SampleRows draws it from.
//
// Cost: what the sources' Begin costs; a passage over the living items; one over the vectors for
//   each source that scores.
// Errors: CANCELLED, DEADLINE_EXCEEDED.
// Thread-safety: thread-safe; reads what `context` points to.
absl::Status ExplainRow(const Policy& policy, const SourceContext& context,
                        const SampleBatch& batch, std::span<const Ordinal> items,
                        RowExplanation* explanation);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_EXPLAINER_H_
