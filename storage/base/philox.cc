// SPDX-License-Identifier: Apache-2.0
#include "storage/base/philox.h"

#include <algorithm>

namespace negatron {
namespace {

// As many as keep the vector units busy while all counters stay in registers.
constexpr size_t kLanes = 8;

struct Counters {
  uint32_t words[4][kLanes];
};

[[gnu::always_inline]] inline void TenRounds(uint32_t k0, uint32_t k1, Counters* counters) {
  auto& c = counters->words;
  for (int round = 0; round < 10; ++round) {
    for (size_t i = 0; i < kLanes; ++i) {
      const uint64_t p0 = uint64_t{0xD2511F53} * c[0][i];
      const uint64_t p1 = uint64_t{0xCD9E8D57} * c[2][i];
      c[0][i] = static_cast<uint32_t>(p1 >> 32) ^ c[1][i] ^ k0;
      c[1][i] = static_cast<uint32_t>(p1);
      c[2][i] = static_cast<uint32_t>(p0 >> 32) ^ c[3][i] ^ k1;
      c[3][i] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
}

void TenRoundsPortable(uint32_t k0, uint32_t k1, Counters* counters) {
  TenRounds(k0, k1, counters);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void TenRoundsAvx2(uint32_t k0, uint32_t k1, Counters* counters) {
  TenRounds(k0, k1, counters);
}
#endif

using TenRoundsFunction = void (*)(uint32_t, uint32_t, Counters*);

TenRoundsFunction Choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return TenRoundsAvx2;
#endif
  return TenRoundsPortable;
}

}  // namespace

void Philox::BitsAt(RandomPurpose purpose, std::span<const Place> places,
                    std::span<absl::uint128> bits) const {
  static const TenRoundsFunction ten_rounds = Choose();
  Counters counters{};
  for (size_t first = 0; first < places.size(); first += kLanes) {
    const size_t count = std::min(kLanes, places.size() - first);
    for (size_t i = 0; i < count; ++i) {
      const Place& place = places[first + i];
      counters.words[0][i] = static_cast<uint32_t>(place.row_key);
      counters.words[1][i] = static_cast<uint32_t>(place.row_key >> 32);
      counters.words[2][i] = place.slot;
      counters.words[3][i] = (static_cast<uint32_t>(purpose) << 24) | place.attempt;
    }
    ten_rounds(key_[0], key_[1], &counters);
    for (size_t i = 0; i < count; ++i) {
      const auto& c = counters.words;
      bits[first + i] = absl::MakeUint128((uint64_t{c[3][i]} << 32) | c[2][i],
                                          (uint64_t{c[1][i]} << 32) | c[0][i]);
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
