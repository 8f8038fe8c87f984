// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/anchored_items.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace negatron {

AnchoredItems::AnchoredItems(NearestAnchor anchor, const std::string& category,
                             const SourceContext& context)
    : anchor_(anchor),
      any_category_(category.empty()),
      demands_freshness_(context.freshness.IsDemanded()),
      category_(context.pool->categories().Find(category)),
      context_(context) {}

bool AnchoredItems::ReadAnchor(const Row& row, std::span<float> anchor) const {
  switch (anchor_) {
    case NearestAnchor::kQuery:
      if (row.query == nullptr) return false;
      std::copy_n(row.query, anchor.size(), anchor.begin());
      return true;
    case NearestAnchor::kPositive:
      return ReadFresh(*context_.vectors, row.positive, anchor);
    case NearestAnchor::kUser:
      return ReadFresh(*context_.user_vectors, row.user, anchor);
  }
  return false;
}

bool AnchoredItems::ReadFresh(const VectorTable& table, Ordinal owner,
                              std::span<float> vector) const {
  return owner != kNoOrdinal && IsFresh(table, owner) && table.Read(owner, vector);
}

RowStatus AnchoredItems::EmptyStatus(const Row& row, bool has_anchor) const {
  if (context_.pool->LivingCount(row.as_of) == 0) return RowStatus::kNoLivingItem;
  if (!has_anchor) return RowStatus::kNoAnchor;
  LivingItems living;
  if (any_category_ || category_ != kNoCategory) {
    context_.pool->alive(category_).At(row.as_of, &living);
  }
  if (living.count == 0) return RowStatus::kNoCandidate;
  std::vector<Ordinal> excluded;
  row.excluded.AppendTo(&excluded);
  const auto excluded_living = std::count_if(excluded.begin(), excluded.end(),
                                             [&](Ordinal item) { return Lives(row, item); });
  return static_cast<int64_t>(living.count) == excluded_living ? RowStatus::kExhausted
                                                               : RowStatus::kNoCandidate;
}

}  // namespace negatron
