// SPDX-License-Identifier: Apache-2.0
#include "storage/base/philox.h"

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/numeric/int128.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

using Block = std::array<uint32_t, 4>;

// Known-answer vectors of the Random123 distribution, philox4x32-10.
TEST(PhiloxTest, MatchesTheVectorsOfRandom123) {
  EXPECT_EQ(Philox(0).Block({0, 0, 0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(Philox(0xFFFFFFFFFFFFFFFF).Block({kOnes, kOnes, kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox(0x299f31d0a4093822).Block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, BitsPutTheRowKeySlotPurposeAndAttemptIntoTheCounter) {
  const Philox philox(99);
  const Block block = philox.Block({0x55667788, 0x11223344, 0xAABBCCDD, 0x03000007});
  const absl::uint128 bits =
      philox.Bits(0x1122334455667788, 0xAABBCCDD, RandomPurpose::kEnumerated, 7);
  EXPECT_EQ(absl::Uint128Low64(bits), (uint64_t{block[1]} << 32) | block[0]);
  EXPECT_EQ(absl::Uint128High64(bits), (uint64_t{block[3]} << 32) | block[2]);
}

TEST(PhiloxTest, SeveralAtATimeAreTheSameBits) {
  const Philox philox(0x1234567890ABCDEF);
  for (const size_t count : {0, 1, 7, 8, 9, 15, 16, 17, 64, 67}) {
    std::vector<uint64_t> keys;
    std::vector<uint32_t> slots, attempts;
    for (uint32_t i = 0; i < count; ++i) {
      keys.push_back(MixHash(count, i));
      slots.push_back(i * 0x10001u);
      attempts.push_back((i * 0x54321u) & 0xFFFFFF);
    }
    std::vector<uint64_t> high(count), low(count);
    philox.BitsAt(RandomPurpose::kAccept, {keys, slots, attempts}, high, low);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(absl::MakeUint128(high[i], low[i]),
                philox.Bits(keys[i], slots[i], RandomPurpose::kAccept, attempts[i]))
          << i << " of " << count;
    }
  }
}

TEST(UnitDoubleTest, CoversZeroToJustBelowOne) {
  EXPECT_EQ(UnitDouble(0), 0.0);
  EXPECT_EQ(UnitDouble(0x7FF), 0.0);
  EXPECT_EQ(UnitDouble(0x800), 0x1p-53);
  EXPECT_EQ(UnitDouble(uint64_t{1} << 63), 0.5);
  EXPECT_EQ(UnitDouble(std::numeric_limits<uint64_t>::max()), 1.0 - 0x1p-53);
}

TEST(BelowBoundTest, SplitsTheRangeEvenly) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  for (const uint64_t n : {uint64_t{1}, uint64_t{3}, uint64_t{20000000}, kMax}) {
    EXPECT_EQ(BelowBound(0, n), 0u);
    EXPECT_EQ(BelowBound(kMax, n), n - 1);
  }
  // The first bits of each quarter.
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(BelowBound(i << 62, 4), i);
    if (i > 0) {
      EXPECT_EQ(BelowBound((i << 62) - 1, 4), i - 1);
    }
  }
}

TEST(MixHashTest, StepsAsSplitMix64Does) {
  // The first three outputs of SplitMix64 from state 1234567: each is the mix
  // of the state after one more increment.
  constexpr uint64_t kIncrement = 0x9E3779B97F4A7C15;
  const uint64_t state = 1234567;
  EXPECT_EQ(MixHash(0, state), 6457827717110365317u);
  EXPECT_EQ(MixHash(1, state), 3203168211198807973u);
  EXPECT_EQ(MixHash(0, state + 2 * kIncrement), 9817491932198370423u);
}

}  // namespace
}  // namespace negatron
