// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/catalogue_source.h"

#include <algorithm>

#include "storage/base/status.h"

namespace negatron {
namespace {

// Enumerate where less than this part of the proposals would be kept: that
// bounds the attempts of a draw, and the rounding of the difference between
// what is alive and what is excluded.
constexpr double kMinEligibleShare = 1.0 / 16;

// Items looked at between two looks at the clock.
constexpr Ordinal kItemsBetweenChecks = 4096;

}  // namespace

absl::Status CatalogueSource::BeginBlock(std::span<const Row> rows) {
  rows_ = rows;
  return absl::OkStatus();
}

absl::StatusOr<RowStatus> CatalogueSource::BeginRow(size_t index) {
  row_ = &rows_[index];
  time_ = row_->as_of;
  enumerated_ = false;
  if (begun_ != time_) {
    totals_ = BeginTime();
    all_alive_ = pool().LivingCount(time_) == pool().item_count();
    begun_ = time_;
  }
  if (totals_.living <= 0) return EmptyStatus();
  double excluded = 0;
  for (const Ordinal item : row_->excluded.items()) {
    if (IsAlive(item)) excluded += Weight(item);
  }
  eligible_weight_ = totals_.living - excluded;
  if (eligible_weight_ < totals_.proposed * kMinEligibleShare) {
    NEGATRON_RETURN_IF_ERROR(Enumerate());
    if (eligible_.empty()) return RowStatus::kExhausted;
  }
  return RowStatus::kOk;
}

absl::Status CatalogueSource::Enumerate() {
  eligible_.clear();
  cumulated_.clear();
  double sum = 0;
  for (Ordinal item = 0; item < pool().item_count(); ++item) {
    if (item % kItemsBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
    if (!IsAlive(item) || row_->excluded.Contains(item)) continue;
    const double weight = Weight(item);
    if (weight <= 0) continue;
    eligible_.push_back(item);
    cumulated_.push_back(sum += weight);
  }
  eligible_weight_ = sum;
  enumerated_ = true;
  return absl::OkStatus();
}

Draw CatalogueSource::DrawEnumerated(uint32_t slot) const {
  const absl::uint128 bits = context_.random.Bits(row_->key, slot, RandomPurpose::kEnumerated, 0);
  const double target = UnitDouble(absl::Uint128High64(bits)) * eligible_weight_;
  const auto position = std::upper_bound(cumulated_.begin(), cumulated_.end(), target);
  const size_t i =
      std::min(static_cast<size_t>(position - cumulated_.begin()), eligible_.size() - 1);
  return {eligible_[i], Weight(eligible_[i]) / eligible_weight_, kNoScore};
}

absl::StatusOr<Draw> CatalogueSource::NextDraw(uint32_t slot, Rejects* rejects) {
  if (enumerated_) return DrawEnumerated(slot);
  for (uint32_t attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const Ordinal item =
        Propose(context_.random.Bits(row_->key, slot, RandomPurpose::kCatalogue, attempt));
    if (!IsAlive(item)) {
      ++(*rejects)[static_cast<int>(RejectCause::kDead)];
    } else if (row_->excluded.Contains(item)) {
      ++(*rejects)[static_cast<int>(RejectCause::kExcluded)];
    } else {
      return Draw{item, Weight(item) / eligible_weight_, kNoScore};
    }
  }
  NEGATRON_RETURN_IF_ERROR(Enumerate());
  return DrawEnumerated(slot);
}

CatalogueSource::Totals UniformCatalogue::BeginTime() {
  return {static_cast<double>(pool().item_count()),
          static_cast<double>(pool().LivingCount(time()))};
}

Ordinal UniformCatalogue::Propose(absl::uint128 bits) const {
  return static_cast<Ordinal>(BelowBound(absl::Uint128High64(bits), pool().item_count()));
}

CatalogueSource::Totals PopularityCatalogue::BeginTime() {
  cut_ = pool().log().Before(time());
  if (cut_.leaf < 0) return {};
  return {cut_.mass(), pool().LivingMass(cut_, time())};
}

RowStatus PopularityCatalogue::EmptyStatus() const {
  return pool().LivingCount(time()) == 0 ? RowStatus::kNoLivingItem : RowStatus::kNoEvent;
}

}  // namespace negatron
