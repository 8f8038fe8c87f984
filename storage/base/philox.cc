// SPDX-License-Identifier: Apache-2.0
#include "storage/base/philox.h"

#include <algorithm>

namespace negatron {

Philox::RoundsFunction Philox::ChooseRounds() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    return [](Key key, Lanes<kLanes> * lanes) __attribute__((target("avx2"))) {
      TenRounds(key, lanes);
    };
  }
#endif
  return [](Key key, Lanes<kLanes>* lanes) { TenRounds(key, lanes); };
}

void Philox::BitsAt(RandomPurpose purpose, std::span<const Place> places,
                    std::span<absl::uint128> bits) const {
  static const RoundsFunction ten_rounds = ChooseRounds();
  Lanes<kLanes> lanes{};
  auto& words = lanes.words;
  for (size_t first = 0; first < places.size(); first += kLanes) {
    const size_t count = std::min(kLanes, places.size() - first);
    for (size_t i = 0; i < count; ++i) {
      const Counter counter = CounterOf(purpose, places[first + i]);
      for (size_t w = 0; w < counter.size(); ++w) words[w][i] = counter[w];
    }
    ten_rounds(key_, &lanes);
    for (size_t i = 0; i < count; ++i) {
      bits[first + i] = ToBits({words[0][i], words[1][i], words[2][i], words[3][i]});
    }
  }
}

uint64_t MixHash(uint64_t hash, uint64_t value) {
  uint64_t z = hash * 0x9E3779B97F4A7C15 + value + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace negatron
