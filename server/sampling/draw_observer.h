// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_DRAW_OBSERVER_H_
#define NEGATRON_SERVER_SAMPLING_DRAW_OBSERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "server/sampling/policy.h"
#include "server/sampling/source.h"

namespace negatron {

// Of the draws of a component in an observed row, at most this many are looked at, evenly spaced.
inline constexpr size_t kMaxObservedDraws = 64;

// A row that excludes more items is not counted out for `inverse`: a look for each of them.
inline constexpr size_t kMaxCountedExclusions = 64;

inline constexpr int64_t kNoAge = -1;

// A draw that was looked at.
struct ObservedDraw {
  Ordinal item;
  float score;         // NaN: none.
  int64_t age_micros;  // Of its event at the row's time; kNoAge: it has none.
  double inverse;      // 1 / (q * items that could have been drawn); NaN: not known.
};

// What was seen of a component, or of several.
struct ObservedSource {
  double configured_share = 0;  // Summed over observed rows.
  double effective_share = 0;
  std::vector<ObservedDraw> draws;
  // Pairs of independent draws for one row, whose law is exact: how often they are one item, how
  // often they should be by the probabilities reported, and the sum of squares of the difference.
  int64_t pair_count = 0;
  int64_t collision_count = 0;
  double expected_collisions = 0;
  double squared_differences = 0;

  void Add(const ObservedSource& part);
};

// What was seen of a call.
struct ObservedRows {
  int64_t row_count = 0;
  std::vector<ObservedSource> components;
  ObservedSource fallback;

  // As SampleTotals::Add.
  void Add(const ObservedRows& part, size_t first_component);
};

// Looks at draws of some rows of a call, for statistics. Sees the draws and changes none.
//
// Thread-safety: confined to the thread that serves the call.
class DrawObserver {
 public:
  // All must outlive this. `observed`, which is empty, gets what is seen.
  DrawObserver(const Policy& policy, const PolicyLaws& laws, const SourceContext& context,
               RowChoice choice, ObservedRows* observed);

  // What a block of rows got, from row `first` of the call on. Sources and draws are those of the
  // components, and the fallback's behind them if there is one; `shares` are [rows, components].
  //
  // Errors: CANCELLED, DEADLINE_EXCEEDED.
  absl::Status See(int64_t first, std::span<const Row> rows,
                   std::span<const std::unique_ptr<Source>> sources, std::span<const Draws> draws,
                   std::span<const double> shares);

 private:
  // Fills picked_ with the places of a row's draws.
  void Pick(const Draws& draws, uint32_t r);
  void SeeDraws(const Row& row, const Draws& draws, const PolicyComponent& component,
                double eligible, ObservedSource* seen) const;
  void SeePairs(const Draws& draws, ObservedSource* seen) const;
  // How many items the component can draw for the row; NaN: not known.
  absl::StatusOr<double> CountEligible(const Row& row, uint32_t r, const PolicyComponent& component,
                                       Source& source);
  int64_t AgeOf(const Row& row, SourceKind kind, Ordinal item) const;

  const Policy& policy_;
  const PolicyLaws& laws_;
  const SourceContext& context_;
  const RowChoice choice_;
  ObservedRows& observed_;
  double share_sum_ = 0;
  std::vector<size_t> picked_;
  std::vector<Ordinal> items_;
  std::vector<Candidate> candidates_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_DRAW_OBSERVER_H_
