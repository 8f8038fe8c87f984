// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SOURCE_ACCOUNT_H_
#define NEGATRON_SERVER_SAMPLING_SOURCE_ACCOUNT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "server/index/scorer.h"
#include "server/sampling/anchored_items.h"
#include "server/sampling/explainer.h"
#include "server/sampling/item_filters.h"
#include "server/sampling/source.h"

namespace negatron {

// One source of a policy, and what it does with items for one row: probabilities are those of the
// source itself, refusals are told filter by filter.
//
// Call order: Begin, then the others.
//
// Thread-safety: confined to the thread that serves the call.
class SourceAccount {
 public:
  // `component`, `context` and `row` must outlive this; `law` is that of the component, `number` as
  // for MakeSource.
  SourceAccount(const PolicyComponent& component, const SourceContext& context, uint32_t number,
                LawKind law, const Row& row);

  // Errors: CANCELLED, DEADLINE_EXCEEDED.
  absl::Status Begin();

  RowStatus status() const { return status_; }
  LawKind law() const { return law_; }

  // What keeps it from an item that is alive and that the row does not exclude: kNone if it is
  // among those that the source chooses from, which is not to say that it can choose it.
  DrawObstacle Refusal(Ordinal item) const;

  // obstacles[i] is what keeps the row or Refusal from items[i]. Where that is nothing, and the
  // source does not choose the item all the same, it becomes kNoWeight or kNotInWindow. q[i] is the
  // probability of the item, 0 behind an obstacle; NaN for law NONE and where the source is empty.
  //
  // Errors: CANCELLED, DEADLINE_EXCEEDED.
  absl::Status Weigh(std::span<const Ordinal> items, std::span<DrawObstacle> obstacles,
                     std::span<double> q);

  // Whether items have scores, and that of one; NaN without a (fresh) embedding.
  bool has_scores() const { return anchor_ != nullptr; }
  float Score(Ordinal item) const;

  // Calls visit(item, score) for all items that have a score.
  //
  // Errors: CANCELLED, DEADLINE_EXCEEDED.
  absl::Status ForEachScore(absl::FunctionRef<void(Ordinal item, float score)> visit) const;

 private:
  bool IsWindow() const;

  const PolicyComponent& component_;
  const SourceContext& context_;
  const LawKind law_;
  const Row& row_;
  const CategoryNumber category_;
  const std::unique_ptr<Source> source_;
  std::optional<CategorySet> categories_;
  std::optional<PlausibleItems> plausible_;
  std::optional<BoundedScores> bounds_;
  std::optional<AnchoredItems> vectors_;  // Of what HasVector is asked.
  std::optional<Scorer> scorer_;          // Unset: nothing has a score.
  RowStatus status_ = RowStatus::kOk;
  bool wants_anchor_ = false;
  const float* anchor_ = nullptr;  // What scores are told against.
  ScoreRange range_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SOURCE_ACCOUNT_H_
