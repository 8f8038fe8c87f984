// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_NEAREST_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_NEAREST_SOURCE_H_

#include <optional>
#include <span>
#include <vector>

#include "server/index/search.h"
#include "server/sampling/anchored_items.h"
#include "server/sampling/guard.h"
#include "server/sampling/score_range.h"
#include "server/sampling/source.h"
#include "server/sampling/window.h"

namespace negatron {

// Picks from a window of ranks around an anchor; searches a block of rows at
// once. Ranks count only items that are alive, admitted, not excluded or refused,
// and within the bounds on scores.
class NearestCandidates final : public Source {
 public:
  // `context.vectors` is not null.
  NearestCandidates(const NearestSource& spec, const PolicyComponent& component,
                    const SourceContext& context);

  absl::Status Begin(std::span<const Row> rows, std::span<RowStatus> statuses) override;
  absl::Status Fill(Draws* draws, std::span<Rejects> rejects) override;
  void Probabilities(std::span<const RowItem> pairs, std::span<double> q) override;
  // The positive is never in the window that was retrieved without it.
  double PositiveProbability(uint32_t) override;
  absl::Status Enumerate(uint32_t row, std::vector<Candidate>* candidates) override;
  std::optional<RowAnchor> AnchorOf(uint32_t row) const override;

 private:
  struct RowState {
    const float* anchor = nullptr;  // With noise; null: there is none, or no margin to be told.
    std::vector<Hit> hits;
    Window window;  // Made of `hits`; not empty if the row is served.
  };

  void SetAnchors();
  // Scores that are in bounds.
  ScoreRange BoundsOf(const Row& row, const float* anchor) const;
  RowStatus Status(const Row& row, RowState* state) const;
  Window MakeWindow(std::vector<Hit> hits) const;

  const NearestSource spec_;
  const AnchoredItems items_;
  Guard guard_;
  const SourceContext& context_;
  const Scorer scorer_;
  std::span<const Row> rows_;
  std::vector<float> anchors_;  // [rows, dimension].
  std::vector<RowState> states_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_NEAREST_SOURCE_H_
