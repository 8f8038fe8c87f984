// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_SPLIT_MIX_H_
#define NEGATRON_TESTS_SUPPORT_SPLIT_MIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace negatron {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the tests' own source of
// numbers, the same on every platform and unrelated to the server's generator.
//
// Thread-safety: thread-compatible.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}

  // A permutation of the 64-bit numbers that looks like a random one.
  static uint64_t Scramble(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }

  uint64_t Bits() { return Scramble(state_ += 0x9E3779B97F4A7C15u); }

  // In [0, 1), a multiple of 2^-53.
  double Unit() { return static_cast<double>(Bits() >> 11) * 0x1p-53; }

  // In [0, bound), bound > 0. The bias, below bound * 2^-64, cannot be seen.
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(Bits() % static_cast<uint64_t>(bound));
  }

  // In [low, high].
  int64_t Between(int64_t low, int64_t high) { return low + Below(high - low + 1); }

  bool Chance(double probability) { return Unit() < probability; }

  // One of `values`, which is not empty.
  template <typename T>
  T Pick(const std::vector<T>& values) {
    return values[static_cast<size_t>(Below(static_cast<int64_t>(values.size())))];
  }

 private:
  uint64_t state_;
};

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_SPLIT_MIX_H_
