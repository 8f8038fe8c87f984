// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/distinct.h"

#include <algorithm>

#include "server/sampling/weight_tables.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Of a draw that another component took over.
constexpr uint32_t kMovedSlot = 0xFFFFFFFF;

}  // namespace

bool DistinctRows::Fits(const Taken& taken, Ordinal item) const {
  if (policy_.unique && taken.items.contains(item)) return false;
  if (policy_.category_cap == 0) return true;
  const std::vector<CategoryNumber>& categories = context_.pool->state(item).categories();
  return std::all_of(categories.begin(), categories.end(), [&](CategoryNumber category) {
    const auto found = taken.by_category.find(category);
    return found == taken.by_category.end() || found->second < policy_.category_cap;
  });
}

void DistinctRows::Take(Taken* taken, Ordinal item) const {
  taken->items.insert(item);
  if (policy_.category_cap == 0) return;
  for (const CategoryNumber category : context_.pool->state(item).categories()) {
    ++taken->by_category[category];
  }
}

// Draws from all that fits; leaves kNoOrdinal if nothing does.
absl::Status DistinctRows::Remaining(size_t component, const Taken& taken, Draw* draw) const {
  std::vector<Candidate> candidates;
  NEGATRON_RETURN_IF_ERROR(sources_[component]->Enumerate(draw->row, &candidates));
  std::erase_if(candidates, [&](const Candidate& c) { return !Fits(taken, c.item); });
  draw->item = kNoOrdinal;
  if (candidates.empty()) return absl::OkStatus();
  WeightTable table;
  for (const Candidate& candidate : candidates) table.Add(candidate.item, candidate.weight);
  const absl::uint128 bits =
      context_.random.Bits(rows_[draw->row].key, draw->slot, RandomPurpose::kRemaining,
                           static_cast<uint32_t>(component));
  const Candidate& chosen = candidates[table.Find(UnitDouble(absl::Uint128High64(bits)))];
  draw->item = chosen.item;
  draw->score = chosen.score;
  draw->importance_weight = chosen.importance_weight;
  const RowItem pair{draw->row, chosen.item};
  sources_[component]->Probabilities({&pair, 1}, {&draw->q, 1});
  return absl::OkStatus();
}

absl::Status DistinctRows::Mend(std::vector<std::vector<Draw>>& draws, std::span<Rejects> rejects,
                                std::span<RowStatus> row_statuses) {
  std::vector<Taken> taken(rows_.size());
  for (size_t c = 0; c < draws.size(); ++c) {
    std::vector<Draw*> open;
    for (Draw& draw : draws[c]) open.push_back(&draw);
    while (!open.empty()) {
      NEGATRON_RETURN_IF_ERROR(context_.cancellation->Check());
      std::vector<Draw*> again;
      for (Draw* const draw : open) {
        if (Fits(taken[draw->row], draw->item)) {
          Take(&taken[draw->row], draw->item);
          continue;
        }
        const bool duplicate = taken[draw->row].items.contains(draw->item) && policy_.unique;
        const auto cause = duplicate ? RejectCause::kDuplicate : RejectCause::kFiltered;
        ++rejects[draw->row][static_cast<int>(cause)];
        if (++draw->round < kMaxRounds) {
          again.push_back(draw);
          continue;
        }
        NEGATRON_RETURN_IF_ERROR(Remaining(c, taken[draw->row], draw));
        if (draw->item != kNoOrdinal) Take(&taken[draw->row], draw->item);
      }
      std::vector<Draw> fresh;
      for (const Draw* const draw : again) fresh.push_back(*draw);
      if (!fresh.empty()) NEGATRON_RETURN_IF_ERROR(sources_[c]->Fill(fresh, rejects));
      for (size_t i = 0; i < again.size(); ++i) *again[i] = fresh[i];
      open = std::move(again);
    }
  }
  // What a component could not fill, the others may.
  for (size_t c = 0; c < draws.size(); ++c) {
    std::vector<Draw> kept;
    for (Draw& draw : draws[c]) {
      for (size_t other = 0; draw.item == kNoOrdinal && other < draws.size(); ++other) {
        const bool serves = other != c && sources_[other] != nullptr &&
                            statuses_[other][draw.row] == RowStatus::kOk;
        if (!serves) continue;
        NEGATRON_RETURN_IF_ERROR(Remaining(other, taken[draw.row], &draw));
        if (draw.item == kNoOrdinal) continue;
        Take(&taken[draw.row], draw.item);
        draws[other].push_back(draw);
        draw.slot = kMovedSlot;
      }
      if (draw.slot == kMovedSlot) continue;
      if (draw.item == kNoOrdinal) row_statuses[draw.row] = RowStatus::kShort;
      kept.push_back(draw);
    }
    draws[c] = std::move(kept);
  }
  return absl::OkStatus();
}

}  // namespace negatron
