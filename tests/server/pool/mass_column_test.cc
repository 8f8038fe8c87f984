// SPDX-License-Identifier: Apache-2.0
#include "server/pool/mass_column.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int64_t kHour = 3600LL * 1000000;

// Against a walk over all events, with and without weights that differ from 1: from the start, or
// from some event on.
TEST(MassColumnTest, AgreesWithAWalkOverItsEvents) {
  SplitMix random(5);
  for (const int64_t half_life : std::vector<int64_t>{0, 2 * kHour}) {
    const Decay decay(half_life);
    for (const int plain : {0, 1, 30, 300}) {
      MassColumn column;
      std::vector<WeightedTime> events;
      std::vector<MassColumn> snapshots;
      Micros time = 0;
      for (int i = 0; i < 300; ++i) {
        time += random.Between(0, kHour / 4);
        const float weight = i < plain ? 1.0f : static_cast<float>(0.25 + random.Unit());
        WeightedTime event{time, weight};
        if (!column.Follows(event)) event.time = ++time;
        column.Append(event, 2.0, decay);
        events.push_back(event);
        snapshots.push_back(column);
      }
      for (uint32_t n = 1; n <= snapshots.size(); n += 7) {
        const MassColumn& snapshot = snapshots[n - 1];
        ASSERT_EQ(snapshot.size(), n);
        for (uint32_t i = 0; i < n; ++i) ASSERT_EQ(snapshot.at(i), events[i]);
        const Micros t = events[random.Below(n)].time + random.Between(0, 1);
        const int32_t to = decay.Segment(events[n - 1].time);
        double mass = 0;
        uint32_t count = 0;
        for (uint32_t i = 0; i < n && events[i].time < t; ++i, ++count) {
          mass +=
              Decay::Carry(static_cast<double>(decay.Units(2.0 * events[i].weight, events[i].time)),
                           decay.Segment(events[i].time), to);
        }
        ASSERT_EQ(snapshot.CountBefore(t), count);
        ASSERT_NEAR(snapshot.MassBefore(t, decay, to), mass, mass * 1e-12);
      }
      const MassColumn again = MassColumn::Of(events, 2.0, decay);
      for (uint32_t i = 0; i < events.size(); ++i) ASSERT_EQ(again.at(i), events[i]);
    }
  }
}

TEST(MassColumnTest, WeightsThatAreAllOneTakeNoRoom) {
  const Decay decay(kHour);
  MassColumn plain, weighted;
  for (int i = 0; i < 100; ++i) {
    plain.Append({i * kHour, 1.0f}, 1, decay);
    weighted.Append({i * kHour, i == 99 ? 2.0f : 1.0f}, 1, decay);
  }
  EXPECT_GE(weighted.bytes() - plain.bytes(), 400);
}

TEST(MassColumnTest, TellsTheOnlyLifeOrToLookFurther) {
  MassColumn column;
  EXPECT_FALSE(column.LivesAt(5));
  column.SetLife({3, 7}, true);
  EXPECT_FALSE(column.look_further());
  EXPECT_TRUE(column.LivesAt(3));
  EXPECT_FALSE(column.LivesAt(7));
  column.SetLife({3, 7}, false);
  EXPECT_TRUE(column.look_further());
  EXPECT_FALSE(column.LivesAt(5));
}

}  // namespace
}  // namespace negatron
