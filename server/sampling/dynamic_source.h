// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_DYNAMIC_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_DYNAMIC_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "server/index/scorer.h"
#include "server/sampling/anchored_items.h"
#include "server/sampling/source.h"
#include "server/sampling/window.h"

namespace negatron {

// Draws a pool of items for each row from another source, scores it against an
// anchor, and picks from it for all slots of the row. Items without a vector, or
// without one as fresh as the call asks, leave the pool.
//
// Cost: for a row, the draws of its pool and a score for each of its items.
class DynamicItems final : public Source {
 public:
  // `context.vectors` is not null. Components of different `number` draw their
  // pools independently of each other.
  DynamicItems(const DynamicSource& spec, const PolicyComponent& component, uint32_t number,
               const SourceContext& context);

  // Draws the pools; what that throws back counts with a row's first Fill.
  absl::Status Begin(std::span<const Row> rows, std::span<RowStatus> statuses) override;
  absl::Status Fill(Draws* draws, std::span<Rejects> rejects) override;
  void Probabilities(std::span<const RowItem> pairs, std::span<double> q) override;
  // The positive is never in the pool that was drawn without it.
  double PositiveProbability(uint32_t) override;
  absl::Status Enumerate(uint32_t row, std::vector<Candidate>* candidates) override;
  std::optional<RowAnchor> AnchorOf(uint32_t row) const override {
    return RowAnchor{has_anchors_[row] != 0 ? AnchorAt(row).data() : nullptr, {}};
  }
  Micros Boundary(uint32_t row) const override { return base_->Boundary(row); }

 private:
  // Reads what the pool is scored against, and, for AHNS, the target; false if
  // there is no such thing.
  bool ReadGoal(const Row& row, std::span<float> anchor, double* target) const;
  std::span<const float> AnchorAt(uint32_t row) const {
    const auto dimension = static_cast<size_t>(context_.vectors->dimension());
    return std::span(anchors_).subspan(row * dimension, dimension);
  }
  Window MakeWindow(std::vector<Ordinal> pool, const float* anchor, double target) const;

  const DynamicSource spec_;
  const AnchoredItems items_;
  const SourceContext& context_;
  const Scorer scorer_;
  const SourceContext pool_context_;  // With random bits of its own.
  const std::unique_ptr<Source> base_;
  std::span<const Row> rows_;
  std::vector<float> anchors_;         // [rows, dimension],
  std::vector<uint8_t> has_anchors_;   // of the rows that have all that their draws need.
  std::vector<Window> windows_;        // By row; empty if it is not served.
  std::vector<Rejects> pool_rejects_;  // By row, until they are reported.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_DYNAMIC_SOURCE_H_
