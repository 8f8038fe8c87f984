// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_SEED_SOURCE_H_
#define NEGATRON_SERVER_RPC_SEED_SOURCE_H_

#include <atomic>
#include <cstdint>

namespace negatron {

// Chooses seeds for calls that bring none: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) from a
// start that the caller draws from a true source of randomness. A seed repeats only after 2^64
// calls.
//
// Thread-safety: thread-safe.
class SeedSource {
 public:
  explicit SeedSource(uint64_t start) : state_(start) {}

  uint64_t Next() {
    uint64_t z = state_.fetch_add(kGamma, std::memory_order_relaxed) + kGamma;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  static constexpr uint64_t kGamma = 0x9E3779B97F4A7C15u;

  std::atomic<uint64_t> state_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_SEED_SOURCE_H_
