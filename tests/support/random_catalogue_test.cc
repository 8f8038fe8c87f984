// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_catalogue.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "gtest/gtest.h"

#include "storage/model/limits.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

RandomCatalogueOptions Embedded(Metric metric) {
  RandomCatalogueOptions options;
  options.embedding = EmbeddingSettings{4, metric};
  return options;
}

TEST(SplitMixTest, GivesThePublishedSequence) {
  SplitMix random(1234567);  // Values that the reference implementation prints.
  EXPECT_EQ(random.Bits(), 6457827717110365317u);
  EXPECT_EQ(random.Bits(), 3203168211198807973u);
  EXPECT_EQ(random.Bits(), 9817491932198370423u);
}

TEST(RandomCatalogueTest, EqualSeedsGiveEqualCases) {
  const RandomCase a = MakeRandomCase(5, 20, Embedded(Metric::kL2));
  const RandomCase b = MakeRandomCase(5, 20, Embedded(Metric::kL2));
  const RandomCase c = MakeRandomCase(6, 20, Embedded(Metric::kL2));
  ASSERT_EQ(a.catalogue.events.size(), b.catalogue.events.size());
  bool same_as_c = a.catalogue.events.size() == c.catalogue.events.size();
  for (size_t i = 0; i < a.catalogue.events.size(); ++i) {
    EXPECT_EQ(a.catalogue.events[i].time, b.catalogue.events[i].time);
    EXPECT_EQ(a.catalogue.events[i].item, b.catalogue.events[i].item);
    same_as_c = same_as_c && a.catalogue.events[i].time == c.catalogue.events[i].time;
  }
  for (size_t i = 0; i < a.rows.size(); ++i) {
    EXPECT_EQ(a.rows[i].as_of, b.rows[i].as_of);
    EXPECT_EQ(a.rows[i].exclusions, b.rows[i].exclusions);
    EXPECT_EQ(a.rows[i].query, b.rows[i].query);
  }
  EXPECT_FALSE(same_as_c);
  EXPECT_NE(a.Trace().find("seed 5"), std::string::npos);
}

TEST(RandomCatalogueTest, KeepsTheBoundsOfTheModel) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const RandomCase made = MakeRandomCase(seed, 50, Embedded(Metric::kCosine));
    SCOPED_TRACE(made.Trace());
    EXPECT_EQ(made.catalogue.items.size(), 40u);
    EXPECT_EQ(made.rows.size(), 50u);
    std::set<int64_t> orders;
    for (const auto& [id, item] : made.catalogue.items) {
      orders.insert(item.order);
      EXPECT_EQ(IntervalsProblem(item.alive), "");
      EXPECT_FALSE(item.alive.empty());
      EXPECT_LE(item.alive.size(), static_cast<size_t>(kMaxIntervals));
      EXPECT_GE(id, 0);
    }
    EXPECT_EQ(*orders.begin(), 0);
    EXPECT_EQ(*orders.rbegin(), 39);
    for (const OracleEvent& event : made.catalogue.events) {
      EXPECT_TRUE(IsEventTime(event.time));
      EXPECT_GE(event.weight, kMinWeight);
      EXPECT_LE(event.weight, kMaxWeight);
      EXPECT_EQ(made.catalogue.items.count(event.item), 1u);
    }
    for (const OracleRow& row : made.rows) EXPECT_TRUE(IsEventTime(row.as_of));
    if (made.catalogue.half_life_micros != 0) {
      EXPECT_GE(made.catalogue.half_life_micros, kMinHalfLifeMicros);
      EXPECT_LE(made.catalogue.half_life_micros, kMaxHalfLifeMicros);
    }
  }
}

// What a case holds of all that goes wrong, by name.
std::map<std::string, int> Features(const RandomCase& made) {
  const OracleCatalogue& catalogue = made.catalogue;
  std::map<std::string, int> seen;
  std::set<Micros> times;
  std::set<int64_t> drawn;
  Micros newest = kMinTime;
  std::map<int64_t, int> by_user;
  for (const OracleEvent& event : catalogue.events) {
    seen["late"] += event.time < newest;
    newest = std::max(newest, event.time);
    seen["tie"] += !times.insert(event.time).second;
    seen["while dead"] += OracleLiving(catalogue, event.time).count(event.item) == 0;
    seen["id of user and item"] += static_cast<int>(catalogue.items.count(event.user));
    seen["long history"] += ++by_user[event.user] == 50;
    drawn.insert(event.item);
  }
  seen["without events"] += drawn.size() < catalogue.items.size();
  for (const auto& [id, item] : catalogue.items) {
    seen["listed again"] += item.alive.size() > 1;
    seen["born"] += item.alive.front().from != kAlways;
    seen["dies"] += item.alive.back().until != kNever;
    for (const Interval& interval : item.alive) {
      seen["edge at an event"] += static_cast<int>(times.count(interval.from));
    }
  }
  for (const OracleRow& row : made.rows) {
    seen["at an event"] += static_cast<int>(times.count(row.as_of));
    seen["before all"] += row.as_of <= *times.begin();
    seen["after all"] += row.as_of > *times.rbegin();
    seen["unknown positive"] += row.positive && catalogue.items.count(*row.positive) == 0;
    seen["unknown user"] += row.user && by_user.count(*row.user) == 0;
    seen["no user"] += !row.user;
    OracleRow bare;
    bare.user = row.user;
    bare.as_of = row.as_of;
    seen["user saw everything"] +=
        OracleEligible(catalogue, bare).empty() && !OracleLiving(catalogue, row.as_of).empty();
    for (OracleSource source : {OracleSource::kPopularity, OracleSource::kNearest}) {
      OracleComponent component;
      component.source = source;
      component.nearest.anchor = OracleAnchor::kPositive;
      for (OracleStatus status : OraclePolicy(catalogue, row, {component}).statuses) {
        ++seen["status " + std::to_string(static_cast<int>(status))];
      }
    }
  }
  return seen;
}

TEST(RandomCatalogueTest, HoldsWhatTendsToGoWrong) {
  std::map<std::string, int> total;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const auto& [name, count] : Features(MakeRandomCase(seed, 50, Embedded(Metric::kL2)))) {
      total[name] += count;
    }
  }
  for (const char* name : {"late",
                           "tie",
                           "while dead",
                           "id of user and item",
                           "long history",
                           "without events",
                           "listed again",
                           "born",
                           "dies",
                           "edge at an event",
                           "at an event",
                           "before all",
                           "after all",
                           "unknown positive",
                           "unknown user",
                           "no user",
                           "user saw everything",
                           "status 1",
                           "status 3",
                           "status 4",
                           "status 5",
                           "status 6"}) {
    EXPECT_GE(total[name], 5) << name;
  }
}

TEST(RandomCatalogueTest, SeedsFollowTheEnvironment) {
  unsetenv("NEGATRON_TEST_SEED");
  EXPECT_EQ(TestSeed(7), 7u);
  setenv("NEGATRON_TEST_SEED", "123", 1);
  const uint64_t soaked = TestSeed(7);
  EXPECT_NE(soaked, 7u);
  EXPECT_EQ(TestSeed(7), soaked);
  EXPECT_NE(TestSeed(8), soaked);
  setenv("NEGATRON_TEST_SEED", "124", 1);
  EXPECT_NE(TestSeed(7), soaked);
  unsetenv("NEGATRON_TEST_SEED");
}

}  // namespace
}  // namespace negatron
