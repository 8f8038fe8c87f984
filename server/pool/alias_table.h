// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_ALIAS_TABLE_H_
#define NEGATRON_SERVER_POOL_ALIAS_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "storage/base/cancellation.h"
#include "storage/base/philox.h"

namespace negatron {

// Draws a position in proportion to its weight by one look at a table of eight
// bytes a position: the alias method (Walker 1977; built as by Vose, "A linear
// algorithm for generating random numbers with a given distribution", IEEE
// Trans. Software Eng. 17(9), 1991).
//
// Thresholds are floats. The rest that a rounded threshold leaves goes to the
// alias exactly, so every position is drawn with its probability to within
// 2^-23 of it, however rare it is.
//
// Cost: O(n) to build; 8 n bytes.
// Thread-safety: immutable.
class AliasTable {
 public:
  // weights[i] >= 0 and finite, with a positive sum; fewer than 2^32. A position of
  // weight 0 is never drawn. The same for the same weights.
  //
  // Errors: CANCELLED, DEADLINE_EXCEEDED.
  static absl::StatusOr<AliasTable> Of(std::span<const double> weights,
                                       const Cancellation& cancellation);

  size_t size() const { return slots_.size(); }

  // A draw has two steps, between which the memory can come: a slot by random bits,
  // and what it stands for, by a fraction in [0, 1) that is independent of them.
  uint32_t SlotAt(uint64_t bits) const {
    const auto slot = static_cast<uint32_t>(BelowBound(bits, slots_.size()));
    __builtin_prefetch(&slots_[slot]);
    return slot;
  }
  uint32_t Resolve(uint32_t slot, double fraction) const {
    const Slot& entry = slots_[slot];
    return fraction < entry.threshold ? slot : entry.alias;
  }

  int64_t bytes() const { return static_cast<int64_t>(slots_.capacity() * sizeof(Slot)); }

 private:
  struct Slot {
    float threshold;  // Part of the slot that is its own position's.
    uint32_t alias;   // Whose the rest is.
  };

  std::vector<Slot> slots_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_ALIAS_TABLE_H_
