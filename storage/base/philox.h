// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_PHILOX_H_
#define NEGATRON_STORAGE_BASE_PHILOX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/numeric/int128.h"

namespace negatron {

// What a random number is for. Part of the counter: never renumber, since that
// would change what equal seeds draw.
enum class RandomPurpose : uint32_t {
  kSlots = 1,           // How many of a row's slots each component gets.
  kCatalogue = 2,       // Draws of `uniform` and `popularity`.
  kEnumerated = 3,      // Draws after an exact enumeration.
  kWindow = 4,          // Picks of `nearest` and `dynamic` from a window, and of `adversarial`.
  kAccept = 5,          // Whether a proposal of `uniform` by base weight is kept.
  kUserEvent = 6,       // Draws of `exposure` and `mined`.
  kRemaining = 7,       // Draws among what a row without repetition has left.
  kNoise = 10,          // Noise on the anchor of `nearest`.
  kPool = 11,           // Seeds for the pools of `dynamic`, by component instead of slot.
  kRecallAnchors = 12,  // Anchors that the index is measured with.
};

// Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
// The counter is (row key, slot, purpose and attempt), the key is the seed: so
// what is drawn for a slot depends on nothing else, in particular not on the
// thread or on the other rows of the batch.
//
// Thread-safety: immutable.
class Philox {
 public:
  explicit Philox(uint64_t seed)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)} {}

  using Counter = std::array<uint32_t, 4>;

  // What the bits of draws are taken from, beside the seed and the purpose.
  struct Places {
    std::span<const uint64_t> row_keys;
    std::span<const uint32_t> slots;
    std::span<const uint32_t> attempts;  // Below 2^24.
  };

  // The block of a counter.
  Counter Block(Counter c) const {
    Key key = key_;
    for (int round = 0; round < kRounds; ++round) {
      const uint64_t p0 = uint64_t{kMultiplier0} * c[0];
      const uint64_t p1 = uint64_t{kMultiplier1} * c[2];
      c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(p1),
           static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(p0)};
      key[0] += kWeyl0;
      key[1] += kWeyl1;
    }
    return c;
  }

  // 128 random bits for attempt `attempt` (below 2^24) at slot `slot` of a row.
  absl::uint128 Bits(uint64_t row_key, uint32_t slot, RandomPurpose purpose,
                     uint32_t attempt) const {
    const Counter block =
        Block({static_cast<uint32_t>(row_key), static_cast<uint32_t>(row_key >> 32), slot,
               PurposeBits(purpose) | attempt});
    return absl::MakeUint128((uint64_t{block[3]} << 32) | block[2],
                             (uint64_t{block[1]} << 32) | block[0]);
  }

  // high[i] and low[i]: the halves of what Bits gives at the i-th place. All spans have the same
  // size. Several at a time.
  void BitsAt(RandomPurpose purpose, const Places& places, std::span<uint64_t> high,
              std::span<uint64_t> low) const;

 private:
  using Key = std::array<uint32_t, 2>;

  static constexpr int kRounds = 10;
  static constexpr uint32_t kMultiplier0 = 0xD2511F53;
  static constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
  static constexpr uint32_t kWeyl0 = 0x9E3779B9;
  static constexpr uint32_t kWeyl1 = 0xBB67AE85;

  static uint32_t PurposeBits(RandomPurpose purpose) {
    return static_cast<uint32_t>(purpose) << 24;
  }

#if defined(__x86_64__)
  // BitsAt for as many as make whole batches; returns how many.
  size_t WithAvx2(RandomPurpose purpose, const Places& places, uint64_t* high, uint64_t* low) const;
  size_t WithAvx512(RandomPurpose purpose, const Places& places, uint64_t* high,
                    uint64_t* low) const;
#endif

  Key key_;
};

// A double in [0, 1), a multiple of 2^-53.
inline double UnitDouble(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// A whole number in [0, n), n >= 1: the high word of bits * n. Off from the
// uniform law by less than n / 2^64.
inline uint64_t BelowBound(uint64_t bits, uint64_t n) {
  return absl::Uint128High64(absl::uint128(bits) * n);
}

// Mixes a value into a hash; for row keys, whose values are part of what makes
// a call repeatable. From the finaliser of SplitMix64 (Steele, Lea and Flood,
// "Fast splittable pseudorandom number generators", OOPSLA 2014).
uint64_t MixHash(uint64_t hash, uint64_t value);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_PHILOX_H_
