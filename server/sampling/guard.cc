// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/guard.h"

namespace negatron {

Guard::Guard(const PolicyComponent& component, const SourceContext& context)
    : empty_(!component.HasFilters() && !context.min_distance.has_value()) {
  if (!component.category_filter.empty()) {
    categories_.emplace(component.category_filter, *context.pool);
  }
  if (component.plausibility.has_value()) {
    plausible_.emplace(*component.plausibility, *context.pool);
  }
  if (component.score_bounds.has_value()) scores_.emplace(*component.score_bounds, context);
  if (context.min_distance.has_value()) nearness_.emplace(*context.min_distance, context);
}

void Guard::Begin(std::span<const Row> rows) {
  rows_ = rows;
  if (scores_.has_value()) scores_->Begin(rows);
  if (nearness_.has_value()) nearness_->Begin(rows);
}

// The cheapest first.
std::optional<RejectCause> Guard::Filtered(size_t row, Ordinal item) const {
  if (categories_.has_value() && !categories_->Admits(item)) return RejectCause::kFiltered;
  if (plausible_.has_value() && !plausible_->Admits(rows_[row].as_of, item)) {
    return RejectCause::kFiltered;
  }
  if (scores_.has_value() && !scores_->Admits(row, item)) return RejectCause::kMargin;
  return std::nullopt;
}

std::optional<RejectCause> Guard::Refusal(size_t row, Ordinal item) const {
  const std::optional<RejectCause> filtered = Filtered(row, item);
  if (filtered.has_value()) return filtered;
  if (IsNear(row, item)) return RejectCause::kUncertain;
  return std::nullopt;
}

}  // namespace negatron
