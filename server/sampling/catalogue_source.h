// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_CATALOGUE_SOURCE_H_
#define NEGATRON_SERVER_SAMPLING_CATALOGUE_SOURCE_H_

#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "server/sampling/guard.h"
#include "server/sampling/source.h"
#include "server/sampling/weight_tables.h"

namespace negatron {

// A source with a weight for every item at a time: P(item) is its weight over
// the weight of all items that are alive and not excluded.
//
// Draws from a law that also covers the dead and the excluded, and throws those
// back. Where the dead would be most of it, draws from a table of the living,
// made once for a time; where a row excludes most of the living, or after
// kMaxAttempts, from a table of what the row may get: O(living items), exact.
//
// What a guard refuses is thrown back, too, and not left out of the probabilities: they are
// right up to a factor for the row. In a catalogue of at most kMaxEnumeratedItems every
// guarded row has a table, and its probabilities are exact. A row that a draw and its
// attempts find nothing for has one as well, so that it is known to be empty.
class CatalogueSource : public Source {
 public:
  CatalogueSource(const PolicyComponent& component, const SourceContext& context);

  absl::Status Begin(std::span<const Row> rows, std::span<RowStatus> statuses) override;
  absl::Status Fill(Draws* draws, std::span<Rejects> rejects) override;
  void Probabilities(std::span<const RowItem> pairs, std::span<double> q) override;
  double PositiveProbability(uint32_t row) override;
  absl::Status Enumerate(uint32_t row, std::vector<Candidate>* candidates) override;

  static constexpr uint32_t kMaxAttempts = 64;

 protected:
  // The weights at one time, of one cohort where that matters.
  struct Law {
    Micros time = 0;
    uint8_t cohort = 0;
    double proposed = 0;  // Of all items that may be proposed.
    double living = 0;    // Of those that are alive; 0 exactly if there are none.
    Micros boundary = 0;
    Micros newest = 0;                 // Event before the boundary.
    std::optional<WeightTable> table;  // Of the living, if drawn from.
    LivingItems items;                 // Filled when first wanted.
    bool has_items = false;
    uint64_t bound = 0;  // Of `uniform` by base weight: sum of what Accepts compares with.
    const MassIndex* masses = nullptr;  // Of `popularity`: has the masses of items,
    const MassIndex* logs = nullptr;    // and this the log to draw from,
    MassIndex::Parts parts;             // unless there is a table for most of it.
    MassIndex::AsOf as_of;
    bool after_all = false;  // No event of `masses` is at `time` or later.
    // Of all that the weights of items are made of, but the edits of the pool.
    ExcludedMassCache::Key key;
  };

  // Draws that wait for memory together.
  struct Batch {
    static constexpr uint32_t kSize = 256;
    std::array<uint64_t, kSize> high;  // Random bits.
    std::array<uint64_t, kSize> low;
    std::array<Ordinal, kSize> items;
    std::array<double, kSize> weights;
    // Between Aim and Resolve, as the source likes.
    std::array<uint32_t, kSize> slots;
    std::array<EventLog::Spot, kSize> spots;
    std::array<const Ordinal*, kSize> places;
  };

  // The draws of a batch that have no item yet, in columns.
  struct OpenDraws {
    uint32_t count = 0;
    std::array<uint32_t, Batch::kSize> places;
    std::array<uint32_t, Batch::kSize> rows;
    std::array<uint32_t, Batch::kSize> slots;
    std::array<uint32_t, Batch::kSize> attempts;
    std::array<uint64_t, Batch::kSize> keys;

    void Put(uint32_t i, uint32_t place, uint32_t row, uint32_t slot, uint32_t attempt,
             uint64_t key) {
      places[i] = place;
      rows[i] = row;
      slots[i] = slot;
      attempts[i] = attempt;
      keys[i] = key;
    }
  };

  // Entries [begin, end) of a batch, of one law.
  struct Stretch {
    Law* law;
    uint32_t begin;
    uint32_t end;
  };

  const PoolView& pool() const { return *context_.pool; }
  const SourceContext& context() const { return context_; }
  CategoryNumber category() const { return category_; }
  const LivingItems& Living(Law* law) const;
  Micros BoundaryOf(uint32_t row) const { return LawOf(row)->boundary; }
  absl::Status MakeTable(Law* law, WeightTable* table) {
    return MakeTable(law, kNoRow, table, nullptr);
  }

  // Fetches what Turn will read.
  virtual void PrefetchTurn(const Row&) const {}
  // Fills a law for its time and cohort; makes a table where there is no other
  // way to draw.
  virtual absl::Status Turn(Law* law) = 0;
  // Proposes items for a stretch by its random bits: Aim fetches what Resolve reads.
  virtual void Aim(const Stretch& stretch, Batch* batch) const = 0;
  virtual void Resolve(const Stretch& stretch, Batch* batch) const = 0;
  // Fetch, one after the other, what Weigh will read.
  static constexpr int kLooks = 3;
  virtual void Look(int, const Stretch&, const Batch&) const {}
  // Weights of a stretch's items; 0 for those that are not alive, if Resolve may
  // propose such.
  virtual void Weigh(const Stretch& stretch, Batch* batch) const = 0;
  // Whether proposals have to be asked for, and whether one is kept for its weight.
  virtual bool has_accepts() const { return false; }
  virtual bool Accepts(const Law&, Ordinal, const absl::uint128&) const { return true; }
  // Whose events count, where that matters.
  virtual uint8_t CohortOf(const Row& row) const { return row.cohort; }
  // Whether two rows have the same law.
  virtual bool SameLaw(const Law& law, const Row& row) const { return law.time == row.as_of; }

 private:
  struct RowState {
    Law* law = nullptr;
    double eligible = 0;
    bool excludes = false;
    bool draws_from_own = false;       // From the first draw on.
    std::unique_ptr<WeightTable> own;  // What the row may get, once enumerated.
    bool refuses = false;              // The guard kept something out of it.
  };

  static constexpr uint32_t kNoRow = std::numeric_limits<uint32_t>::max();

  Law* LawOf(uint32_t row) const { return states_[row].law; }
  bool Admits(const Law& law, Ordinal item) const;
  void WeighAll(std::span<const Stretch> stretches);
  void WeighItems(Law* law, std::span<const Ordinal> items, std::span<double> weights);
  double SumOf(Law* law, std::vector<Ordinal>* items);
  double HistoryWeight(const Row& row, Law* law);
  ExcludedMassCache::Key HistoryKey(const Row& row, const Law& law) const {
    const auto key = law.key.With(row.user).With(row.excluded.history_size());
    const int64_t horizon = row.excluded.horizon();
    return horizon == 0 ? key : key.With(static_cast<uint64_t>(horizon));
  }
  // A table of the living items; for a row, of those that it may get, and whether its guard
  // refused any other.
  absl::Status MakeTable(Law* law, uint32_t row, WeightTable* table, bool* refuses);
  absl::Status Own(uint32_t row);
  void DrawFromOwn(uint32_t row, RowStatus* status);
  absl::Status Probe(std::span<RowStatus> statuses);
  bool Keeps(const OpenDraws& open, uint32_t i, Rejects* rejects) const;
  void FillFromOwn(Draws* draws, size_t i) const;
  absl::Status TurnTo(const Row& row, Law** law);
  void Propose(std::span<const Stretch> stretches);
  void Stretches(std::span<const uint32_t> rows);
  absl::Status FillBatch(Draws* draws, size_t first, uint32_t count, std::span<Rejects> rejects);

  const SourceContext& context_;
  bool no_such_category_;
  CategoryNumber category_;
  Guard guard_;
  const bool enumerates_;  // Guarded rows, all of them.
  std::span<const Row> rows_;
  std::vector<std::unique_ptr<Law>> laws_;
  size_t law_count_ = 0;
  // Whether any row of the block draws from a table of its own.
  bool has_own_ = false;
  std::vector<RowState> states_;
  std::vector<Ordinal> excluded_;  // Of one row.
  std::vector<double> weights_;
  std::vector<Stretch> stretches_;
  Batch batch_;
};

// Every item weighs 1, or its base weight.
class UniformCatalogue final : public CatalogueSource {
 public:
  UniformCatalogue(const UniformSource& spec, const PolicyComponent& component,
                   const SourceContext& context)
      : CatalogueSource(component, context),
        spec_(spec),
        key_(ExcludedMassCache::Key()
                 .With(static_cast<uint64_t>(SourceKind::kUniform))
                 .With(context.pool->edit_number())
                 .With(spec.by_base_weight)
                 .With(this->category())) {}

 private:
  absl::Status Turn(Law* law) override;
  void Aim(const Stretch& stretch, Batch* batch) const override;
  void Resolve(const Stretch& stretch, Batch* batch) const override;
  void Weigh(const Stretch& stretch, Batch* batch) const override;
  bool Accepts(const Law& law, Ordinal item, const absl::uint128& bits) const override;
  bool has_accepts() const override { return spec_.by_base_weight; }

  const UniformSource spec_;
  const ExcludedMassCache::Key key_;
};

// An item weighs the decayed mass of its events before the time.
class PopularityCatalogue final : public CatalogueSource {
 public:
  PopularityCatalogue(const PopularitySource& spec, const PolicyComponent& component,
                      const SourceContext& context);

  Micros Boundary(uint32_t row) const override;

 private:
  void PrefetchTurn(const Row& row) const override {
    if (logs_ != nullptr) logs_->PrefetchAt(row.as_of, spec_.window_micros);
  }
  absl::Status Turn(Law* law) override;
  void Aim(const Stretch& stretch, Batch* batch) const override;
  void Resolve(const Stretch& stretch, Batch* batch) const override;
  void Look(int look, const Stretch& stretch, const Batch& batch) const override;
  void Weigh(const Stretch& stretch, Batch* batch) const override;
  bool SameLaw(const Law& law, const Row& row) const override {
    return law.time == row.as_of && (!spec_.within_cohort || law.cohort == CohortOf(row));
  }
  uint8_t CohortOf(const Row& row) const override { return spec_.cohort.value_or(row.cohort); }
  const MassIndex& Columns(const Law& law) const;
  double DirectWeight(const Law& law, Ordinal item) const;

  const PopularitySource spec_;
  const int64_t half_life_;
  Decay decay_;
  bool listed_ = false;              // The log of an index gives the draws.
  const MassIndex* logs_ = nullptr;  // That index, if it is the same for all rows.
  ExcludedMassCache::Key key_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_CATALOGUE_SOURCE_H_
