// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_ROW_H_
#define NEGATRON_SERVER_SAMPLING_ROW_H_

#include <cstdint>
#include <span>
#include <vector>

#include "server/pool/pool_view.h"
#include "storage/model/records.h"

namespace negatron {

// The distinct items that a row must not get.
//
// Thread-safety: thread-compatible.
class ExclusionSet {
 public:
  // Replaces the set. The items of `history` are distinct; others may be
  // kNoOrdinal (no such item) or repeat.
  void Reset(std::span<const UserPositive> history, Ordinal positive,
             std::span<const Ordinal> named);

  bool Contains(Ordinal item) const;
  std::span<const Ordinal> items() const { return items_; }

 private:
  void Add(Ordinal item);
  void Hash(Ordinal item);
  size_t Slot(Ordinal item) const {
    return static_cast<size_t>(item * 0x9E3779B1u) & (table_.size() - 1);
  }

  std::vector<Ordinal> items_;
  std::vector<Ordinal> table_;  // Open addressing; empty while few are excluded.
};

// A row of a batch, resolved against a snapshot.
struct Row {
  Micros as_of = 0;
  uint64_t key = 0;  // Row key: the counter of the generator.
  Ordinal positive = kNoOrdinal;
  const float* query = nullptr;  // [dimension], as stored; null if none.
  ExclusionSet excluded;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_ROW_H_
