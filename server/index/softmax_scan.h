// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_SOFTMAX_SCAN_H_
#define NEGATRON_SERVER_INDEX_SOFTMAX_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "server/index/scorer.h"
#include "storage/base/cancellation.h"
#include "storage/model/records.h"

namespace negatron {

// e^x for x <= 0, the same bits on every machine, which the library does not
// promise; 0 below -708. Relative error below 1e-15.
double ExpOfNegative(double x);

// The softmax of score / temperature over accepted items, as sums over blocks of
// pages. Weights of a block are relative to the highest score of the block, so
// that none overflows and its best has weight 1.
struct SoftmaxSums {
  double total = 0;     // Of exp((score - max_score) / temperature); 0: nothing was accepted.
  float max_score = 0;  // Of all that was accepted.
  // By block.
  std::vector<float> block_max;   // Minus infinity: nothing of it was accepted.
  std::vector<double> cumulated;  // Of `total`, up to and with the block.
};

// A block of pages scored again: what the scan summed, in the same order.
struct SoftmaxBlock {
  std::vector<float> scores;       // By place in the block.
  std::vector<double> cumulated;   // Of weights in the block; places that were not accepted add 0.
  std::vector<uint64_t> accepted;  // By page: bit r, place r.
};

// Scans a whole table for the softmax of its scores.
//
// Cost: O(items * dimension) an anchor for Scan, whose anchors share the passage
//   over memory; a kBlockPages-th part of kPageItems * dimension for Weigh.
// Thread-safety: immutable.
class SoftmaxScan {
 public:
  static constexpr size_t kBlockPages = 8;
  static constexpr size_t kBlockItems = kBlockPages * VectorTable::kPageItems;

  // Which of the items in `present`, bits of a page, take part for query number
  // `query`. Always the same for the same arguments.
  using Accept = absl::FunctionRef<uint64_t(size_t query, size_t page, uint64_t present)>;

  // The table of `scorer` must outlive this; `temperature` is positive, finite.
  SoftmaxScan(const Scorer& scorer, double temperature)
      : scorer_(scorer), temperature_(temperature) {}

  // exp((score - max) / temperature), for score <= max.
  double Weight(float score, float max) const {
    return ExpOfNegative((double{score} - max) / temperature_);
  }

  // Fills sums[q] for anchors[q], each [dimension], as stored. They depend on
  // nothing but the anchor and what is accepted. Fails with CANCELLED or
  // DEADLINE_EXCEEDED.
  absl::Status Scan(std::span<const float* const> anchors, Accept accept,
                    const Cancellation& cancellation, std::vector<SoftmaxSums>* sums) const;

  // Weighs a block for query number `query`, as Scan did.
  absl::Status Weigh(size_t query, const float* anchor, size_t block, Accept accept,
                     const Cancellation& cancellation, SoftmaxBlock* out) const;

  // Probability of an accepted item that has this score.
  double Probability(const SoftmaxSums& sums, Ordinal item, float score) const;

 private:
  // Maximum of the accepted scores; minus infinity if there are none.
  static float Max(const SoftmaxBlock& block);
  // Fills `cumulated` and returns its last.
  double Cumulate(float max, SoftmaxBlock* block) const;

  const Scorer scorer_;
  const double temperature_;
};

// The first place whose cumulated sum is beyond u of the whole, for u in [0, 1):
// one that added to it. `cumulated` is not empty, its last positive.
size_t FindCumulated(std::span<const double> cumulated, double u);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_SOFTMAX_SCAN_H_
