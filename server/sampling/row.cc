// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/row.h"

#include <algorithm>
#include <bit>

namespace negatron {
namespace {

// Up to here a scan of adjacent ordinals beats a look-up in a table.
constexpr size_t kScanLimit = 32;

}  // namespace

void ExclusionSet::Reset(std::span<const UserPositive> history, Ordinal positive,
                         std::span<const Ordinal> named) {
  items_.clear();
  table_.clear();
  const size_t bound = history.size() + named.size() + 1;
  items_.reserve(bound);
  if (bound > kScanLimit) table_.assign(std::bit_ceil(bound * 2), kNoOrdinal);
  for (const UserPositive& entry : history) {
    items_.push_back(entry.item);
    if (!table_.empty()) Hash(entry.item);
  }
  Add(positive);
  for (const Ordinal item : named) Add(item);
}

void ExclusionSet::Add(Ordinal item) {
  if (item == kNoOrdinal || Contains(item)) return;
  items_.push_back(item);
  if (!table_.empty()) Hash(item);
}

void ExclusionSet::Hash(Ordinal item) {
  size_t slot = Slot(item);
  while (table_[slot] != kNoOrdinal) slot = (slot + 1) & (table_.size() - 1);
  table_[slot] = item;
}

bool ExclusionSet::Contains(Ordinal item) const {
  if (table_.empty()) return std::find(items_.begin(), items_.end(), item) != items_.end();
  size_t slot = Slot(item);
  while (table_[slot] != kNoOrdinal && table_[slot] != item) {
    slot = (slot + 1) & (table_.size() - 1);
  }
  return table_[slot] == item;
}

}  // namespace negatron
