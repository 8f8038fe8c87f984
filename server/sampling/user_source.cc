// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/user_source.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "storage/base/status.h"

namespace negatron {

UserEventSource::UserEventSource(bool mined, std::optional<int64_t> half_life, double clip,
                                 const PolicyComponent& component, const SourceContext& context)
    : context_(context),
      mined_(mined),
      half_life_(half_life.value_or(context.pool->settings().half_life_micros)),
      clip_(clip),
      any_category_(component.category.empty()),
      category_(context.pool->categories().Find(component.category)),
      guard_(component, context) {}

UserEventSource::UserEventSource(const ExposureSource& spec, const PolicyComponent& component,
                                 const SourceContext& context)
    : UserEventSource(false, spec.half_life_micros, spec.max_importance_weight, component,
                      context) {}

UserEventSource::UserEventSource(const MinedSource& spec, const PolicyComponent& component,
                                 const SourceContext& context)
    : UserEventSource(true, spec.half_life_micros, 0, component, context) {}

absl::Status UserEventSource::Begin(std::span<const Row> rows, std::span<RowStatus> statuses) {
  rows_ = rows;
  guard_.Begin(rows);
  states_.clear();
  states_.resize(rows.size());
  for (size_t r = 0; r < rows.size(); ++r) {
    NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
    statuses[r] = BeginRow(r, &states_[r]);
  }
  return absl::OkStatus();
}

RowStatus UserEventSource::BeginRow(size_t r, RowState* state) const {
  const Row& row = rows_[r];
  const PoolView& pool = *context_.pool;
  if (row.user == kNoOrdinal) {
    return pool.LivingCount(row.as_of) == 0 ? RowStatus::kNoLivingItem : RowStatus::kNoEvent;
  }
  if (!guard_.Serves(r)) return RowStatus::kNoAnchor;
  const UserEvents& events = pool.user_events(row.user);
  // Relative to the newest entry that can be drawn, so that decay cannot make all vanish.
  Micros newest = kAlways;
  std::vector<const RingEntry*> chosen;
  bool excluded = false;
  for (const RingEntry& entry : (mined_ ? events.mined : events.exposures).entries()) {
    // A trainer hands back negatives for a row and asks with the same time again.
    if (mined_ ? entry.time > row.as_of : entry.time >= row.as_of) continue;
    const ItemState& item = pool.state(entry.item);
    if (!item.IsAlive(row.as_of) || (!any_category_ && !item.Has(category_))) continue;
    if (!guard_.Passes(r, entry.item)) continue;
    if (!IsExcluded(r, entry.item)) newest = std::max(newest, entry.time);
    chosen.push_back(&entry);
  }
  for (const RingEntry* const entry : chosen) {
    const double age = static_cast<double>(newest) - static_cast<double>(entry->time);
    const double weight = entry->weight * DecayOver(age, half_life_);
    if (entry->item == row.positive) state->positive += weight;
    if (IsExcluded(r, entry->item)) {
      excluded = true;
      continue;
    }
    float importance = 1;
    if (clip_ > 0 && entry->propensity > 0) {
      importance = static_cast<float>(std::min(clip_, 1.0 / entry->propensity));
    }
    if (weight > 0) state->entries.push_back({weight, entry->item, importance});
  }
  if (state->entries.empty()) {
    if (excluded) return RowStatus::kExhausted;
    return pool.LivingCount(row.as_of) == 0 ? RowStatus::kNoLivingItem : RowStatus::kNoEvent;
  }
  std::sort(state->entries.begin(), state->entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.item, a.weight, a.importance_weight) <
           std::tie(b.item, b.weight, b.importance_weight);
  });
  double sum = 0;
  double item_sum = 0;
  for (size_t i = 0; i < state->entries.size(); ++i) {
    const Entry& entry = state->entries[i];
    state->cumulated.push_back(sum += entry.weight);
    item_sum += entry.weight;
    const bool last = i + 1 == state->entries.size() || state->entries[i + 1].item != entry.item;
    if (!last) continue;
    state->by_item.Add(entry.item, item_sum);
    item_sum = 0;
  }
  return RowStatus::kOk;
}

absl::Status UserEventSource::Fill(Draws* draws, std::span<Rejects>) {
  draws->importance_weights.resize(draws->size());
  for (size_t d = 0; d < draws->size(); ++d) {
    const uint32_t row = draws->rows[d];
    const RowState& state = states_[row];
    const absl::uint128 bits = context_.random.Bits(rows_[row].key, draws->slots[d],
                                                    RandomPurpose::kUserEvent, draws->rounds[d]);
    const double target = UnitDouble(absl::Uint128High64(bits)) * state.cumulated.back();
    const auto found = std::upper_bound(state.cumulated.begin(), state.cumulated.end(), target);
    const size_t i =
        std::min(static_cast<size_t>(found - state.cumulated.begin()), state.entries.size() - 1);
    draws->items[d] = state.entries[i].item;
    draws->importance_weights[d] = state.entries[i].importance_weight;
    draws->q[d] = state.by_item.WeightOf(draws->items[d]) / state.by_item.total();
  }
  return absl::OkStatus();
}

void UserEventSource::Probabilities(std::span<const RowItem> pairs, std::span<double> q) {
  for (size_t i = 0; i < pairs.size(); ++i) {
    const WeightTable& table = states_[pairs[i].row].by_item;
    q[i] = table.WeightOf(pairs[i].item) / table.total();
  }
}

double UserEventSource::PositiveProbability(uint32_t row) {
  const RowState& state = states_[row];
  // So much newer than the rest that it outweighs what a double can hold.
  if (std::isinf(state.positive)) return 1;
  return state.positive / (state.by_item.total() + state.positive);
}

absl::Status UserEventSource::Enumerate(uint32_t row, std::vector<Candidate>* candidates) {
  for (const Entry& entry : states_[row].entries) {
    candidates->push_back({entry.item, entry.weight, kNoScore, entry.importance_weight});
  }
  return absl::OkStatus();
}

}  // namespace negatron
