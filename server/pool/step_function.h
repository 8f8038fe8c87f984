// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_STEP_FUNCTION_H_
#define NEGATRON_SERVER_POOL_STEP_FUNCTION_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/numeric/int128.h"

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

  bool empty() const { return root_ == nullptr || root_->empty(); }
  int64_t bytes() const;

 private:
  struct Step {
    Micros time;
    absl::int128 sum;  // Of this leaf's deltas up to `time`.
  };
  using Leaf = std::vector<Step>;
  struct Entry {
    std::shared_ptr<const Leaf> leaf;  // Not empty.
    Micros first_time;
    absl::int128 before;  // Sum of all earlier leaves.
  };
  using Root = std::vector<Entry>;

  const Entry* Find(Micros time) const;
  static void MergeLeaf(const Leaf* leaf, const Delta* begin, const Delta* end, Root* out);

  std::shared_ptr<const Root> root_;  // Null: no deltas.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_STEP_FUNCTION_H_
