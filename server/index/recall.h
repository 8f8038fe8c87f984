// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_RECALL_H_
#define NEGATRON_SERVER_INDEX_RECALL_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "server/index/search.h"

namespace negatron {

// Anchors to measure searches with, [dimension] each: vectors of random items of the
// table, every other one moved half its norm away at random, since queries of
// trainers are near items and not on them. None for an empty table. Equal
// arguments, equal anchors.
std::vector<std::vector<float>> RecallAnchors(const VectorTable& table, int count, uint64_t seed);

// What exact search finds, to measure others by.
class RecallReference {
 public:
  // Of the `limit` nearest of all items with a vector, for each anchor. The table of
  // `scorer` must outlive this. Errors: CANCELLED, DEADLINE_EXCEEDED.
  static absl::StatusOr<RecallReference> Make(const Scorer& scorer,
                                              std::vector<std::vector<float>> anchors, int limit,
                                              const Cancellation& cancellation);

  // recall@limit of a search of the same table, in [0, 1]: the part of its hits that
  // score at least as high as the lowest exact one (so that ties do not count as
  // misses). 1 without anchors.
  absl::StatusOr<double> Measure(const VectorSearch& search,
                                 const Cancellation& cancellation) const;

 private:
  std::vector<std::vector<float>> anchors_;
  std::vector<const float*> pointers_;  // To the anchors.
  std::vector<float> lowest_;           // Exact hit of each anchor.
  int limit_ = 0;
  int64_t hit_count_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_RECALL_H_
