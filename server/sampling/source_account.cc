// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/source_account.h"

#include <algorithm>
#include <array>
#include <limits>

#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Pages between two looks at the clock.
constexpr size_t kPagesBetweenChecks = 64;

}  // namespace

SourceAccount::SourceAccount(const PolicyComponent& component, const SourceContext& context,
                             uint32_t number, LawKind law, const Row& row)
    : component_(component),
      context_(context),
      law_(law),
      row_(row),
      category_(context.pool->categories().Find(component.category)),
      source_(MakeSource(component, context, number)) {
  if (!component.category_filter.empty()) {
    categories_.emplace(component.category_filter, *context.pool);
  }
  if (component.plausibility.has_value()) {
    plausible_.emplace(*component.plausibility, *context.pool);
  }
  if (component.score_bounds.has_value()) bounds_.emplace(*component.score_bounds, context);
}

absl::Status SourceAccount::Begin() {
  NEGATRON_RETURN_IF_ERROR(source_->Begin({&row_, 1}, {&status_, 1}));
  const std::optional<RowAnchor> anchor = source_->AnchorOf(0);
  wants_anchor_ = anchor.has_value() || bounds_.has_value();
  if (!wants_anchor_) return absl::OkStatus();
  vectors_.emplace(NearestAnchor::kQuery, "", context_);
  scorer_.emplace(*context_.vectors);
  const bool has_bounds = !bounds_.has_value() || (bounds_->Begin({&row_, 1}), bounds_->Serves(0));
  if (!has_bounds) return absl::OkStatus();
  if (anchor.has_value()) {
    anchor_ = anchor->vector;
    range_ = anchor->bounds;
  } else {
    anchor_ = bounds_->anchor(0);
  }
  return absl::OkStatus();
}

DrawObstacle SourceAccount::Refusal(Ordinal item) const {
  if (!component_.category.empty() && !context_.pool->state(item).Has(category_)) {
    return DrawObstacle::kCategory;
  }
  if (categories_.has_value() && !categories_->Admits(item)) return DrawObstacle::kCategoryFilter;
  if (plausible_.has_value() && !plausible_->Admits(row_.as_of, item)) {
    return DrawObstacle::kPlausibility;
  }
  if (!wants_anchor_) return DrawObstacle::kNone;
  if (anchor_ == nullptr) return DrawObstacle::kNoAnchor;
  if (!vectors_->HasVector(item)) return DrawObstacle::kNoEmbedding;
  const bool is_within = range_.Contains(scorer_->Score(anchor_, item)) &&
                         (!bounds_.has_value() || bounds_->Admits(0, item));
  return is_within ? DrawObstacle::kNone : DrawObstacle::kScoreBounds;
}

bool SourceAccount::IsWindow() const {
  return component_.kind() == SourceKind::kNearest || component_.kind() == SourceKind::kDynamic;
}

absl::Status SourceAccount::Weigh(std::span<const Ordinal> items, std::span<DrawObstacle> obstacles,
                                  std::span<double> q) {
  const bool has_law = status_ == RowStatus::kOk && law_ != LawKind::kNone;
  std::fill(q.begin(), q.end(), has_law ? 0.0 : kNan);
  std::vector<RowItem> pairs;
  std::vector<size_t> owners;
  for (size_t i = 0; i < items.size(); ++i) {
    if (obstacles[i] != DrawObstacle::kNone) continue;
    pairs.push_back({0, items[i]});
    owners.push_back(i);
  }
  std::vector<double> weights(pairs.size(), 0);
  std::vector<Ordinal> window;
  if (status_ == RowStatus::kOk && !pairs.empty()) {
    source_->Probabilities(pairs, weights);
    if (IsWindow()) {
      std::vector<Candidate> candidates;
      NEGATRON_RETURN_IF_ERROR(source_->Enumerate(0, &candidates));
      for (const Candidate& candidate : candidates) window.push_back(candidate.item);
      std::sort(window.begin(), window.end());
    }
  }
  for (size_t p = 0; p < pairs.size(); ++p) {
    if (has_law) q[owners[p]] = weights[p];
    if (IsWindow()) {
      const bool is_in = std::binary_search(window.begin(), window.end(), pairs[p].item);
      if (!is_in) obstacles[owners[p]] = DrawObstacle::kNotInWindow;
    } else if (!(weights[p] > 0)) {
      obstacles[owners[p]] = DrawObstacle::kNoWeight;
    }
  }
  return absl::OkStatus();
}

float SourceAccount::Score(Ordinal item) const {
  return vectors_->HasVector(item) ? scorer_->Score(anchor_, item) : kNoScore;
}

absl::Status SourceAccount::ForEachScore(
    absl::FunctionRef<void(Ordinal item, float score)> visit) const {
  const VectorTable& table = *context_.vectors;
  std::array<float, VectorTable::kPageItems> scores;
  for (size_t p = 0; p < table.page_count(); ++p) {
    if (p % kPagesBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
    const VectorTable::Page* const page = table.page(p);
    if (page == nullptr || page->present == 0) continue;
    scorer_->ScorePage(anchor_, *page, scores.data());
    for (size_t i = 0; i < VectorTable::kPageItems; ++i) {
      const auto item = static_cast<Ordinal>(p * VectorTable::kPageItems + i);
      if (vectors_->HasVector(item)) visit(item, scores[i]);
    }
  }
  return absl::OkStatus();
}

}  // namespace negatron
