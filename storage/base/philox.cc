// SPDX-License-Identifier: Apache-2.0
#include "storage/base/philox.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace negatron {

#if defined(__x86_64__)

namespace {
constexpr size_t kAtATime = 8;
}  // namespace

// Two chains of four blocks each, so that one computes while the other waits.
// A word of a counter is the low half of a 64-bit lane, where the multiplier
// looks for it; what the rounds leave in the high half is never read.
__attribute__((target("avx2"))) void Philox::EightAtATime(RandomPurpose purpose,
                                                          std::span<const Place> places,
                                                          std::span<absl::uint128> bits) const {
  using Four = __m256i;
  const Four low_half = _mm256_set1_epi64x(0xFFFFFFFF);
  const Four multiplier0 = _mm256_set1_epi64x(kMultiplier0);
  const Four multiplier1 = _mm256_set1_epi64x(kMultiplier1);
  const uint64_t purpose_bits = uint64_t{static_cast<uint32_t>(purpose) << 24};
  for (size_t first = 0; first + kAtATime <= places.size(); first += kAtATime) {
    Four c[2][4];
    for (size_t half = 0; half < 2; ++half) {
      const Place* const p = &places[first + 4 * half];
      const auto gather = [&](auto word_of) __attribute__((target("avx2"))) {
        return _mm256_set_epi64x(word_of(p[3]), word_of(p[2]), word_of(p[1]), word_of(p[0]));
      };
      c[half][0] = gather([](const Place& place) { return place.row_key; });
      c[half][1] = _mm256_srli_epi64(c[half][0], 32);
      c[half][2] = gather([](const Place& place) { return uint64_t{place.slot}; });
      c[half][3] = gather([&](const Place& place) { return purpose_bits | place.attempt; });
    }
    Key key = key_;
    for (int round = 0; round < kRounds; ++round) {
      const Four key0 = _mm256_set1_epi64x(key[0]);
      const Four key1 = _mm256_set1_epi64x(key[1]);
      for (Four* const w : {c[0], c[1]}) {
        const Four p0 = _mm256_mul_epu32(w[0], multiplier0);
        const Four p1 = _mm256_mul_epu32(w[2], multiplier1);
        w[0] = _mm256_srli_epi64(p1, 32) ^ w[1] ^ key0;
        w[2] = _mm256_srli_epi64(p0, 32) ^ w[3] ^ key1;
        w[1] = p1;
        w[3] = p0;
      }
      key[0] += kWeyl0;
      key[1] += kWeyl1;
    }
    for (size_t half = 0; half < 2; ++half) {
      const Four* const w = c[half];
      const Four low = (w[0] & low_half) | _mm256_slli_epi64(w[1], 32);
      const Four high = (w[2] & low_half) | _mm256_slli_epi64(w[3], 32);
      const Four even = _mm256_unpacklo_epi64(low, high);
      const Four odd = _mm256_unpackhi_epi64(low, high);
      auto* const out = reinterpret_cast<Four*>(&bits[first + 4 * half]);
      _mm256_storeu_si256(out, _mm256_permute2x128_si256(even, odd, 0x20));
      _mm256_storeu_si256(out + 1, _mm256_permute2x128_si256(even, odd, 0x31));
    }
  }
}

#endif

void Philox::BitsAt(RandomPurpose purpose, std::span<const Place> places,
                    std::span<absl::uint128> bits) const {
  size_t done = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    EightAtATime(purpose, places, bits);
    done = places.size() / kAtATime * kAtATime;
  }
#endif
  for (size_t i = done; i < places.size(); ++i) {
    bits[i] = Bits(places[i].row_key, places[i].slot, purpose, places[i].attempt);
  }
}

uint64_t MixHash(uint64_t hash, uint64_t value) {
  uint64_t z = hash * 0x9E3779B97F4A7C15 + value + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace negatron
