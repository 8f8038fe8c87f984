// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_GENERATION_BUILDER_H_
#define NEGATRON_SERVER_INDEX_GENERATION_BUILDER_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"

#include "server/index/generation.h"
#include "server/index/recall.h"
#include "storage/base/cancellation.h"

namespace negatron {

struct GenerationOptions {
  int threads = 1;
  int recall_limit = 100;  // k of recall@k.
  int recall_anchors = 64;
  double target_recall = 0.98;   // What ef is chosen for.
  double least_recall = 0.95;    // A generation below it is not used.
  double least_reached = 0.999;  // Part of the items that some way leads to.
};

// How wide to search, and what that finds.
struct Effort {
  int ef = 0;
  double recall = 0;
};

// The least effort, of some, that reaches the target with the generation's graph; that of
// the highest recall if none does. `delta`: DeltaOf the table of the scorer.
absl::StatusOr<Effort> ChooseEffort(const Scorer& scorer, const Generation& generation,
                                    std::span<const Ordinal> delta,
                                    const RecallReference& reference, double target,
                                    const Cancellation& cancellation);

// Builds a generation of all vectors of a table and checks it; builds once more, with
// more links and effort, if the first fails. Errors: FAILED_PRECONDITION
// [INDEX_REFUSED] if neither passes, saying why; those of BuildGraph.
absl::StatusOr<Generation> BuildGeneration(const VectorTable& table, int64_t number, Micros now,
                                           const GenerationOptions& options,
                                           const Cancellation& cancellation);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_GENERATION_BUILDER_H_
