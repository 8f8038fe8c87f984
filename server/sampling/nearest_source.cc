// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/nearest_source.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "storage/base/status.h"

namespace negatron {

const float* NearestCandidates::Anchor(const Row& row) const {
  if (spec_.anchor == NearestAnchor::kQuery) return row.query;
  return row.positive == kNoOrdinal ? nullptr : context_.vectors->Find(row.positive);
}

absl::Status NearestCandidates::BeginBlock(std::span<const Row> rows) {
  rows_ = rows;
  std::vector<const float*> anchors;
  std::vector<size_t> owners;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (const float* anchor = Anchor(rows[i])) {
      anchors.push_back(anchor);
      owners.push_back(i);
    }
  }
  const auto accept = [&](size_t query, Ordinal item) {
    const Row& row = rows[owners[query]];
    return context_.pool->IsAlive(item, row.as_of) && !row.excluded.Contains(item);
  };
  std::vector<std::vector<Hit>> found;
  NEGATRON_RETURN_IF_ERROR(
      search_.Search(anchors, spec_.rank_end, accept, *context_.cancellation, &found));
  hits_.assign(rows.size(), {});
  for (size_t q = 0; q < owners.size(); ++q) hits_[owners[q]] = std::move(found[q]);
  return absl::OkStatus();
}

RowStatus NearestCandidates::EmptyStatus(const Row& row) const {
  const int64_t living = context_.pool->LivingCount(row.as_of);
  if (living == 0) return RowStatus::kNoLivingItem;
  const std::span<const Ordinal> excluded = row.excluded.items();
  const auto excluded_living = std::count_if(excluded.begin(), excluded.end(), [&](Ordinal item) {
    return context_.pool->IsAlive(item, row.as_of);
  });
  return living == excluded_living ? RowStatus::kExhausted : RowStatus::kNoCandidate;
}

absl::StatusOr<RowStatus> NearestCandidates::BeginRow(size_t index) {
  row_ = &rows_[index];
  by_item_.clear();
  next_top_ = 0;
  if (Anchor(*row_) == nullptr) {
    const bool living = context_.pool->LivingCount(row_->as_of) > 0;
    return living ? RowStatus::kNoAnchor : RowStatus::kNoLivingItem;
  }
  const std::vector<Hit>& hits = hits_[index];
  if (hits.size() <= static_cast<size_t>(spec_.rank_begin)) return EmptyStatus(*row_);
  window_ = std::span<const Hit>(hits).subspan(spec_.rank_begin);
  if (spec_.pick == NearestPick::kSoftmax) Softmax();
  return RowStatus::kOk;
}

void NearestCandidates::Softmax() {
  cumulated_.resize(window_.size());
  double sum = 0;
  for (size_t i = 0; i < window_.size(); ++i) {
    // Relative to the highest score, so that nothing overflows.
    const double difference = double{window_[i].score} - window_[0].score;
    cumulated_[i] = sum += std::exp(difference / spec_.temperature);
  }
  for (double& value : cumulated_) value /= sum;
}

absl::StatusOr<Draw> NearestCandidates::NextDraw(uint32_t slot, Rejects*) {
  if (spec_.pick == NearestPick::kTop) {
    const Hit& hit = window_[next_top_++ % window_.size()];
    return Draw{hit.item, std::numeric_limits<double>::quiet_NaN(), hit.score};
  }
  const absl::uint128 bits = context_.random.Bits(row_->key, slot, RandomPurpose::kWindow, 0);
  const uint64_t high = absl::Uint128High64(bits);
  if (spec_.pick == NearestPick::kUniform) {
    const Hit& hit = window_[BelowBound(high, window_.size())];
    return Draw{hit.item, 1.0 / static_cast<double>(window_.size()), hit.score};
  }
  const auto position = std::upper_bound(cumulated_.begin(), cumulated_.end(), UnitDouble(high));
  const size_t i = std::min(static_cast<size_t>(position - cumulated_.begin()), window_.size() - 1);
  return Draw{window_[i].item, cumulated_[i] - (i == 0 ? 0.0 : cumulated_[i - 1]),
              window_[i].score};
}

double NearestCandidates::Probability(Ordinal item) {
  if (spec_.pick == NearestPick::kTop) return std::numeric_limits<double>::quiet_NaN();
  if (by_item_.empty()) {
    for (size_t i = 0; i < window_.size(); ++i) {
      const double q = spec_.pick == NearestPick::kUniform
                           ? 1.0 / static_cast<double>(window_.size())
                           : cumulated_[i] - (i == 0 ? 0.0 : cumulated_[i - 1]);
      by_item_.emplace_back(window_[i].item, q);
    }
    std::sort(by_item_.begin(), by_item_.end());
  }
  const auto position =
      std::lower_bound(by_item_.begin(), by_item_.end(), std::pair<Ordinal, double>(item, -1.0));
  return position != by_item_.end() && position->first == item ? position->second : 0.0;
}

}  // namespace negatron
