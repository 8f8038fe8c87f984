// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/catalogue_source.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "storage/base/status.h"

namespace negatron {
namespace {

// Draw from a table where less than this part of the proposals would be kept:
// that bounds the attempts of a draw, and the rounding of the difference between
// what is alive and what is excluded.
constexpr double kMinEligibleShare = 1.0 / 16;

// Items looked at between two looks at the clock.
constexpr uint64_t kItemsBetweenChecks = 4096;

// Draws that wait for memory together, and draws between two looks at the clock.
constexpr size_t kGroup = 64;
constexpr size_t kDrawsBetweenChecks = 64 * kGroup;

}  // namespace

CatalogueSource::CatalogueSource(const std::string& category, const SourceContext& context)
    : context_(context),
      category_(category.empty() ? kNoCategory : context.pool->categories().Find(category)) {
  no_such_category_ = !category.empty() && category_ == kNoCategory;
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

// A table of the living items that are not excluded.
absl::Status CatalogueSource::MakeTable(Law* law, const Exclusions* excluded, WeightTable* table) {
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
    const std::vector<Law*> laws(count, law);
    Weigh(laws, std::span<const Ordinal>(items).subspan(first, count),
          std::span<double>(weights).first(count));
    for (size_t i = 0; i < count; ++i) {
      if (weights[i] > 0) table->Add(items[first + i], weights[i]);
    }
  }
  return absl::OkStatus();
}

void CatalogueSource::WeighIn(Law* law, std::span<const Ordinal> items, std::span<double> weights) {
  if (law->table.has_value()) {
    for (size_t i = 0; i < items.size(); ++i) weights[i] = law->table->WeightOf(items[i]);
    return;
  }
  const std::vector<Law*> laws(items.size(), law);
  Weigh(laws, items, weights);
}

// The law of a row: the one of the row before, or the next.
absl::StatusOr<CatalogueSource::Law*> CatalogueSource::TurnTo(const Row& row) {
  if (law_count_ > 0 && SameLaw(*laws_[law_count_ - 1], row)) return laws_[law_count_ - 1].get();
  if (law_count_ == laws_.size()) laws_.push_back(std::make_unique<Law>());
  Law* const law = laws_[law_count_++].get();
  law->time = row.as_of;
  law->cohort = row.cohort;
  law->proposed = law->living = 0;
  law->all_alive = law->has_items = false;
  law->table.reset();
  if (!no_such_category_) NEGATRON_RETURN_IF_ERROR(Turn(law));
  if (!law->table && law->living > 0 && law->living < law->proposed * kMinEligibleShare) {
    WeightTable table;
    NEGATRON_RETURN_IF_ERROR(MakeTable(law, nullptr, &table));
    law->table = std::move(table);
  }
  if (law->table) {
    law->living = law->proposed = law->table->total();
    has_tables_ = true;
  }
  return law;
}

// What of `items` the law admits weighs; leaves only that in `items`.
double CatalogueSource::SumOf(Law* law, std::vector<Ordinal>* items) {
  std::erase_if(*items, [&](Ordinal item) { return !Admits(*law, item); });
  weights_.resize(items->size());
  WeighIn(law, *items, weights_);
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
  states_.clear();
  states_.resize(rows.size());
  law_count_ = 0;
  has_tables_ = false;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (r == 0 || rows[r].as_of != rows[r - 1].as_of) PrefetchTurn(rows[r]);
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    NEGATRON_ASSIGN_OR_RETURN(states_[r].law, TurnTo(rows[r]));
    if (context_.excluded_masses != nullptr && rows[r].excluded.history_size() > 0) {
      context_.excluded_masses->Prefetch(HistoryKey(rows[r], *states_[r].law));
    }
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    RowState& state = states_[r];
    Law& law = *state.law;
    if (law.living <= 0) {
      statuses[r] = no_such_category_ ? RowStatus::kNoLivingItem : EmptyStatus(&law);
      continue;
    }
    statuses[r] = RowStatus::kOk;
    state.eligible = law.living;
    const Exclusions& excluded = rows[r].excluded;
    if (excluded.empty()) continue;
    if (excluded.history_size() > 0) state.eligible -= HistoryWeight(rows[r], &law);
    if (!excluded.extra().empty()) {
      excluded_.assign(excluded.extra().begin(), excluded.extra().end());
      state.eligible -= SumOf(&law, &excluded_);
    }
    if (state.eligible < law.living * kMinEligibleShare) {
      NEGATRON_RETURN_IF_ERROR(Own(static_cast<uint32_t>(r)));
      if (state.own->empty()) statuses[r] = RowStatus::kExhausted;
    }
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
      if (!rows_[row].excluded.Contains(item)) own->Add(item, law.table->weight(i));
    }
  } else {
    NEGATRON_RETURN_IF_ERROR(MakeTable(&law, &rows_[row].excluded, own.get()));
  }
  state.eligible = own->total();
  state.own = std::move(own);
  has_tables_ = true;
  return absl::OkStatus();
}

void CatalogueSource::FillFromOwn(Draw* draw) const {
  const RowState& state = states_[draw->row];
  const absl::uint128 bits = context_.random.Bits(rows_[draw->row].key, draw->slot,
                                                  RandomPurpose::kEnumerated, draw->round);
  const size_t i = state.own->Find(UnitDouble(absl::Uint128High64(bits)));
  draw->item = state.own->item(i);
  draw->q = state.own->weight(i) / state.eligible;
}

absl::Status CatalogueSource::Fill(std::span<Draw> draws, std::span<Rejects> rejects) {
  for (size_t first = 0; first < draws.size(); first += kGroup) {
    if (first % kDrawsBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
    const size_t count = std::min(kGroup, draws.size() - first);
    NEGATRON_RETURN_IF_ERROR(FillGroup(draws.subspan(first, count), rejects));
  }
  return absl::OkStatus();
}

absl::Status CatalogueSource::FillGroup(std::span<Draw> draws, std::span<Rejects> rejects) {
  // The draws that are still open, by position; then those that are kept.
  std::array<uint32_t, kGroup> open;
  std::array<uint32_t, kGroup> kept;
  std::array<Philox::Place, kGroup> places;
  std::array<absl::uint128, kGroup> bits;
  std::array<Law*, kGroup> laws;
  std::array<Ordinal, kGroup> items;
  std::array<double, kGroup> weights;
  const bool accepts = has_accepts();
  size_t count = 0;
  size_t kept_count = 0;
  for (uint32_t i = 0; i < draws.size(); ++i) {
    if (has_tables_ && states_[draws[i].row].own != nullptr) {
      FillFromOwn(&draws[i]);
    } else {
      open[count++] = i;
    }
  }
  for (uint32_t attempt = 0; attempt < kMaxAttempts && count > 0; ++attempt) {
    for (size_t i = 0; i < count; ++i) {
      const Draw& draw = draws[open[i]];
      laws[i] = LawOf(draw.row);
      places[i] = {rows_[draw.row].key, draw.slot, draw.round * kMaxAttempts + attempt};
    }
    context_.random.BitsAt(RandomPurpose::kCatalogue, {places.data(), count}, {bits.data(), count});
    for (size_t i = 0; has_tables_ && i < count; ++i) {
      if (!laws[i]->table) continue;
      const WeightTable& table = *laws[i]->table;
      items[i] = table.item(table.Find(UnitDouble(absl::Uint128High64(bits[i]))));
    }
    Propose({laws.data(), count}, {bits.data(), count}, {items.data(), count});
    for (size_t i = 0; i < count; ++i) {
      if (MayBeDead(*laws[i])) pool().PrefetchState(items[i]);
    }
    size_t left = 0;
    for (size_t i = 0; i < count; ++i) {
      const uint32_t at = open[i];
      const Law& law = *laws[i];
      const uint32_t row = draws[at].row;
      if (MayBeDead(law) && !pool().IsAlive(items[i], law.time)) {
        ++rejects[row][static_cast<int>(RejectCause::kDead)];
      } else if (rows_[row].excluded.Contains(items[i])) {
        ++rejects[row][static_cast<int>(RejectCause::kExcluded)];
      } else if (accepts && !law.table &&
                 !Accepts(law, items[i],
                          context_.random.Bits(places[i].row_key, places[i].slot,
                                               RandomPurpose::kAccept, places[i].attempt))) {
        // Its weight was against it.
      } else {
        draws[at].item = items[i];
        kept[kept_count++] = at;
        continue;
      }
      open[left++] = at;
    }
    count = left;
  }
  for (size_t i = 0; i < count; ++i) {
    Draw& draw = draws[open[i]];
    NEGATRON_RETURN_IF_ERROR(Own(draw.row));
    FillFromOwn(&draw);
  }
  for (size_t i = 0; i < kept_count; ++i) {
    const Draw& draw = draws[kept[i]];
    items[i] = draw.item;
    laws[i] = LawOf(draw.row);
  }
  Weigh({laws.data(), kept_count}, {items.data(), kept_count}, {weights.data(), kept_count});
  for (size_t i = 0; i < kept_count; ++i) {
    Draw& draw = draws[kept[i]];
    draw.q = weights[i] / states_[draw.row].eligible;
  }
  return absl::OkStatus();
}

void CatalogueSource::Probabilities(std::span<const RowItem> pairs, std::span<double> q) {
  std::vector<Law*> laws;
  std::vector<Ordinal> items;
  for (const RowItem& pair : pairs) {
    laws.push_back(LawOf(pair.row));
    items.push_back(pair.item);
  }
  Weigh(laws, items, q);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const bool member = category_ == kNoCategory || pool().state(items[i]).Has(category_);
    q[i] = member ? q[i] / states_[pairs[i].row].eligible : 0;
  }
}

double CatalogueSource::PositiveProbability(uint32_t row) {
  const Ordinal positive = rows_[row].positive;
  Law& law = *LawOf(row);
  if (positive == kNoOrdinal || !Admits(law, positive)) return 0;
  double weight = 0;
  WeighIn(&law, {&positive, 1}, {&weight, 1});
  return weight / (states_[row].eligible + weight);
}

absl::Status CatalogueSource::Enumerate(uint32_t row, std::vector<Candidate>* candidates) {
  NEGATRON_RETURN_IF_ERROR(Own(row));
  const WeightTable& own = *states_[row].own;
  for (size_t i = 0; i < own.size(); ++i) candidates->push_back({own.item(i), own.weight(i)});
  return absl::OkStatus();
}

}  // namespace negatron
