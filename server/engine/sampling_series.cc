// SPDX-License-Identifier: Apache-2.0
#include "server/engine/sampling_series.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "storage/base/philox.h"

namespace negatron {
namespace {

// Of a float: what is left of its exponent and the highest bits of its fraction.
constexpr int kDroppedBits = 20;
constexpr uint32_t kSignMask = 0x7fffffff;
// Of 2^-6, the least magnitude that has a step.
constexpr uint32_t kLeastStep = std::bit_cast<uint32_t>(0x1p-6F) >> kDroppedBits;

template <typename T>
void AddTo(const T& from, T* to) {
  std::transform(from.begin(), from.end(), to->begin(), to->begin(), std::plus<>());
}

}  // namespace

void ScoreHistogram::Add(float score) {
  const uint32_t bits = (std::bit_cast<uint32_t>(score) & kSignMask) >> kDroppedBits;
  int step = 0;  // 0: none; else 1 to kSteps.
  if (bits >= kLeastStep) step = std::min(static_cast<int>(bits - kLeastStep) + 1, kSteps);
  const int bin = kSteps + (std::signbit(score) ? -step : step);
  ++bins_[static_cast<size_t>(bin)];
  ++count_;
  sum_ += static_cast<double>(score);
}

void ScoreHistogram::Merge(const ScoreHistogram& other) {
  AddTo(other.bins_, &bins_);
  count_ += other.count_;
  sum_ += other.sum_;
}

double ScoreHistogram::Quantile(double part) const {
  const auto rank = static_cast<int64_t>(part * static_cast<double>(count_ - 1));
  int64_t passed = 0;
  size_t bin = 0;
  while (bin + 1 < bins_.size() && passed + bins_[bin] <= rank) passed += bins_[bin++];
  return MiddleOf(bin);
}

double ScoreHistogram::MiddleOf(size_t bin) {
  const int step = static_cast<int>(bin) - kSteps;
  if (step == 0) return 0;
  const uint32_t bits = ((kLeastStep + static_cast<uint32_t>(std::abs(step)) - 1) << kDroppedBits) |
                        (uint32_t{1} << (kDroppedBits - 1));
  const auto magnitude = static_cast<double>(std::bit_cast<float>(bits));
  return step < 0 ? -magnitude : magnitude;
}

size_t AgeBin(int64_t age_micros) {
  // The bound of entry b is 4^b seconds.
  const auto seconds = static_cast<uint64_t>((std::max<int64_t>(age_micros, 1) - 1) / 1000000);
  return std::min<size_t>((static_cast<size_t>(std::bit_width(seconds)) + 1) / 2, kAgeBins - 1);
}

double AgeBoundSeconds(size_t bin) { return std::ldexp(1.0, 2 * static_cast<int>(bin)); }

void LawSums::Merge(const LawSums& other) {
  draw_count += other.draw_count;
  inverse_sum += other.inverse_sum;
  inverse_squares += other.inverse_squares;
  pair_count += other.pair_count;
  collision_count += other.collision_count;
  expected_collisions += other.expected_collisions;
  squared_differences += other.squared_differences;
}

std::optional<double> LawSums::MeanInverseError() const {
  if (draw_count < 2) return std::nullopt;
  const auto n = static_cast<double>(draw_count);
  const double variance = (inverse_squares - inverse_sum * inverse_sum / n) / (n - 1);
  return std::sqrt(std::max(variance, 0.0) / n);
}

std::optional<double> LawSums::CollisionZ() const {
  if (expected_collisions < kMinExpectedCollisions) return std::nullopt;
  // An item that is certain collides always, without variance.
  if (squared_differences == 0) return 0;
  return (static_cast<double>(collision_count) - expected_collisions) /
         std::sqrt(squared_differences);
}

void SourceBucket::Add(const ObservedSource& seen) {
  configured_share += seen.configured_share;
  effective_share += seen.effective_share;
  observed_count += static_cast<int64_t>(seen.draws.size());
  for (const ObservedDraw& draw : seen.draws) {
    items.Add(MixHash(0, draw.item));
    if (!std::isnan(draw.score)) scores.Add(draw.score);
    if (draw.age_micros != kNoAge) ++ages[AgeBin(draw.age_micros)];
    if (std::isnan(draw.inverse)) continue;
    ++law.draw_count;
    law.inverse_sum += draw.inverse;
    law.inverse_squares += draw.inverse * draw.inverse;
  }
  law.pair_count += seen.pair_count;
  law.collision_count += seen.collision_count;
  law.expected_collisions += seen.expected_collisions;
  law.squared_differences += seen.squared_differences;
}

void SourceBucket::Merge(const SourceBucket& other) {
  drawn_count += other.drawn_count;
  observed_count += other.observed_count;
  configured_share += other.configured_share;
  effective_share += other.effective_share;
  scores.Merge(other.scores);
  AddTo(other.ages, &ages);
  items.Merge(other.items);
  law.Merge(other.law);
}

void SamplingBucket::Add(const Policy& policy, int64_t rows, const SampleTotals& totals) {
  ++call_count;
  row_count += rows;
  AddTo(totals.rows_by_status, &rows_by_status);
  AddTo(totals.rejects, &rejects_by_cause);
  const ObservedRows& observed = totals.observed;
  observed_row_count += observed.row_count;
  for (size_t c = 0; c < policy.components.size(); ++c) {
    const int64_t drawn = totals.drawn_by_component[c];
    const bool seen = c < observed.components.size() && observed.row_count > 0;
    if (drawn == 0 && !(seen && observed.components[c].configured_share > 0)) continue;
    SourceBucket& source = sources[policy.components[c].kind()];
    source.drawn_count += drawn;
    if (seen) source.Add(observed.components[c]);
  }
  if (policy.fallback.has_value() && totals.drawn_by_fallback > 0) {
    SourceBucket& source = sources[policy.fallback->kind()];
    source.drawn_count += totals.drawn_by_fallback;
    source.Add(observed.fallback);
  }
}

void SamplingBucket::Merge(const SamplingBucket& other) {
  call_count += other.call_count;
  row_count += other.row_count;
  observed_row_count += other.observed_row_count;
  AddTo(other.rows_by_status, &rows_by_status);
  AddTo(other.rejects_by_cause, &rejects_by_cause);
  for (const auto& [kind, source] : other.sources) sources[kind].Merge(source);
}

int64_t SamplingBucket::bytes() const {
  return static_cast<int64_t>(sizeof(SamplingBucket) + sources.size() * sizeof(SourceBucket));
}

}  // namespace negatron
