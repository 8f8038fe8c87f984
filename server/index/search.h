// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_SEARCH_H_
#define NEGATRON_SERVER_INDEX_SEARCH_H_

#include <functional>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "server/index/scorer.h"
#include "storage/base/cancellation.h"
#include "storage/model/records.h"

namespace negatron {

struct Hit {
  float score;  // By the metric of the table; higher is nearer.
  Ordinal item;
};

// Called for items that Accept may soon be asked about, so that it can ask memory for them.
using Announce = std::function<void(Ordinal item)>;

// Finds the items nearest to anchors.
//
// Thread-safety: immutable.
class VectorSearch {
 public:
  // Whether item, which scores `score`, may be a hit for query number `query`.
  // Called for items that would otherwise be hits, in no stated order.
  using Accept = absl::FunctionRef<bool(size_t query, Ordinal item, float score)>;

  virtual ~VectorSearch() = default;

  // Fills hits[q] with the accepted items of highest score against anchors[q]
  // ([dimension] values, as stored), highest first, ties in order of ordinal;
  // `limit` of them (>= 1), or all if there are fewer. What an anchor finds
  // depends on nothing but the anchor. Fails with CANCELLED or DEADLINE_EXCEEDED.
  virtual absl::Status Search(std::span<const float* const> anchors, int limit, Accept accept,
                              const Cancellation& cancellation,
                              std::vector<std::vector<Hit>>* hits) const = 0;
};

// Scores every vector: exact on what is stored. The reference for any other.
//
// Cost: O(items * dimension) an anchor; anchors of one call share the passage
//   over memory.
class ExactSearch final : public VectorSearch {
 public:
  // The table of `scorer` must outlive this.
  explicit ExactSearch(const Scorer& scorer) : scorer_(scorer) {}

  absl::Status Search(std::span<const float* const> anchors, int limit, Accept accept,
                      const Cancellation& cancellation,
                      std::vector<std::vector<Hit>>* hits) const override;

 private:
  const Scorer scorer_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_SEARCH_H_
