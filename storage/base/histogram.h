// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_HISTOGRAM_H_
#define NEGATRON_STORAGE_BASE_HISTOGRAM_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace negatron {

// Bounds of times in seconds: from the fastest call, or disk, to one that stalls.
inline constexpr double kSecondsBounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                            0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                            1,      2.5,     5,      10};

// Counts of values by range, and their sum.
//
// Thread-safety: thread-compatible.
class Histogram {
 public:
  // The ranges end with `bounds`, which ascend and live for ever, each belonging to the range that
  // it ends; one more range holds what is beyond the last.
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}

  void Add(double value) {
    const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    ++counts_[static_cast<size_t>(bound - bounds_.begin())];
    sum_ += value;
  }

  // `other` must have the same bounds.
  void Merge(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    sum_ += other.sum_;
  }

  std::span<const double> bounds() const { return bounds_; }
  std::span<const int64_t> counts() const { return counts_; }  // By range.
  double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<int64_t> counts_;
  double sum_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_HISTOGRAM_H_
