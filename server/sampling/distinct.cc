// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/distinct.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "server/sampling/weight_tables.h"
#include "storage/base/status.h"

namespace negatron {

int DistinctRows::CapOf(CategoryNumber category) const {
  const auto limit = limits_.find(category);
  if (limit == limits_.end()) return policy_.category_cap;
  return policy_.category_cap == 0 ? limit->second : std::min(policy_.category_cap, limit->second);
}

bool DistinctRows::Fits(const Taken& taken, Ordinal item) const {
  if (policy_.unique && taken.items.contains(item)) return false;
  if (!policy_.HasCaps()) return true;
  const std::vector<CategoryNumber>& categories = context_.pool->state(item).categories();
  return std::all_of(categories.begin(), categories.end(), [&](CategoryNumber category) {
    const auto found = taken.by_category.find(category);
    const int cap = CapOf(category);
    return cap == 0 || found == taken.by_category.end() || found->second < cap;
  });
}

void DistinctRows::Take(Taken* taken, Ordinal item) const {
  taken->items.insert(item);
  if (!policy_.HasCaps()) return;
  for (const CategoryNumber category : context_.pool->state(item).categories()) {
    ++taken->by_category[category];
  }
}

// Draws from all that fits; leaves kNoOrdinal if nothing does.
absl::Status DistinctRows::Remaining(size_t component, const Taken& taken, Draws* draws,
                                     size_t i) const {
  const uint32_t row = draws->rows[i];
  std::vector<Candidate> candidates;
  NEGATRON_RETURN_IF_ERROR(sources_[component]->Enumerate(row, &candidates));
  std::erase_if(candidates, [&](const Candidate& c) { return !Fits(taken, c.item); });
  draws->items[i] = kNoOrdinal;
  if (candidates.empty()) return absl::OkStatus();
  WeightTable table;
  for (const Candidate& candidate : candidates) table.Add(candidate.item, candidate.weight);
  const absl::uint128 bits = context_.random.Bits(
      rows_[row].key, draws->slots[i], RandomPurpose::kRemaining, static_cast<uint32_t>(component));
  // The weights of a cold softmax may all vanish: then the best outweighs the rest. What is
  // picked in order has none.
  const auto chosen_at =
      table.total() > 0
          ? candidates.begin() +
                static_cast<std::ptrdiff_t>(table.Find(UnitDouble(absl::Uint128High64(bits))))
          : std::max_element(
                candidates.begin(), candidates.end(),
                [](const Candidate& a, const Candidate& b) { return a.preference < b.preference; });
  const Candidate& chosen = *chosen_at;
  draws->items[i] = chosen.item;
  if (!draws->scores.empty()) draws->scores[i] = chosen.score;
  if (!draws->importance_weights.empty()) {
    draws->importance_weights[i] = chosen.importance_weight;
  }
  const RowItem pair{row, chosen.item};
  sources_[component]->Probabilities({&pair, 1}, {&draws->q[i], 1});
  return absl::OkStatus();
}

absl::Status DistinctRows::Mend(std::vector<Draws>& draws, std::span<Rejects> rejects,
                                std::span<RowStatus> row_statuses) {
  std::vector<Taken> taken(rows_.size());
  for (size_t c = 0; c < draws.size(); ++c) {
    Draws& all = draws[c];
    std::vector<size_t> open(all.size());
    std::iota(open.begin(), open.end(), size_t{0});
    while (!open.empty()) {
      NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
      std::vector<size_t> again;
      for (const size_t i : open) {
        const uint32_t row = all.rows[i];
        if (Fits(taken[row], all.items[i])) {
          Take(&taken[row], all.items[i]);
          continue;
        }
        ++rejects[row][static_cast<int>(RejectCause::kDuplicate)];
        if (++all.rounds[i] < kMaxRounds) {
          again.push_back(i);
          continue;
        }
        NEGATRON_RETURN_IF_ERROR(Remaining(c, taken[row], &all, i));
        if (all.items[i] != kNoOrdinal) Take(&taken[row], all.items[i]);
      }
      Draws fresh;
      for (const size_t i : again) fresh.Append(all, i);
      if (!fresh.empty()) NEGATRON_RETURN_IF_ERROR(sources_[c]->Fill(&fresh, rejects));
      for (size_t i = 0; i < again.size(); ++i) all.Replace(again[i], fresh, i);
      open = std::move(again);
    }
  }
  // What a component could not fill, the others may.
  for (size_t c = 0; c < draws.size(); ++c) {
    Draws kept;
    for (size_t i = 0; i < draws[c].size(); ++i) {
      Draws one;
      one.Append(draws[c], i);
      const uint32_t row = one.rows[0];
      size_t filler = c;
      for (size_t other = 0; one.items[0] == kNoOrdinal && other < draws.size(); ++other) {
        const bool serves =
            other != c && sources_[other] != nullptr && statuses_[other][row] == RowStatus::kOk;
        if (!serves) continue;
        one.scores.assign(1, kNoScore);
        one.importance_weights.assign(1, 1.0f);
        NEGATRON_RETURN_IF_ERROR(Remaining(other, taken[row], &one, 0));
        if (one.items[0] != kNoOrdinal) filler = other;
      }
      if (one.items[0] == kNoOrdinal) {
        row_statuses[row] = RowStatus::kShort;
      } else if (filler != c) {
        Take(&taken[row], one.items[0]);
      }
      (filler == c ? kept : draws[filler]).Append(one, 0);
    }
    draws[c] = std::move(kept);
  }
  return absl::OkStatus();
}

}  // namespace negatron
