// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_ITEM_FILTERS_H_
#define NEGATRON_SERVER_SAMPLING_ITEM_FILTERS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/index/scorer.h"
#include "server/sampling/anchored_items.h"
#include "server/sampling/policy.h"
#include "server/sampling/score_range.h"
#include "server/sampling/source.h"

// What a component may ask of items beside one category. No index knows them; each looks at an
// item.
namespace negatron {

// A CategoryFilter by the numbers of a pool.
//
// Thread-safety: immutable.
class CategorySet {
 public:
  CategorySet(const CategoryFilter& filter, const PoolView& pool);

  bool Admits(Ordinal item) const;

 private:
  const PoolView& pool_;
  bool none_can_ = false;  // A category that is demanded is nobody's.
  std::vector<CategoryNumber> any_of_;
  std::vector<CategoryNumber> all_of_;
  std::vector<CategoryNumber> none_of_;
};

// Items that are known well enough at a time, by positives and exposures strictly before it. Masses
// are those of `popularity` without a window, in weights of events: an event of weight w at e adds
// base weight * w * 2^((e - t) / half-life).
//
// Cost: O(log events of the item); O(events) for a half-life that the collection does not list.
// Thread-safety: immutable.
class PlausibleItems {
 public:
  PlausibleItems(const Plausibility& plausibility, const PoolView& pool);

  bool Admits(Micros time, Ordinal item) const;
  double MassOf(Micros time, Ordinal item) const;

 private:
  const Plausibility plausibility_;
  const PoolView& pool_;
  const int64_t half_life_;
  const MassIndex* const masses_;  // Null: the half-life is not listed.
};

// Items whose score against an anchor of the row is within bounds.
//
// Thread-safety: confined to the thread that serves the call.
class BoundedScores {
 public:
  // `context` must outlive this; its vectors are not null.
  BoundedScores(const ScoreBounds& bounds, const SourceContext& context);

  void Begin(std::span<const Row> rows);

  // Whether the row has an anchor and, if there is a margin, a positive to keep it from.
  bool Serves(size_t row) const { return serves_[row] != 0; }
  const float* anchor(size_t row) const { return &anchors_[row * dimension_]; }
  // Of a row that is served; items without a (fresh) vector have no score.
  bool Admits(size_t row, Ordinal item) const;

 private:
  const ScoreBounds bounds_;
  const AnchoredItems items_;
  const Scorer scorer_;
  const size_t dimension_;
  std::vector<float> anchors_;  // [rows, dimension].
  std::vector<ScoreRange> ranges_;
  std::vector<uint8_t> serves_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_ITEM_FILTERS_H_
