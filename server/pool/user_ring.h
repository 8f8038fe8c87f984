// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_USER_RING_H_
#define NEGATRON_SERVER_POOL_USER_RING_H_

#include <cstdint>
#include <span>

#include "server/pool/growing_array.h"
#include "storage/model/records.h"

namespace negatron {

// What a user was shown, or a negative handed back for the user.
struct RingEntry {
  Micros time;
  int64_t commit_sequence;
  uint32_t row;
  Ordinal item;
  float weight;
  float propensity;  // 0: unknown.

  bool ArrivedBefore(const RingEntry& other) const {
    return commit_sequence != other.commit_sequence ? commit_sequence < other.commit_sequence
                                                    : row < other.row;
  }
};

// The newest entries of a user, by arrival, at most `limit` of them.
//
// Thread-safety: thread-compatible; snapshots are immutable (see GrowingArray).
class UserRing {
 public:
  // In order of arrival.
  std::span<const RingEntry> entries() const { return entries_.view().subspan(begin_); }

  // Adds an entry. Returns the one that had to go for it (it may be the same),
  // if one had to.
  struct Evicted {
    bool any = false;
    RingEntry entry{};
  };
  Evicted Add(const RingEntry& entry, uint32_t limit);
  // Takes out the entry of that arrival; false if it is not there.
  bool Remove(int64_t commit_sequence, uint32_t row);

  int64_t bytes() const { return entries_.capacity_bytes(); }

 private:
  GrowingArray<RingEntry> entries_;
  uint32_t begin_ = 0;  // Earlier ones were evicted.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_USER_RING_H_
