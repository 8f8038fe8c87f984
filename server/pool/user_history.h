// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_USER_HISTORY_H_
#define NEGATRON_SERVER_POOL_USER_HISTORY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "storage/model/records.h"

namespace negatron {

// A user's first positive of an item.
struct UserPositive {
  Ordinal item;
  Micros time;
};

// A user's history: distinct items with the time of their first positive.
// Sorted by item, but for a short tail of the newest arrivals, so that asking
// for an item is a binary search and appending does not move the rest. Copies
// share storage: a copy is a snapshot, as for GrowingArray.
//
// Thread-safety: thread-compatible; snapshots are immutable.
class UserHistory {
 public:
  uint32_t size() const { return size_; }
  UserPositive at(uint32_t i) const { return {items()[i], times()[i]}; }
  // Whether every positive is strictly before `time`.
  bool AllBefore(Micros time) const { return last_time_ < time; }

  // Whether the item is in the history strictly before `time`.
  bool Contains(Ordinal item, Micros time) const {
    if (!Has(item)) return false;
    return last_time_ < time || times()[Find(item)] < time;
  }
  // Whether the item is in the history at all: mostly it is not.
  bool Has(Ordinal item) const;
  // Position of an item; size() if it is not there.
  uint32_t Find(Ordinal item) const;

  // Adds an item that is not there.
  void Append(const UserPositive& positive);
  // Replaces everything; items are distinct, in any order.
  void Reset(std::span<const UserPositive> positives);

  // Fetches what asking for items will read.
  void Prefetch() const {
    constexpr uint32_t kOrdinalsPerLine = 64 / sizeof(Ordinal);
    for (uint32_t i = 0; i < std::min(size_, kPrefetched); i += kOrdinalsPerLine) {
      __builtin_prefetch(items() + i);
    }
  }
  int64_t bytes() const { return int64_t{capacity_} * int64_t{sizeof(Micros) + sizeof(Ordinal)}; }

 private:
  static constexpr uint32_t kPrefetched = 256;  // Longer ones are searched as they are.

  const Ordinal* items() const {
    return reinterpret_cast<const Ordinal*>(block_.get() + capacity_ * sizeof(Micros));
  }
  const Micros* times() const { return reinterpret_cast<const Micros*>(block_.get()); }

  std::shared_ptr<std::byte[]> block_;  // Times, then items.
  uint32_t size_ = 0;
  uint32_t sorted_ = 0;
  uint32_t capacity_ = 0;
  Micros last_time_ = kAlways;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_USER_HISTORY_H_
