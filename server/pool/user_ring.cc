// SPDX-License-Identifier: Apache-2.0
#include "server/pool/user_ring.h"

#include <algorithm>
#include <vector>

namespace negatron {

UserRing::Evicted UserRing::Add(const RingEntry& entry, uint32_t limit) {
  Evicted evicted;
  const std::span<const RingEntry> now = entries();
  const bool full = now.size() >= limit;
  if (now.empty() || now.back().ArrivedBefore(entry)) {
    if (full) {
      evicted = {true, now.front()};
      ++begin_;
    }
    if (begin_ > 0 && entries_.size() == entries_.capacity()) {
      GrowingArray<RingEntry> moved;
      moved.Reserve(2 * limit);
      for (const RingEntry& kept : entries()) moved.Append(kept);
      entries_ = moved;
      begin_ = 0;
    }
    entries_.Append(entry);
    return evicted;
  }
  // A start reads entries by their time, not by arrival.
  std::vector<RingEntry> all(now.begin(), now.end());
  const auto arrived_before = [](const RingEntry& a, const RingEntry& b) {
    return a.ArrivedBefore(b);
  };
  all.insert(std::lower_bound(all.begin(), all.end(), entry, arrived_before), entry);
  if (full) {
    evicted = {true, all.front()};
    all.erase(all.begin());
  }
  entries_ = {};
  begin_ = 0;
  for (const RingEntry& kept : all) entries_.Append(kept);
  return evicted;
}

bool UserRing::Remove(int64_t commit_sequence, uint32_t row) {
  GrowingArray<RingEntry> kept;
  bool found = false;
  for (const RingEntry& entry : entries()) {
    if (entry.commit_sequence == commit_sequence && entry.row == row) {
      found = true;
    } else {
      kept.Append(entry);
    }
  }
  if (!found) return false;
  entries_ = kept;
  begin_ = 0;
  return true;
}

}  // namespace negatron
