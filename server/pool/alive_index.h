// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_ALIVE_INDEX_H_
#define NEGATRON_SERVER_POOL_ALIVE_INDEX_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"

#include "server/pool/growing_array.h"
#include "storage/model/records.h"

namespace negatron {

// The items alive at one instant, as lists whose order depends on nothing but
// the lives of the items.
//
// Thread-safety: thread-compatible; valid while the index that filled it lives.
struct LivingItems {
  struct Part {
    const Ordinal* items;  // In rising order.
    uint32_t count;
    uint64_t weight;      // Sum of AliveIndex::WeightUnits.
    uint32_t max_weight;  // The largest of them.
  };
  std::vector<Part> parts;     // None is empty.
  std::vector<Ordinal> loose;  // What the last part points to, perhaps.
  uint64_t count = 0;          // Of all parts.
  uint64_t weight = 0;
  // By part: the items of it and of those before.
  std::vector<uint32_t> ends;
  // By bucket of 2^guide_shift items: the part that the first is in.
  std::array<uint8_t, 256> guide;
  int guide_shift = 0;

  // Where the i-th item is. Most buckets are within a part.
  const Ordinal* At(uint64_t i) const {
    size_t part = guide[i >> guide_shift];
    while (i >= ends[part]) [[unlikely]]++ part;
    return parts[part].items + (part == 0 ? i : i - ends[part - 1]);
  }
  Ordinal operator[](uint64_t i) const { return *At(i); }
};

// Which items are alive at any time: a segment tree over time (Bentley, 1977).
// A node of the tree has the items that are alive during its whole span and not
// during that of its parent; a leaf also has the at most 64 that are born or
// die within it. So the items alive at t are the lists on the way from the root
// to t's leaf and a few of that leaf, without a look at any other item, however
// few are alive.
//
// Cost: At O(depth + 64), depth below 64; With O(touched lists), appending
//   without copying; about 4 bytes a level of the tree for each start or end.
// Thread-safety: immutable.
class AliveIndex {
 public:
  // A life of an item to add or to take out. An item changes its base weight by
  // being taken out and added.
  struct Change {
    Ordinal item;
    Interval alive;
    uint32_t weight;  // WeightUnits of its base weight.
    bool added;
  };

  // What items look like after the changes.
  using IntervalsOf = absl::FunctionRef<std::vector<Interval>(Ordinal)>;
  using WeightOf = absl::FunctionRef<uint32_t(Ordinal)>;

  // Base weights as whole numbers, so that their sums are exact.
  static uint32_t WeightUnits(float base_weight) {
    return static_cast<uint32_t>(std::lround(static_cast<double>(base_weight) * (1 << 24)));
  }

  // Fills `living`; keeps its storage.
  void At(Micros time, LivingItems* living) const;
  uint64_t CountAt(Micros time) const;

  // The index after some changes, in any order, each of which makes sense.
  AliveIndex With(std::vector<Change> changes, IntervalsOf intervals, WeightOf weight) const;

  int64_t bytes() const;

 private:
  struct Node;
  class Editor;

  std::shared_ptr<const Node> root_;  // Null: no item is ever alive.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_ALIVE_INDEX_H_
