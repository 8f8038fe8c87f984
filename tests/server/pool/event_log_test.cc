// SPDX-License-Identifier: Apache-2.0
#include "server/pool/event_log.h"

#include <algorithm>
#include <map>
#include <vector>

#include "gtest/gtest.h"

#include "storage/base/philox.h"
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
  std::sort(events.begin(), events.end());
  return log.With(events, {});
}

Ordinal DrawOne(const EventLog& log, const EventLog::Span& span, absl::uint128 bits) {
  return log.Resolve(
      log.Aim(span, UnitDouble(absl::Uint128High64(bits)), absl::Uint128Low64(bits)));
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
    ASSERT_EQ(DrawOne(at_once, at_once.Between({}, a), bits),
              DrawOne(bit_by_bit, bit_by_bit.Between({}, b), bits));
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
    const absl::uint128 bits = absl::MakeUint128(random.Bits(), random.Bits());
    ++counts[DrawOne(log, log.Between({}, cut), bits)];
  }
  FalseAlarmBudget budget(1);
  EXPECT_TRUE(FitsLaw(counts, law, budget.Next()));
}

// 200,000 draws from windows that begin and end anywhere.
TEST(EventLogTest, DrawsFromWindowsInProportionToMass) {
  const Decay decay(kHour);
  SplitMix random(10);
  const std::vector<LogEvent> events = RandomEvents(random, decay, 5000, 48 * kHour);
  const EventLog log = Append(EventLog(decay), events);
  FalseAlarmBudget budget(4);
  for (const Micros width : {kHour / 3, 2 * kHour, 9 * kHour, 40 * kHour}) {
    const Micros end = 21 * kHour + 12345;
    const EventLog::Span span = log.Between(log.Before(end - width), log.Before(end));
    OracleLaw law;
    double total = 0;
    for (const LogEvent& event : events) {
      if (event.time < end - width || event.time >= end) continue;
      const double mass = Decay::Carry(static_cast<double>(event.units), decay.Segment(event.time),
                                       span.end.segment);
      law[event.item] += mass;
      total += mass;
    }
    ASSERT_NEAR(span.mass, total, total * 1e-12);
    for (auto& [item, q] : law) q /= total;
    std::map<int64_t, int64_t> counts;
    for (int i = 0; i < 50000; ++i) {
      const absl::uint128 bits = absl::MakeUint128(random.Bits(), random.Bits());
      ++counts[DrawOne(log, span, bits)];
    }
    EXPECT_TRUE(FitsLaw(counts, law, budget.Next())) << width;
  }
}

TEST(EventLogTest, WhatIsTakenOutLeavesNoTrace) {
  const Decay decay(kHour);
  SplitMix random(11);
  std::vector<LogEvent> kept = RandomEvents(random, decay, 5000, 20 * kHour);
  std::vector<LogEvent> gone = RandomEvents(random, decay, 3000, 20 * kHour);
  gone.insert(gone.end(), kept.begin(), kept.begin() + 50);  // Twice the same; one stays.
  std::sort(gone.begin(), gone.end());
  const EventLog plain = Append(EventLog(decay), kept);
  const EventLog mended = Append(plain, gone).With({}, gone);
  ASSERT_EQ(mended.size(), plain.size());
  for (int i = 0; i < 3000; ++i) {
    const Micros time = random.Between(-20 * kHour, 21 * kHour);
    const EventLog::Cut a = plain.Before(time);
    const EventLog::Cut b = mended.Before(time);
    ASSERT_EQ(a.units, b.units);
    ASSERT_EQ(a.older, b.older);
    if (a.leaf < 0) continue;
    const absl::uint128 bits = absl::MakeUint128(random.Bits(), random.Bits());
    ASSERT_EQ(DrawOne(plain, plain.Between({}, a), bits),
              DrawOne(mended, mended.Between({}, b), bits));
  }
}

TEST(EventLogTest, EmptyLogHasEmptyCuts) {
  const EventLog log{Decay(kHour)};
  EXPECT_EQ(log.Before(kMaxTime).leaf, -1);
  EXPECT_EQ(log.size(), 0);
  EXPECT_FALSE(log.first_time().has_value());
}

}  // namespace
}  // namespace negatron
