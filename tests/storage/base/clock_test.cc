// SPDX-License-Identifier: Apache-2.0
#include "storage/base/clock.h"

#include <chrono>
#include <cstdint>

#include "gtest/gtest.h"

namespace negatron {
namespace {

int64_t ChronoMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

TEST(ClockTest, SystemClockTellsMicrosecondsSinceTheEpoch) {
  // Two clocks of one machine; a second of slack for a step between them.
  const int64_t before = ChronoMicros() - 1000000;
  const int64_t now = Clock::System().NowMicros();
  EXPECT_GE(now, before);
  EXPECT_LE(now, ChronoMicros() + 1000000);
}

}  // namespace
}  // namespace negatron
