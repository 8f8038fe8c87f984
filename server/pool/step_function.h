// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_STEP_FUNCTION_H_
#define NEGATRON_SERVER_POOL_STEP_FUNCTION_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"

#include "server/pool/time_guide.h"
#include "storage/model/time.h"

namespace negatron {

// A function of time that changes by whole numbers at instants: the sum of all
// deltas at times <= t. Copies share storage.
//
// Cost: Value O(log n), a few looks where the instants are spread evenly. With O(m log m + touched
// leaves) and one pointer a leaf
//   for m deltas.
// Thread-safety: immutable.
class StepFunction {
 public:
  struct Delta {
    Micros time;
    absl::int128 change;
  };

  absl::int128 Value(Micros time) const;
  // Fetches what Value(time) will read.
  void Prefetch(Micros time) const;

  // The function with further deltas, in any order. Deltas that cancel leave
  // no trace.
  StepFunction With(std::vector<Delta> deltas) const;

  bool empty() const { return root_ == nullptr || root_->entries.empty(); }
  int64_t bytes() const;

 private:
  struct Leaf {
    std::vector<Micros> times;       // Not empty.
    std::vector<absl::int128> sums;  // Of this leaf's deltas up to each time.
  };
  struct Entry {
    explicit Entry(std::shared_ptr<const Leaf> of)
        : leaf(std::move(of)),
          times(leaf->times.data()),
          sums(leaf->sums.data()),
          count(static_cast<uint32_t>(leaf->times.size())) {}

    std::shared_ptr<const Leaf> leaf;
    // What the leaf has, a look-up nearer.
    const Micros* times;
    const absl::int128* sums;
    uint32_t count;
    absl::int128 before = 0;  // Sum of all earlier leaves.
  };
  struct Root {
    std::vector<Entry> entries;
    std::vector<Micros> first_times;  // Of the leaves.
    Micros last_time = 0;             // Of the last leaf.
    TimeBuckets buckets;
    std::vector<uint32_t> guide;  // By bucket: the leaves that start before it.
  };
  // Where to look for a time: in a leaf, about at `guess`.
  struct Spot {
    const Entry* entry;  // Null: before all deltas.
    uint32_t guess;
  };

  Spot Find(Micros time) const;
  static void MergeLeaf(const Leaf* leaf, const Delta* begin, const Delta* end,
                        std::vector<Entry>* out);

  std::shared_ptr<const Root> root_;  // Null: no deltas.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_STEP_FUNCTION_H_
