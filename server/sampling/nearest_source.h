// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_NEAREST_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_NEAREST_SOURCE_H_

#include <span>
#include <utility>
#include <vector>

#include "server/index/search.h"
#include "server/sampling/source.h"

namespace negatron {

// Picks from a window of ranks around an anchor; searches a block of rows at
// once. Ranks count only items that are alive and not excluded.
class NearestCandidates final : public Source {
 public:
  // `context.vectors` is not null.
  NearestCandidates(const NearestSource& spec, const SourceContext& context)
      : spec_(spec), context_(context), search_(*context.vectors) {}

  absl::Status BeginBlock(std::span<const Row> rows) override;
  absl::StatusOr<RowStatus> BeginRow(size_t index) override;
  absl::StatusOr<Draw> NextDraw(uint32_t slot, Rejects* rejects) override;
  double Probability(Ordinal item) override;

 private:
  const float* Anchor(const Row& row) const;
  RowStatus EmptyStatus(const Row& row) const;
  void Softmax();

  const NearestSource spec_;
  const SourceContext& context_;
  const ExactSearch search_;
  std::span<const Row> rows_;
  std::vector<std::vector<Hit>> hits_;  // One list a row of the block.
  const Row* row_ = nullptr;
  std::span<const Hit> window_;    // Of the row; not empty.
  std::vector<double> cumulated_;  // Of a softmax: probabilities, summed up.
  // (item, probability) of the window by item, made when first asked for.
  std::vector<std::pair<Ordinal, double>> by_item_;
  size_t next_top_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_NEAREST_SOURCE_H_
