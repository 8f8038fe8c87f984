// SPDX-License-Identifier: Apache-2.0
#include "server/index/bfloat16.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace negatron {
namespace {

constexpr uint16_t kSign = 0x8000;
constexpr uint16_t kInfinity = 0x7F80;
constexpr float kDenormMin = std::numeric_limits<float>::denorm_min();

uint16_t Rounded(uint32_t float_bits) { return ToBfloat16(std::bit_cast<float>(float_bits)).bits; }

TEST(Bfloat16Test, EveryNumberSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits <= kInfinity; ++bits) {
    for (const uint32_t sign : {0, int{kSign}}) {
      const Bfloat16 number{static_cast<uint16_t>(bits | sign)};
      ASSERT_EQ(ToBfloat16(ToFloat(number)).bits, number.bits);
    }
  }
  EXPECT_EQ(ToFloat({0x3F80}), 1.0F);
  EXPECT_EQ(ToFloat({0xC049}), -3.140625F);
}

// Between all neighbours, from 0 over the subnormals to infinity.
TEST(Bfloat16Test, RoundsToTheNearestAndTiesToEven) {
  for (uint32_t lower = 0; lower < kInfinity; ++lower) {
    const uint32_t even = lower + lower % 2;
    for (const uint32_t sign : {0, int{kSign}}) {
      const uint32_t below = (lower | sign) << 16;
      ASSERT_EQ(Rounded(below + 1), lower | sign);
      ASSERT_EQ(Rounded(below + 0x7FFF), lower | sign);
      ASSERT_EQ(Rounded(below + 0x8000), even | sign);
      ASSERT_EQ(Rounded(below + 0x8001), (lower + 1) | sign);
      ASSERT_EQ(Rounded(below + 0xFFFF), (lower + 1) | sign);
    }
  }
}

TEST(Bfloat16Test, EdgesOfTheRange) {
  EXPECT_EQ(ToBfloat16(0.0F).bits, 0);
  EXPECT_EQ(ToBfloat16(-0.0F).bits, kSign);
  EXPECT_EQ(ToBfloat16(kDenormMin).bits, 0);
  EXPECT_EQ(ToBfloat16(-kDenormMin).bits, kSign);
  EXPECT_EQ(ToFloat(ToBfloat16(0x1p-133F)), 0x1p-133F) << "the least that is not 0";
  EXPECT_EQ(ToFloat(ToBfloat16(0x1.FEp127F)), 0x1.FEp127F) << "the largest";
  EXPECT_EQ(ToFloat(ToBfloat16(0x1.FEFFFEp127F)), 0x1.FEp127F);
  EXPECT_EQ(ToBfloat16(0x1.FFp127F).bits, kInfinity);
  EXPECT_EQ(ToBfloat16(-std::numeric_limits<float>::max()).bits, kSign | kInfinity);
}

TEST(Bfloat16Test, EveryComponentHasAPlaceOfItsOwn) {
  for (size_t dimension = 1; dimension <= 130; ++dimension) {
    std::vector<bool> taken(dimension, false);
    for (size_t i = 0; i < dimension; ++i) {
      const size_t place = Bfloat16Place(i, dimension);
      ASSERT_LT(place, dimension);
      ASSERT_FALSE(taken[place]);
      taken[place] = true;
    }
  }
  EXPECT_EQ(Bfloat16Place(9, 16), 3U);
  EXPECT_EQ(Bfloat16Place(9, 15), 9U);
}

}  // namespace
}  // namespace negatron
