// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_ADVERSARIAL_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_ADVERSARIAL_SOURCE_H_

#include <optional>
#include <span>
#include <vector>

#include "server/index/softmax_scan.h"
#include "server/sampling/anchored_items.h"
#include "server/sampling/guard.h"
#include "server/sampling/source.h"

namespace negatron {

// Draws from the softmax of score / temperature over all items that are alive,
// admitted, not excluded and have a vector; scans for a block of rows at once.
//
// Memory: for each row, two numbers a block of the table; beside them what one
//   row can draw, once Enumerate was asked for it.
class AdversarialItems final : public Source {
 public:
  // `context.vectors` is not null.
  AdversarialItems(const AdversarialSource& spec, const PolicyComponent& component,
                   const SourceContext& context);

  absl::Status Begin(std::span<const Row> rows, std::span<RowStatus> statuses) override;
  absl::Status Fill(Draws* draws, std::span<Rejects> rejects) override;
  void Probabilities(std::span<const RowItem> pairs, std::span<double> q) override;
  double PositiveProbability(uint32_t row) override;
  // Remembers the last row that it was asked for.
  absl::Status Enumerate(uint32_t row, std::vector<Candidate>* candidates) override;
  std::optional<RowAnchor> AnchorOf(uint32_t row) const override {
    return RowAnchor{states_[row].anchor, {}};
  }

 private:
  struct RowState {
    const float* anchor = nullptr;  // Null: there is none.
    std::vector<Ordinal> excluded;  // Sorted.
    SoftmaxSums sums;
  };

  void SetAnchors();
  // The items of a page that the row can draw.
  uint64_t Accepted(size_t row, size_t page, uint64_t present) const;
  // Draws for places [begin, end), which are of one row.
  absl::Status FillRow(size_t begin, size_t end, Draws* draws);
  double Probability(const RowState& state, Ordinal item, float score) const;

  const AdversarialSource spec_;
  const AnchoredItems items_;
  Guard guard_;
  const SourceContext& context_;
  const Scorer scorer_;
  const SoftmaxScan scan_;
  std::span<const Row> rows_;
  std::vector<float> anchors_;  // [rows, dimension].
  std::vector<RowState> states_;
  uint32_t enumerated_row_;  // Whose `enumerated_` are; none at first.
  std::vector<Candidate> enumerated_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_ADVERSARIAL_SOURCE_H_
