// SPDX-License-Identifier: Apache-2.0
#include "server/pool/event_log.h"

#include <algorithm>
#include <map>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/law_test_util.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int64_t kHour = 3600LL * 1000000;

std::vector<LogEvent> RandomEvents(SplitMix& random, const Decay& decay, int count, Micros span) {
  std::vector<LogEvent> events;
  for (int i = 0; i < count; ++i) {
    const Micros time = random.Between(-span, span);
    events.push_back({time, static_cast<Ordinal>(random.Below(50)), decay.Units(1.0f, time)});
  }
  return events;
}

EventLog Append(const EventLog& log, std::vector<LogEvent> events) {
  std::stable_sort(events.begin(), events.end(),
                   [](const LogEvent& a, const LogEvent& b) { return a.time < b.time; });
  return log.With(events);
}

TEST(EventLogTest, CutsAgreeWithASumOverAllEvents) {
  for (const int64_t half_life : std::vector<int64_t>{0, 60000000, kHour, 1000 * kHour}) {
    const Decay decay(half_life);
    SplitMix random(half_life + 1);
    std::vector<LogEvent> all;
    EventLog log(decay);
    for (int batch = 0; batch < 20; ++batch) {
      const std::vector<LogEvent> events = RandomEvents(random, decay, 700, 30 * kHour);
      all.insert(all.end(), events.begin(), events.end());
      log = Append(log, events);
    }
    EXPECT_EQ(log.size(), 14000);
    for (int i = 0; i < 300; ++i) {
      const Micros time = i % 2 == 0 ? all[i].time : random.Between(-31 * kHour, 31 * kHour);
      const EventLog::Cut cut = log.Before(time);
      int64_t count = 0;
      double mass = 0;
      for (const LogEvent& event : all) {
        if (event.time >= time) continue;
        ++count;
        mass +=
            Decay::Carry(static_cast<double>(event.units), decay.Segment(event.time), cut.segment);
      }
      ASSERT_EQ(cut.event_count, count);
      ASSERT_NEAR(cut.mass(), mass, mass * 1e-12);
    }
  }
}

TEST(EventLogTest, LayoutLeavesNoTrace) {
  const Decay decay(kHour);
  SplitMix random(7);
  std::vector<LogEvent> events = RandomEvents(random, decay, 6000, 20 * kHour);
  const EventLog at_once = Append(EventLog(decay), events);
  EventLog bit_by_bit(decay);
  for (size_t i = 0; i < events.size(); i += 100) {
    bit_by_bit = Append(bit_by_bit, {events.begin() + i, events.begin() + i + 100});
  }
  for (int i = 0; i < 3000; ++i) {
    const Micros time = random.Between(-20 * kHour, 21 * kHour);
    const EventLog::Cut a = at_once.Before(time);
    const EventLog::Cut b = bit_by_bit.Before(time);
    ASSERT_EQ(a.event_count, b.event_count);
    ASSERT_EQ(a.units, b.units);
    ASSERT_EQ(a.older, b.older);
    if (a.leaf < 0) continue;
    const absl::uint128 bits = absl::MakeUint128(random.Bits(), random.Bits());
    ASSERT_EQ(at_once.Draw(a, bits), bit_by_bit.Draw(b, bits));
  }
}

// 200,000 draws over a dozen segments of time.
TEST(EventLogTest, DrawsInProportionToMass) {
  const Decay decay(kHour);
  SplitMix random(9);
  std::vector<LogEvent> events = RandomEvents(random, decay, 5000, 48 * kHour);
  for (Ordinal item = 0; item < 20; ++item) {
    events[item].units = decay.Units(4096.0f, events[item].time);  // The old must show.
  }
  const EventLog log = Append(EventLog(decay), events);
  const EventLog::Cut cut = log.Before(40 * kHour);
  OracleLaw law;
  double total = 0;
  for (const LogEvent& event : events) {
    if (event.time >= 40 * kHour) continue;
    const double mass =
        Decay::Carry(static_cast<double>(event.units), decay.Segment(event.time), cut.segment);
    law[event.item] += mass;
    total += mass;
  }
  for (auto& [item, q] : law) q /= total;
  std::map<int64_t, int64_t> counts;
  for (int i = 0; i < 200000; ++i) {
    ++counts[log.Draw(cut, absl::MakeUint128(random.Bits(), random.Bits()))];
  }
  FalseAlarmBudget budget(1);
  EXPECT_TRUE(FitsLaw(counts, law, budget.Next()));
}

TEST(EventLogTest, EmptyLogHasEmptyCuts) {
  const EventLog log{Decay(kHour)};
  EXPECT_EQ(log.Before(kMaxTime).leaf, -1);
  EXPECT_EQ(log.size(), 0);
  EXPECT_FALSE(log.first_time().has_value());
}

}  // namespace
}  // namespace negatron
