// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_NEIGHBOURHOODS_H_
#define NEGATRON_SERVER_INDEX_NEIGHBOURHOODS_H_

#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "server/index/scorer.h"
#include "storage/base/cancellation.h"

namespace negatron {

// The nearest neighbours of some items of a table: what a model's representation looks
// like, to be compared with an earlier one.
//
// Thread-safety: immutable once made.
struct Neighbourhoods {
  struct Neighbourhood {
    Ordinal item;
    std::vector<Ordinal> neighbours;  // Rising; the nearest, without the item.
    std::vector<float> projection;    // Of the mean of their vectors, by a fixed random matrix.
  };

  std::vector<Neighbourhood> all;  // By item, rising.
};

// What changed from one to another, over the items that both have.
struct NeighbourhoodChange {
  double preservation = 0;  // Mean part of the neighbours that stayed, in [0, 1].
  // Mean distance that the projections moved, in units of their former norms.
  double projection_shift = 0;
};

// Exact neighbours, `neighbour_count` of each, of `item_count` items: the same items of
// every table that has them. Errors: CANCELLED, DEADLINE_EXCEEDED.
absl::StatusOr<Neighbourhoods> FindNeighbourhoods(const Scorer& scorer, int item_count,
                                                  int neighbour_count,
                                                  const Cancellation& cancellation);

// Unset if they have no item in common.
std::optional<NeighbourhoodChange> Compare(const Neighbourhoods& before,
                                           const Neighbourhoods& after);

// Mean part of the neighbours of an item that it is akin to, in [0, 1]; unset without any.
std::optional<double> Purity(const Neighbourhoods& neighbourhoods,
                             absl::FunctionRef<bool(Ordinal, Ordinal)> akin);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_NEIGHBOURHOODS_H_
