// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_CATALOGUE_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_CATALOGUE_SOURCE_H_

#include <optional>
#include <span>
#include <vector>

#include "server/sampling/source.h"

namespace negatron {

// A source with a weight for every item at a time: P(item) is its weight over
// the weight of all items that are alive and not excluded.
//
// Draws from a law that also covers the dead and the excluded, and throws those
// back. Where little would be left, or after kMaxAttempts, enumerates what is
// eligible instead: O(items), exact, once a row.
class CatalogueSource : public Source {
 public:
  explicit CatalogueSource(const SourceContext& context) : context_(context) {}

  absl::Status BeginBlock(std::span<const Row> rows) override;
  absl::StatusOr<RowStatus> BeginRow(size_t index) override;
  absl::StatusOr<Draw> NextDraw(uint32_t slot, Rejects* rejects) override;
  double Probability(Ordinal item) override { return Weight(item) / eligible_weight_; }

  static constexpr uint32_t kMaxAttempts = 64;

 protected:
  // Weights at one time.
  struct Totals {
    double proposed = 0;  // Of all items that Propose may return.
    double living = 0;    // Of those that are alive; 0 exactly if there are none.
  };

  const PoolView& pool() const { return *context_.pool; }
  Micros time() const { return time_; }

  // Turns to time(). Called when it changes.
  virtual Totals BeginTime() = 0;
  // An item in proportion to weight. Only if `proposed` > 0.
  virtual Ordinal Propose(absl::uint128 bits) const = 0;
  // Weight of an item, dead or alive.
  virtual double Weight(Ordinal item) const = 0;
  // Why there is nothing alive.
  virtual RowStatus EmptyStatus() const = 0;

 private:
  bool IsAlive(Ordinal item) const { return all_alive_ || pool().IsAlive(item, time_); }
  absl::Status Enumerate();
  Draw DrawEnumerated(uint32_t slot) const;

  const SourceContext& context_;
  std::span<const Row> rows_;
  const Row* row_ = nullptr;
  std::optional<Micros> begun_;  // Time that totals_ belong to.
  Micros time_ = 0;
  Totals totals_;
  bool all_alive_ = false;  // At time_: spares the look-up of each draw.
  double eligible_weight_ = 0;
  bool enumerated_ = false;
  std::vector<Ordinal> eligible_;  // If enumerated_.
  std::vector<double> cumulated_;  // Weights of eligible_, summed up.
};

// Every item weighs 1.
class UniformCatalogue final : public CatalogueSource {
 public:
  using CatalogueSource::CatalogueSource;

 private:
  Totals BeginTime() override;
  Ordinal Propose(absl::uint128 bits) const override;
  double Weight(Ordinal) const override { return 1; }
  RowStatus EmptyStatus() const override { return RowStatus::kNoLivingItem; }
};

// An item weighs the decayed mass of its events before the time.
class PopularityCatalogue final : public CatalogueSource {
 public:
  using CatalogueSource::CatalogueSource;

 private:
  Totals BeginTime() override;
  Ordinal Propose(absl::uint128 bits) const override { return pool().log().Draw(cut_, bits); }
  double Weight(Ordinal item) const override { return pool().ItemMass(item, cut_, time()); }
  RowStatus EmptyStatus() const override;

  EventLog::Cut cut_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_CATALOGUE_SOURCE_H_
