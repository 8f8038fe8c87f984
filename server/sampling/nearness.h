// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_NEARNESS_H_
#define NEGATRON_SERVER_SAMPLING_NEARNESS_H_

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "server/index/scorer.h"
#include "server/sampling/anchored_items.h"
#include "server/sampling/policy.h"
#include "server/sampling/source.h"

namespace negatron {

// Which items are too near to the positives of rows: of each its own, and so many of the
// newest that its user chose strictly before its time. Distances are by the metric of the
// collection:
//
//   L2                      the Euclidean distance;
//   cosine, inner product   1 - cosine of the angle, in [0, 2].
//
// Items and positives without a vector, or none that is as fresh as the call asks, are near
// to nothing; nor is, under the inner product, a vector of norm 0.
//
// Cost: Begin O(history) a row if the history counts; IsNear a score for each positive, and
//   under the inner product one for the norm of the item.
// Thread-safety: confined to the thread that serves the call.
class Nearness {
 public:
  // `context` must outlive this; its vectors are not null.
  Nearness(const MinDistance& min_distance, const SourceContext& context);

  // Turns to the positives of `rows`.
  void Begin(std::span<const Row> rows);

  // Whether the item is nearer than the distance to a positive of row number `row`.
  bool IsNear(size_t row, Ordinal item) const;

  // The positive of row number `row` that is nearest to the item, ties the first: its own before
  // those of its user. Nothing if the item is near to nothing, or the row has no positive.
  struct Neighbour {
    Ordinal positive;
    double distance;
  };
  std::optional<Neighbour> Nearest(size_t row, Ordinal item) const;

 private:
  // What scores against the positives of a row are divided by to be those of vectors of norm 1,
  // under the inner product; 1 under other metrics. 0: the item is near to nothing.
  double DivisorOf(size_t row, Ordinal item) const;
  void Add(Ordinal positive);
  std::vector<Ordinal> NewestChosen(const Row& row) const;
  double NormOf(std::span<const float> vector) const;

  const MinDistance min_distance_;
  const SourceContext& context_;
  const AnchoredItems items_;
  const Scorer scorer_;
  const size_t dimension_;
  const Metric metric_;
  std::vector<float> positives_;     // [positives, dimension]; of norm 1 under the inner product.
  std::vector<Ordinal> owners_;      // Of each of them.
  std::vector<size_t> splits_;       // Row i has the positives [splits_[i], splits_[i + 1]).
  mutable std::vector<float> item_;  // [dimension].
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_NEARNESS_H_
