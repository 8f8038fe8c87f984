// SPDX-License-Identifier: Apache-2.0
#include "storage/base/philox.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace negatron {

#if defined(__x86_64__)

// In both, a word of a counter is the low half of a 64-bit lane, where the multiplier looks for it;
// what the rounds leave in the high half is never read. Two registers of counters at a time, so
// that one computes while the other waits.

[[gnu::target("avx2")]] size_t Philox::WithAvx2(RandomPurpose purpose, const Places& places,
                                                uint64_t* high, uint64_t* low) const {
  using Lanes = __m256i;
  constexpr size_t kLanes = 4;
  constexpr size_t kBatch = 2 * kLanes;
  const Lanes low_half = _mm256_set1_epi64x(0xFFFFFFFF);
  const Lanes multiplier0 = _mm256_set1_epi64x(kMultiplier0);
  const Lanes multiplier1 = _mm256_set1_epi64x(kMultiplier1);
  const Lanes purpose_bits = _mm256_set1_epi64x(PurposeBits(purpose));
  size_t first = 0;
  for (; first + kBatch <= places.row_keys.size(); first += kBatch) {
    Lanes c[2][4];
    for (size_t half = 0; half < 2; ++half) {
      const size_t at = first + half * kLanes;
      const auto* const keys = reinterpret_cast<const __m256i*>(&places.row_keys[at]);
      const auto* const slots = reinterpret_cast<const __m128i*>(&places.slots[at]);
      const auto* const attempts = reinterpret_cast<const __m128i*>(&places.attempts[at]);
      c[half][0] = _mm256_loadu_si256(keys);
      c[half][1] = _mm256_srli_epi64(c[half][0], 32);
      c[half][2] = _mm256_cvtepu32_epi64(_mm_loadu_si128(slots));
      c[half][3] = _mm256_cvtepu32_epi64(_mm_loadu_si128(attempts)) | purpose_bits;
    }
    Key key = key_;
    for (int round = 0; round < kRounds; ++round) {
      const Lanes key0 = _mm256_set1_epi64x(key[0]);
      const Lanes key1 = _mm256_set1_epi64x(key[1]);
      for (Lanes* const w : {c[0], c[1]}) {
        const Lanes p0 = _mm256_mul_epu32(w[0], multiplier0);
        const Lanes p1 = _mm256_mul_epu32(w[2], multiplier1);
        w[0] = _mm256_srli_epi64(p1, 32) ^ w[1] ^ key0;
        w[2] = _mm256_srli_epi64(p0, 32) ^ w[3] ^ key1;
        w[1] = p1;
        w[3] = p0;
      }
      key[0] += kWeyl0;
      key[1] += kWeyl1;
    }
    for (size_t half = 0; half < 2; ++half) {
      const Lanes* const w = c[half];
      const size_t at = first + half * kLanes;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(low + at),
                          (w[0] & low_half) | _mm256_slli_epi64(w[1], 32));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(high + at),
                          (w[2] & low_half) | _mm256_slli_epi64(w[3], 32));
    }
  }
  return first;
}

// Intrinsics with a mask of all lanes where GCC 12 warns of the plain ones.
[[gnu::target("avx512f")]] size_t Philox::WithAvx512(RandomPurpose purpose, const Places& places,
                                                     uint64_t* high, uint64_t* low) const {
  using Lanes = __m512i;
  constexpr size_t kLanes = 8;
  constexpr size_t kBatch = 2 * kLanes;
  constexpr __mmask8 kAll = 0xFF;
  constexpr int kThreeWayXor = 0x96;  // Truth table.
  const Lanes low_half = _mm512_set1_epi64(0xFFFFFFFF);
  const Lanes multiplier0 = _mm512_set1_epi64(kMultiplier0);
  const Lanes multiplier1 = _mm512_set1_epi64(kMultiplier1);
  const Lanes purpose_bits = _mm512_set1_epi64(PurposeBits(purpose));
  size_t first = 0;
  for (; first + kBatch <= places.row_keys.size(); first += kBatch) {
    Lanes c[2][4];
    for (size_t half = 0; half < 2; ++half) {
      const size_t at = first + half * kLanes;
      const auto* const slots = reinterpret_cast<const __m256i*>(&places.slots[at]);
      const auto* const attempts = reinterpret_cast<const __m256i*>(&places.attempts[at]);
      c[half][0] = _mm512_loadu_si512(&places.row_keys[at]);
      c[half][1] = _mm512_maskz_srli_epi64(kAll, c[half][0], 32);
      c[half][2] = _mm512_maskz_cvtepu32_epi64(kAll, _mm256_loadu_si256(slots));
      c[half][3] = _mm512_maskz_cvtepu32_epi64(kAll, _mm256_loadu_si256(attempts)) | purpose_bits;
    }
    Key key = key_;
    for (int round = 0; round < kRounds; ++round) {
      const Lanes key0 = _mm512_set1_epi64(key[0]);
      const Lanes key1 = _mm512_set1_epi64(key[1]);
      for (Lanes* const w : {c[0], c[1]}) {
        const Lanes p0 = _mm512_maskz_mul_epu32(kAll, w[0], multiplier0);
        const Lanes p1 = _mm512_maskz_mul_epu32(kAll, w[2], multiplier1);
        w[0] = _mm512_ternarylogic_epi64(_mm512_maskz_srli_epi64(kAll, p1, 32), w[1], key0,
                                         kThreeWayXor);
        w[2] = _mm512_ternarylogic_epi64(_mm512_maskz_srli_epi64(kAll, p0, 32), w[3], key1,
                                         kThreeWayXor);
        w[1] = p1;
        w[3] = p0;
      }
      key[0] += kWeyl0;
      key[1] += kWeyl1;
    }
    for (size_t half = 0; half < 2; ++half) {
      const Lanes* const w = c[half];
      const size_t at = first + half * kLanes;
      _mm512_storeu_si512(low + at, (w[0] & low_half) | _mm512_maskz_slli_epi64(kAll, w[1], 32));
      _mm512_storeu_si512(high + at, (w[2] & low_half) | _mm512_maskz_slli_epi64(kAll, w[3], 32));
    }
  }
  return first;
}

#endif

void Philox::BitsAt(RandomPurpose purpose, const Places& places, std::span<uint64_t> high,
                    std::span<uint64_t> low) const {
  size_t done = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    done = WithAvx512(purpose, places, high.data(), low.data());
  } else if (__builtin_cpu_supports("avx2")) {
    done = WithAvx2(purpose, places, high.data(), low.data());
  }
#endif
  for (size_t i = done; i < high.size(); ++i) {
    const absl::uint128 bits =
        Bits(places.row_keys[i], places.slots[i], purpose, places.attempts[i]);
    high[i] = absl::Uint128High64(bits);
    low[i] = absl::Uint128Low64(bits);
  }
}

uint64_t MixHash(uint64_t hash, uint64_t value) {
  uint64_t z = hash * 0x9E3779B97F4A7C15 + value + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace negatron
