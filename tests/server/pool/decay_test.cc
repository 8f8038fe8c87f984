// SPDX-License-Identifier: Apache-2.0
#include "server/pool/decay.h"

#include <cmath>

#include "gtest/gtest.h"

#include "storage/model/limits.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int64_t kHour = 3600LL * 1000000;

TEST(DecayTest, UnitsFollowTheFormula) {
  const Decay decay(kHour);
  SplitMix random(1);
  for (int i = 0; i < 100000; ++i) {
    const Micros time = random.Between(-1000 * kHour, 1000 * kHour);
    const auto weight = static_cast<float>(std::exp2(random.Unit() * 18 - 6));
    const int64_t start = int64_t{decay.Segment(time)} * 8 * kHour;
    ASSERT_LE(start, time);
    ASSERT_LT(time, start + 8 * kHour);
    const double expected =
        weight * std::exp2(static_cast<double>(time - start) / kHour) * std::exp2(28);
    ASSERT_NEAR(static_cast<double>(decay.Units(weight, time)), expected, 0.5 + expected * 1e-14);
  }
}

// Part of what makes a call repeatable: these may never change.
TEST(DecayTest, UnitsAreTheSameEverywhere) {
  EXPECT_EQ(Decay(0).Units(1.0f, 123456789), 1u << 28);
  EXPECT_EQ(Decay(kHour).Units(1.0f, 0), 1u << 28);
  EXPECT_EQ(Decay(kHour).Units(1.0f, kHour / 2), 379625062u);
  EXPECT_EQ(Decay(kHour).Units(0.3f, 7 * kHour + 1234567890), 13073895214u);
}

TEST(DecayTest, MassIsContinuousAcrossSegments) {
  const Decay decay(kHour);
  const double before = decay.UnitMass(0, 8 * kHour);
  EXPECT_NEAR(before * 256, decay.UnitMass(1, 8 * kHour), 1e-20);
  EXPECT_EQ(Decay::Carry(256.0, 0, 1), 1.0);
  EXPECT_EQ(Decay::Carry(1.0, -5, -5), 1.0);
  EXPECT_EQ(Decay::Carry(1e9, 0, 1000), 0.0);
  // The farthest that there is, in halvings, does not fit an int.
  const Decay shortest(kMinHalfLifeMicros);
  EXPECT_EQ(Decay::Carry(1e9, shortest.Segment(kMinTime), shortest.Segment(kMaxTime)), 0.0);
}

}  // namespace
}  // namespace negatron
