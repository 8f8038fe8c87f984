// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_CANDIDATE_RANKER_H_
#define NEGATRON_SERVER_SAMPLING_CANDIDATE_RANKER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"

#include "server/index/scorer.h"
#include "server/sampling/anchored_items.h"
#include "server/sampling/sampler.h"
#include "server/sampling/source.h"

namespace negatron {

// Makes candidates of draws: scores them against one anchor a row, whatever drew them, and ranks
// them. Vectors that are not as fresh as the call asks count as none.
//
// Thread-safety: confined to the thread that serves the call.
class CandidateRanker {
 public:
  // `context` must outlive this; its vectors are not null.
  CandidateRanker(NearestAnchor anchor, const SourceContext& context);

  // `columns` are as SampleRows filled them for `batch`; `items`, `scores` and `drawn` are not
  // empty. Replaces scores, and the stamps that go with them. Then puts the draws of each row in
  // order of score, highest first, ties by item; those without a score come behind, by item. An
  // item without a vector has no score, nor has any item of a row without an anchor.
  //
  // Errors: CANCELLED, DEADLINE_EXCEEDED.
  absl::Status Rank(const SampleBatch& batch, const SampleColumns& columns) const;

  // The vectors of items, [items, dimension]; NaN where there is none, and for kNoOrdinal.
  std::vector<float> Vectors(std::span<const Ordinal> items) const;

 private:
  // Of the draws [first, first + drawn) of a row; `anchor` is null if there is none.
  void Score(const float* anchor, int64_t first, int64_t drawn, const SampleColumns& columns) const;
  static void Sort(int64_t first, int64_t drawn, const SampleColumns& columns);

  const SourceContext& context_;
  const AnchoredItems items_;
  const Scorer scorer_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_CANDIDATE_RANKER_H_
