// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/item_filters.h"

#include <algorithm>

namespace negatron {

CategorySet::CategorySet(const CategoryFilter& filter, const PoolView& pool) : pool_(pool) {
  const auto resolve = [&](const std::vector<std::string>& names) {
    std::vector<CategoryNumber> numbers;
    for (const std::string& name : names) {
      const CategoryNumber number = pool.categories().Find(name);
      if (number != kNoCategory) numbers.push_back(number);
    }
    return numbers;
  };
  any_of_ = resolve(filter.any_of);
  all_of_ = resolve(filter.all_of);
  none_of_ = resolve(filter.none_of);
  none_can_ = (any_of_.empty() && !filter.any_of.empty()) || all_of_.size() < filter.all_of.size();
}

bool CategorySet::Admits(Ordinal item) const {
  if (none_can_) return false;
  const ItemState& state = pool_.state(item);
  const auto has = [&](CategoryNumber category) { return state.Has(category); };
  return (any_of_.empty() || std::any_of(any_of_.begin(), any_of_.end(), has)) &&
         std::all_of(all_of_.begin(), all_of_.end(), has) &&
         std::none_of(none_of_.begin(), none_of_.end(), has);
}

PlausibleItems::PlausibleItems(const Plausibility& plausibility, const PoolView& pool)
    : plausibility_(plausibility),
      pool_(pool),
      half_life_(plausibility.half_life_micros.value_or(pool.settings().half_life_micros)),
      masses_(pool.FindMasses(half_life_)) {}

double PlausibleItems::MassOf(Micros time, Ordinal item) const {
  if (masses_ != nullptr) {
    const Decay& decay = masses_->decay();
    const int32_t segment = decay.Segment(time);
    return masses_->column(item).MassBefore(time, decay, segment) * decay.UnitMass(segment, time);
  }
  const MassColumn& column = pool_.masses().column(item);
  double mass = 0;
  for (uint32_t i = 0, end = column.CountBefore(time); i < end; ++i) {
    const double age = static_cast<double>(time - column.at(i).time);
    mass += column.at(i).weight * DecayOver(age, half_life_);
  }
  return mass * pool_.state(item).base_weight;
}

bool PlausibleItems::Admits(Micros time, Ordinal item) const {
  if (plausibility_.min_positive_count > 0 &&
      pool_.masses().column(item).CountBefore(time) < plausibility_.min_positive_count) {
    return false;
  }
  if (plausibility_.min_exposure_count > 0 &&
      pool_.ExposuresBefore(item, time) < plausibility_.min_exposure_count) {
    return false;
  }
  return plausibility_.min_mass == 0 || MassOf(time, item) >= plausibility_.min_mass;
}

BoundedScores::BoundedScores(const ScoreBounds& bounds, const SourceContext& context)
    : bounds_(bounds),
      items_(bounds.anchor, "", context),
      scorer_(*context.vectors),
      dimension_(static_cast<size_t>(context.vectors->dimension())) {}

void BoundedScores::Begin(std::span<const Row> rows) {
  anchors_.resize(rows.size() * dimension_);
  ranges_.assign(rows.size(), {});
  serves_.assign(rows.size(), 0);
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::span<float> anchor = std::span(anchors_).subspan(r * dimension_, dimension_);
    if (!items_.ReadAnchor(rows[r], anchor)) continue;
    const Ordinal positive = rows[r].positive;
    const bool has_positive = positive != kNoOrdinal && items_.HasVector(positive);
    if (bounds_.HasMargin() && !has_positive) continue;
    ranges_[r] = RangeOf(bounds_, has_positive ? scorer_.Score(anchor.data(), positive) : 0);
    serves_[r] = 1;
  }
}

bool BoundedScores::Admits(size_t row, Ordinal item) const {
  return items_.HasVector(item) && ranges_[row].Contains(scorer_.Score(anchor(row), item));
}

}  // namespace negatron
