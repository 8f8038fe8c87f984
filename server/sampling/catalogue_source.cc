// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/catalogue_source.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <utility>

#include "storage/base/status.h"

namespace negatron {
namespace {

// Draw from a table where less than this part of the proposals would be kept:
// that bounds the attempts of a draw, and the rounding of the difference between
// what is alive and what is excluded.
constexpr double kMinEligibleShare = 1.0 / 16;

// What is alive counts for nothing below it, which is less than 2^-1000 of the largest mass:
// parts and differences of subnormal numbers may be 0 where something is left.
constexpr double kLeastMass = std::numeric_limits<double>::min();

// Items looked at between two looks at the clock.
constexpr uint64_t kItemsBetweenChecks = 4096;

// Batches of draws between two looks at the clock.
constexpr size_t kBatchesBetweenChecks = 16;

}  // namespace

CatalogueSource::CatalogueSource(const PolicyComponent& component, const SourceContext& context)
    : context_(context),
      category_(component.category.empty() ? kNoCategory
                                           : context.pool->categories().Find(component.category)),
      guard_(component, context),
      enumerates_(!guard_.empty() && context.law_item_count() <= kMaxEnumeratedItems) {
  no_such_category_ = !component.category.empty() && category_ == kNoCategory;
}

const LivingItems& CatalogueSource::Living(Law* law) const {
  if (!law->has_items) {
    if (!no_such_category_) pool().alive(category_).At(law->time, &law->items);
    law->has_items = true;
  }
  return law->items;
}

bool CatalogueSource::Admits(const Law& law, Ordinal item) const {
  if (no_such_category_) return false;
  const ItemState& state = pool().state(item);
  return state.IsAlive(law.time) && (category_ == kNoCategory || state.Has(category_));
}

absl::Status CatalogueSource::MakeTable(Law* law, uint32_t row, WeightTable* table, bool* refuses) {
  const Exclusions* const excluded = row == kNoRow ? nullptr : &rows_[row].excluded;
  const LivingItems& living = Living(law);
  std::vector<Ordinal> items;
  items.reserve(living.count);
  for (const LivingItems::Part& part : living.parts) {
    for (uint32_t i = 0; i < part.count; ++i) {
      if (excluded == nullptr || !excluded->Contains(part.items[i])) {
        items.push_back(part.items[i]);
      }
    }
  }
  std::sort(items.begin(), items.end());
  std::vector<double> weights(std::min<size_t>(items.size(), kItemsBetweenChecks));
  for (size_t first = 0; first < items.size(); first += kItemsBetweenChecks) {
    NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
    const size_t count = std::min<size_t>(kItemsBetweenChecks, items.size() - first);
    WeighItems(law, std::span<const Ordinal>(items).subspan(first, count), weights);
    for (size_t i = 0; i < count; ++i) {
      if (weights[i] <= 0) continue;
      if (row == kNoRow || guard_.Admits(row, items[first + i])) {
        table->Add(items[first + i], weights[i]);
      } else {
        *refuses = true;
      }
    }
  }
  return absl::OkStatus();
}

// Weighs the items of the batch.
void CatalogueSource::WeighAll(std::span<const Stretch> stretches) {
  for (int look = 0; look < kLooks; ++look) {
    for (const Stretch& stretch : stretches) Look(look, stretch, batch_);
  }
  for (const Stretch& stretch : stretches) {
    if (!stretch.law->table) {
      Weigh(stretch, &batch_);
      continue;
    }
    for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
      batch_.weights[i] = stretch.law->table->WeightOf(batch_.items[i]);
    }
  }
}

void CatalogueSource::WeighItems(Law* law, std::span<const Ordinal> items,
                                 std::span<double> weights) {
  for (size_t first = 0; first < items.size(); first += Batch::kSize) {
    const auto count = static_cast<uint32_t>(std::min<size_t>(Batch::kSize, items.size() - first));
    std::copy_n(items.begin() + first, count, batch_.items.begin());
    const Stretch all{law, 0, count};
    WeighAll({&all, 1});
    std::copy_n(batch_.weights.begin(), count, weights.begin() + first);
  }
}

// The law of a row: the one of the row before, or the next.
absl::Status CatalogueSource::TurnTo(const Row& row, Law** result) {
  if (law_count_ > 0 && SameLaw(*laws_[law_count_ - 1], row)) {
    *result = laws_[law_count_ - 1].get();
    return absl::OkStatus();
  }
  if (law_count_ == laws_.size()) laws_.push_back(std::make_unique<Law>());
  Law* const law = *result = laws_[law_count_++].get();
  law->time = row.as_of;
  law->cohort = CohortOf(row);
  law->proposed = law->living = 0;
  law->has_items = false;
  law->table.reset();
  if (!no_such_category_) NEGATRON_RETURN_IF_ERROR(Turn(law));
  if (!law->table && law->living > 0 && law->living < law->proposed * kMinEligibleShare) {
    WeightTable table;
    NEGATRON_RETURN_IF_ERROR(MakeTable(law, &table));
    law->table = std::move(table);
  }
  if (law->table) law->living = law->proposed = law->table->total();
  return absl::OkStatus();
}

// What of `items` the law admits weighs; leaves only that in `items`.
double CatalogueSource::SumOf(Law* law, std::vector<Ordinal>* items) {
  std::erase_if(*items, [&](Ordinal item) { return !Admits(*law, item); });
  weights_.resize(items->size());
  WeighItems(law, *items, weights_);
  return std::accumulate(weights_.begin(), weights_.end(), 0.0);
}

// What the history of a row weighs, remembered or summed up, always in the same
// order.
double CatalogueSource::HistoryWeight(const Row& row, Law* law) {
  ExcludedMassCache* const cache = context_.excluded_masses;
  const ExcludedMassCache::Key key = HistoryKey(row, *law);
  if (cache != nullptr) {
    if (const std::optional<double> weight = cache->Find(key, row.as_of)) return *weight;
  }
  ExcludedMassCache::Sum sum;
  excluded_.clear();
  row.excluded.AppendHistoryTo(&excluded_, &sum.valid);
  for (const Ordinal item : excluded_) pool().PrefetchState(item);
  for (const Ordinal item : excluded_) {
    const Interval span = pool().state(item).SpanAround(row.as_of);
    sum.valid.from = std::max(sum.valid.from, span.from);
    sum.valid.until = std::min(sum.valid.until, span.until);
  }
  sum.weight = SumOf(law, &excluded_);
  if (cache != nullptr) cache->Store(key, sum);
  return sum.weight;
}

absl::Status CatalogueSource::Begin(std::span<const Row> rows, std::span<RowStatus> statuses) {
  rows_ = rows;
  guard_.Begin(rows);
  states_.clear();
  states_.resize(rows.size());
  has_own_ = false;
  // The last law may be the first again: most calls have one time for all rows.
  if (law_count_ > 0) std::swap(laws_[0], laws_[law_count_ - 1]);
  law_count_ = law_count_ > 0 && SameLaw(*laws_[0], rows[0]) ? 1 : 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (r == 0 || rows[r].as_of != rows[r - 1].as_of) PrefetchTurn(rows[r]);
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    NEGATRON_RETURN_IF_ERROR(TurnTo(rows[r], &states_[r].law));
    if (context_.excluded_masses != nullptr && rows[r].excluded.history_size() > 0) {
      context_.excluded_masses->Prefetch(HistoryKey(rows[r], *states_[r].law));
    }
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    RowState& state = states_[r];
    Law& law = *state.law;
    if (law.living < kLeastMass) {
      statuses[r] =
          pool().LivingCount(law.time) == 0 ? RowStatus::kNoLivingItem : RowStatus::kNoEvent;
      continue;
    }
    if (!guard_.Serves(r)) {
      statuses[r] = RowStatus::kNoAnchor;
      continue;
    }
    statuses[r] = RowStatus::kOk;
    state.eligible = law.living;
    const Exclusions& excluded = rows[r].excluded;
    if (excluded.empty() && !enumerates_) continue;
    state.excludes = !excluded.empty();
    if (!enumerates_ && excluded.history_size() > 0) {
      state.eligible -= HistoryWeight(rows[r], &law);
    }
    if (!enumerates_ && !excluded.extra().empty()) {
      excluded_.assign(excluded.extra().begin(), excluded.extra().end());
      state.eligible -= SumOf(&law, &excluded_);
    }
    if (enumerates_ || state.eligible < law.living * kMinEligibleShare) {
      NEGATRON_RETURN_IF_ERROR(Own(static_cast<uint32_t>(r)));
      DrawFromOwn(static_cast<uint32_t>(r), &statuses[r]);
    }
  }
  return guard_.empty() || enumerates_ ? absl::OkStatus() : Probe(statuses);
}

// Makes all draws of a row that was enumerated come from there.
void CatalogueSource::DrawFromOwn(uint32_t row, RowStatus* status) {
  RowState& state = states_[row];
  state.eligible = state.own->total();
  state.draws_from_own = has_own_ = true;
  if (state.own->empty()) {
    *status = state.refuses ? RowStatus::kNoCandidate : RowStatus::kExhausted;
  }
}

// Draws once for each guarded row, since what is left of a row is not known otherwise. One that
// has to be enumerated then draws from there.
absl::Status CatalogueSource::Probe(std::span<RowStatus> statuses) {
  Draws probes;
  for (uint32_t r = 0; r < rows_.size(); ++r) {
    if (statuses[r] == RowStatus::kOk && states_[r].own == nullptr) probes.Open(r, 0, 1);
  }
  std::vector<Rejects> unreported(rows_.size());
  NEGATRON_RETURN_IF_ERROR(Fill(&probes, unreported));
  for (const uint32_t r : probes.rows) {
    if (states_[r].own != nullptr) DrawFromOwn(r, &statuses[r]);
  }
  return absl::OkStatus();
}

absl::Status CatalogueSource::Own(uint32_t row) {
  RowState& state = states_[row];
  if (state.own != nullptr) return absl::OkStatus();
  Law& law = *state.law;
  auto own = std::make_unique<WeightTable>();
  if (law.table.has_value()) {
    for (size_t i = 0; i < law.table->size(); ++i) {
      const Ordinal item = law.table->item(i);
      if (rows_[row].excluded.Contains(item)) continue;
      if (guard_.Admits(row, item)) {
        own->Add(item, law.table->weight(i));
      } else {
        state.refuses = true;
      }
    }
  } else {
    NEGATRON_RETURN_IF_ERROR(MakeTable(&law, row, own.get(), &state.refuses));
  }
  state.own = std::move(own);
  return absl::OkStatus();
}

void CatalogueSource::FillFromOwn(Draws* draws, size_t i) const {
  const uint32_t row = draws->rows[i];
  const RowState& state = states_[row];
  if (state.own->empty()) return;  // As a probe found.
  const absl::uint128 bits = context_.random.Bits(rows_[row].key, draws->slots[i],
                                                  RandomPurpose::kEnumerated, draws->rounds[i]);
  const size_t found = state.own->Find(UnitDouble(absl::Uint128High64(bits)));
  draws->items[i] = state.own->item(found);
  draws->q[i] = state.own->weight(found) / state.eligible;
}

absl::Status CatalogueSource::Fill(Draws* draws, std::span<Rejects> rejects) {
  for (size_t batch = 0; batch * Batch::kSize < draws->size(); ++batch) {
    if (batch % kBatchesBetweenChecks == 0) {
      NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
    }
    const size_t first = batch * Batch::kSize;
    const auto count = static_cast<uint32_t>(std::min<size_t>(Batch::kSize, draws->size() - first));
    NEGATRON_RETURN_IF_ERROR(FillBatch(draws, first, count, rejects));
  }
  return absl::OkStatus();
}

// Cuts a batch of draws of these rows into stretches of one law.
void CatalogueSource::Stretches(std::span<const uint32_t> rows) {
  stretches_.clear();
  for (uint32_t i = 0; i < rows.size(); ++i) {
    Law* const law = LawOf(rows[i]);
    if (stretches_.empty() || stretches_.back().law != law) stretches_.push_back({law, i, i});
    ++stretches_.back().end;
  }
}

// Fills items and weights of the batch by its random bits.
void CatalogueSource::Propose(std::span<const Stretch> stretches) {
  for (const Stretch& stretch : stretches) {
    if (!stretch.law->table) Aim(stretch, &batch_);
  }
  for (const Stretch& stretch : stretches) {
    if (!stretch.law->table) {
      Resolve(stretch, &batch_);
      continue;
    }
    const WeightTable& table = *stretch.law->table;
    for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
      batch_.items[i] = table.item(table.Find(UnitDouble(batch_.high[i])));
    }
  }
  WeighAll(stretches);
}

absl::Status CatalogueSource::FillBatch(Draws* draws, size_t first, uint32_t count,
                                        std::span<Rejects> rejects) {
  // The draws that are still open; position in `draws`, from `first` on.
  OpenDraws open;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t row = draws->rows[first + i];
    if (has_own_ && states_[row].draws_from_own) {
      FillFromOwn(draws, first + i);
      continue;
    }
    open.Put(open.count++, i, row, draws->slots[first + i], draws->rounds[first + i] * kMaxAttempts,
             rows_[row].key);
  }
  const bool asks = has_accepts() || !guard_.empty();
  for (uint32_t attempt = 0; attempt < kMaxAttempts && open.count > 0; ++attempt) {
    const uint32_t n = open.count;
    context_.random.BitsAt(
        RandomPurpose::kCatalogue,
        {{open.keys.data(), n}, {open.slots.data(), n}, {open.attempts.data(), n}},
        {batch_.high.data(), n}, {batch_.low.data(), n});
    Stretches({open.rows.data(), n});
    Propose(stretches_);
    open.count = 0;
    for (uint32_t i = 0; i < n; ++i) {
      const uint32_t row = open.rows[i];
      const RowState& state = states_[row];
      const Ordinal item = batch_.items[i];
      if (batch_.weights[i] <= 0) [[unlikely]] {
        ++rejects[row][static_cast<int>(RejectCause::kDead)];
      } else if (state.excludes && rows_[row].excluded.Contains(item)) [[unlikely]] {
        const bool uncertain = rows_[row].excluded.IsUncertain(item);
        const auto cause = uncertain ? RejectCause::kUncertain : RejectCause::kExcluded;
        ++rejects[row][static_cast<int>(cause)];
      } else if (!asks || Keeps(open, i, &rejects[row])) {
        pool().items().PrefetchNumber(item);
        draws->items[first + open.places[i]] = item;
        draws->q[first + open.places[i]] = batch_.weights[i] / state.eligible;
        continue;
      }
      open.Put(open.count++, open.places[i], row, open.slots[i], open.attempts[i] + 1,
               open.keys[i]);
    }
  }
  for (uint32_t i = 0; i < open.count; ++i) {
    NEGATRON_RETURN_IF_ERROR(Own(open.rows[i]));
    FillFromOwn(draws, first + open.places[i]);
  }
  return absl::OkStatus();
}

// Whether a proposal that is alive and not excluded is kept.
bool CatalogueSource::Keeps(const OpenDraws& open, uint32_t i, Rejects* rejects) const {
  const Ordinal item = batch_.items[i];
  const Law& law = *states_[open.rows[i]].law;
  // Its weight may be against it.
  if (has_accepts() && !law.table &&
      !Accepts(law, item,
               context_.random.Bits(open.keys[i], open.slots[i], RandomPurpose::kAccept,
                                    open.attempts[i]))) {
    return false;
  }
  if (guard_.empty()) return true;
  const std::optional<RejectCause> refusal = guard_.Refusal(open.rows[i], item);
  if (refusal.has_value()) ++(*rejects)[static_cast<int>(*refusal)];
  return !refusal.has_value();
}

void CatalogueSource::Probabilities(std::span<const RowItem> pairs, std::span<double> q) {
  for (size_t first = 0; first < pairs.size(); first += Batch::kSize) {
    const size_t count = std::min<size_t>(Batch::kSize, pairs.size() - first);
    std::array<uint32_t, Batch::kSize> rows;
    for (size_t i = 0; i < count; ++i) {
      rows[i] = pairs[first + i].row;
      batch_.items[i] = pairs[first + i].item;
    }
    Stretches({rows.data(), count});
    WeighAll(stretches_);
    for (size_t i = 0; i < count; ++i) {
      const bool member = category_ == kNoCategory || pool().state(batch_.items[i]).Has(category_);
      const bool admitted = member && guard_.Admits(rows[i], batch_.items[i]);
      q[first + i] = admitted ? batch_.weights[i] / states_[rows[i]].eligible : 0;
    }
  }
}

double CatalogueSource::PositiveProbability(uint32_t row) {
  if (!guard_.empty() && !enumerates_) return std::numeric_limits<double>::quiet_NaN();
  const Ordinal positive = rows_[row].positive;
  Law& law = *LawOf(row);
  if (positive == kNoOrdinal || !Admits(law, positive) || !guard_.Passes(row, positive)) return 0;
  double weight = 0;
  WeighItems(&law, {&positive, 1}, {&weight, 1});
  return weight / (states_[row].eligible + weight);
}

absl::Status CatalogueSource::Enumerate(uint32_t row, std::vector<Candidate>* candidates) {
  NEGATRON_RETURN_IF_ERROR(Own(row));
  const WeightTable& own = *states_[row].own;
  for (size_t i = 0; i < own.size(); ++i) candidates->push_back({own.item(i), own.weight(i)});
  return absl::OkStatus();
}

}  // namespace negatron
