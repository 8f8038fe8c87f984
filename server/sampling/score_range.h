// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SCORE_RANGE_H_
#define NEGATRON_SERVER_SAMPLING_SCORE_RANGE_H_

#include <algorithm>
#include <cmath>
#include <limits>

namespace negatron {

// Scores in [least, most].
struct ScoreRange {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();

  bool Contains(float score) const { return score >= least && score <= most; }
};

// What the bounds, a NearestSource or ScoreBounds, admit. `positive` is the score of the row's
// positive, if they have a margin.
template <typename Bounds>
ScoreRange RangeOf(const Bounds& bounds, double positive) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ScoreRange range{bounds.min_score.value_or(-kInfinity), bounds.max_score.value_or(kInfinity)};
  if (bounds.margin.has_value()) range.most = std::min(range.most, positive - *bounds.margin);
  if (bounds.relative_margin.has_value()) {
    range.most = std::min(range.most, positive - *bounds.relative_margin * std::abs(positive));
  }
  return range;
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SCORE_RANGE_H_
