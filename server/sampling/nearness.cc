// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/nearness.h"

#include <algorithm>
#include <cmath>

namespace negatron {

Nearness::Nearness(const MinDistance& min_distance, const SourceContext& context)
    : min_distance_(min_distance),
      context_(context),
      items_(NearestAnchor::kPositive, "", context),
      scorer_(*context.vectors),
      dimension_(static_cast<size_t>(context.vectors->dimension())),
      metric_(context.vectors->settings().metric),
      item_(dimension_) {}

double Nearness::NormOf(std::span<const float> vector) const {
  double sum = 0;
  for (const float value : vector) sum += double{value} * double{value};
  return std::sqrt(sum);
}

void Nearness::Add(Ordinal positive) {
  if (positive == kNoOrdinal || !items_.HasVector(positive)) return;
  const size_t first = positives_.size();
  positives_.resize(first + dimension_);
  const std::span<float> vector = std::span(positives_).subspan(first);
  context_.vectors->Read(positive, vector);
  if (metric_ == Metric::kInnerProduct) {
    const double norm = NormOf(vector);
    if (norm == 0) return positives_.resize(first);
    for (float& value : vector) value = static_cast<float>(value / norm);
  }
  owners_.push_back(positive);
}

// The newest first, ties in the order of first write.
std::vector<Ordinal> Nearness::NewestChosen(const Row& row) const {
  std::vector<UserPositive> chosen;
  const UserHistory& history = context_.pool->history(row.user);
  for (uint32_t i = 0; i < history.size(); ++i) {
    if (history.at(i).time < row.as_of) chosen.push_back(history.at(i));
  }
  const size_t count = std::min<size_t>(min_distance_.history_count, chosen.size());
  std::partial_sort(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(count),
                    chosen.end(), [](const UserPositive& a, const UserPositive& b) {
                      return a.time != b.time ? a.time > b.time : a.item < b.item;
                    });
  std::vector<Ordinal> items;
  for (size_t i = 0; i < count; ++i) items.push_back(chosen[i].item);
  return items;
}

void Nearness::Begin(std::span<const Row> rows) {
  positives_.clear();
  owners_.clear();
  splits_.assign(1, 0);
  for (const Row& row : rows) {
    Add(row.positive);
    if (min_distance_.history_count > 0 && row.user != kNoOrdinal) {
      for (const Ordinal item : NewestChosen(row)) Add(item);
    }
    splits_.push_back(owners_.size());
  }
}

double Nearness::DivisorOf(size_t row, Ordinal item) const {
  if (splits_[row] == splits_[row + 1] || !items_.HasVector(item)) return 0;
  if (metric_ != Metric::kInnerProduct) return 1;
  context_.vectors->Read(item, item_);
  return NormOf(item_);
}

bool Nearness::IsNear(size_t row, Ordinal item) const {
  const double norm = DivisorOf(row, item);
  if (norm == 0) return false;
  const double least = min_distance_.distance;
  for (size_t p = splits_[row]; p < splits_[row + 1]; ++p) {
    const double score = scorer_.Score(&positives_[p * dimension_], item);
    // Under L2, the score is minus the square of the distance.
    const bool near = metric_ == Metric::kL2 ? -score < least * least : 1 - score / norm < least;
    if (near) return true;
  }
  return false;
}

std::optional<Nearness::Neighbour> Nearness::Nearest(size_t row, Ordinal item) const {
  const double norm = DivisorOf(row, item);
  if (norm == 0) return std::nullopt;
  std::optional<Neighbour> nearest;
  for (size_t p = splits_[row]; p < splits_[row + 1]; ++p) {
    const double score = scorer_.Score(&positives_[p * dimension_], item);
    const double distance =
        metric_ == Metric::kL2 ? std::sqrt(std::max(0.0, -score)) : 1 - score / norm;
    if (!nearest.has_value() || distance < nearest->distance) {
      nearest = Neighbour{owners_[p], distance};
    }
  }
  return nearest;
}

}  // namespace negatron
