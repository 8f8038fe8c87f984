// SPDX-License-Identifier: Apache-2.0
// Small cases at the edges of the sources' contracts (policies.proto,
// sampling.proto), with what the oracle says of them.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/law_test_util.h"
#include "tests/support/source_cases.h"
#include "tests/support/source_oracle.h"
#include "tests/support/source_pool.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr Micros kMinute = 60LL * 1000000;
constexpr Micros kHour = 60 * kMinute;
constexpr Micros kStart = 1577836800LL * 1000000;
constexpr int64_t kUser = 7;

SourceCase CaseOf(std::vector<SourceItem> items, std::vector<SourceEvent> events,
                  int64_t half_life_micros = 0) {
  SourceCase source_case;
  source_case.settings.half_life_micros = half_life_micros;
  source_case.catalogue.half_life_micros = half_life_micros;
  source_case.settings.popularity_grid_micros = kMinute;
  source_case.catalogue.popularity_grid_micros = kMinute;
  source_case.first_items = items;
  source_case.catalogue.items = std::move(items);
  for (const SourceEvent& event : events) source_case.arrivals.push_back({event, false});
  source_case.catalogue.events = std::move(events);
  return source_case;
}

SourceItem Living(int64_t id, std::set<std::string> categories = {}) {
  return {id, {{kAlways, kNever}}, 1, std::move(categories)};
}

SourceEvent Positive(int64_t user, int64_t item, Micros time) { return {user, item, time}; }

Policy PolicyOf(std::vector<PolicyComponent> components) {
  Policy policy;
  policy.components = std::move(components);
  return policy;
}

PolicyComponent Popular(double alpha, std::optional<int64_t> half_life_micros) {
  PopularitySource source;
  source.alpha = alpha;
  source.half_life_micros = half_life_micros;
  return {1, "", source};
}

SourceRow RowAt(Micros as_of) {
  SourceRow row;
  row.as_of = as_of;
  return row;
}

// The row's status, and log q of every draw, are the oracle's.
void ExpectServed(const SourceCase& source_case, const Policy& policy, const SourceRow& row,
                  int draws = 20) {
  const auto pool = BuildSourcePool(source_case, SourceHistory::kRestart);
  const SourceMixture mixture = MixtureOf(source_case.catalogue, policy, row);
  const SourceSample sample = SampleSources(*pool, policy, {row}, draws, 1);
  ASSERT_TRUE(sample.status.ok());
  ASSERT_EQ(static_cast<RowStatus>(sample.statuses[0]), mixture.status);
  if (mixture.status != RowStatus::kOk) return;
  for (size_t i = 0; i < sample.ids.size(); ++i) {
    ASSERT_TRUE(mixture.law.contains(sample.ids[i]));
    ASSERT_TRUE(LogQAgrees(sample.log_q[i], mixture.law.at(sample.ids[i])));
  }
}

// One event of item 1, and 1,100 half-lives later one of item 2.
SourceCase FarApart(int64_t half_life_micros, int64_t halvings = 1100) {
  return CaseOf({Living(1), Living(2)},
                {Positive(8, 1, kStart), Positive(kUser, 2, kStart + halvings * kHour)},
                half_life_micros);
}

// Masses of long ago are small, their ratios are not: the decay since the last
// event cancels.
TEST(SourceEdgesTest, HalfLifeOfTheCollectionServesEventsOfLongAgo) {
  ExpectServed(FarApart(kHour), PolicyOf({Popular(1, {})}), RowAt(kStart + 90 * kHour));
  ExpectServed(FarApart(kHour), PolicyOf({Popular(1, {})}), RowAt(kStart + 1099 * kHour));
}

TEST(SourceEdgesTest, UnlistedHalfLifeServesEventsOfLongAgo) {
  ExpectServed(FarApart(0), PolicyOf({Popular(1, kHour)}), RowAt(kStart + 1099 * kHour));
  ExpectServed(FarApart(0), PolicyOf({Popular(4, kHour)}), RowAt(kStart + 300 * kHour));
}

// What is 2^-1000 of the largest mass may count for nothing; what is 2^-900 does not.
TEST(SourceEdgesTest, WhatIsLeftOfMuchGreaterMassesIsServed) {
  SourceRow row = RowAt(kStart + 901 * kHour);
  row.user = kUser;
  ExpectServed(FarApart(kHour, 900), PolicyOf({Popular(1, {})}), row);
  ExpectServed(FarApart(0, 900), PolicyOf({Popular(1, kHour)}), row);
}

// Masses at the least doubles, where a sixteenth of a mass is 0: the row is empty, or has
// the item.
TEST(SourceEdgesTest, RowsOfNextToNothingAreEmptyOrServed) {
  for (int64_t halvings = 1000; halvings < 1120; ++halvings) {
    for (const int64_t half_life : {int64_t{0}, kHour}) {
      SourceCase source_case = FarApart(half_life, halvings);
      source_case.catalogue.items[0].categories = {"a"};
      source_case.first_items[0].categories = {"a"};
      const auto pool = BuildSourcePool(source_case, SourceHistory::kRestart);
      PolicyComponent component = Popular(1, kHour);
      component.category = "a";
      SourceRow others = RowAt(kStart + (halvings + 1) * kHour);
      others.exclusions = {2};
      SourceRow none = others;
      none.exclusions = {1};
      const SourceSample sample = SampleSources(*pool, PolicyOf({component}), {others, none}, 1, 1);
      ASSERT_TRUE(sample.status.ok());
      ASSERT_EQ(sample.ids[0],
                static_cast<RowStatus>(sample.statuses[0]) == RowStatus::kOk ? 1 : -1)
          << halvings << " halvings";
      ASSERT_NE(static_cast<RowStatus>(sample.statuses[1]), RowStatus::kOk)
          << halvings << " halvings";
    }
  }
}

TEST(SourceEdgesTest, ExponentServesEventsOfLongAgo) {
  ExpectServed(FarApart(kHour), PolicyOf({Popular(4, {})}), RowAt(kStart + 300 * kHour));
}

TEST(SourceEdgesTest, ExposuresAndMinedOfLongAgoAreServed) {
  const SourceCase source_case =
      CaseOf({Living(1), Living(2)}, {{kUser, 1, kStart, EventKind::kExposure},
                                      {kUser, 2, kStart, EventKind::kMined},
                                      {kUser, 1, kStart + 1100 * kHour, EventKind::kMined}});
  SourceRow row = RowAt(kStart + 5000 * kHour);
  row.user = kUser;
  ExpectServed(source_case, PolicyOf({{1, "", ExposureSource{kHour, 0}}}), row);
  ExpectServed(source_case, PolicyOf({{1, "", MinedSource{kHour}}}), row);
  row.positive = 1;
  ExpectServed(source_case, PolicyOf({{1, "", MinedSource{kHour}}}), row);
}

// NO_LIVING_ITEM: "No item is alive at t".
TEST(SourceEdgesTest, RowsWithLivingItemsDoNotSayThatThereIsNone) {
  const SourceCase source_case = CaseOf({Living(1, {"a"})}, {});
  SourceRow row = RowAt(kStart);
  ExpectServed(source_case, PolicyOf({{1, "never", UniformSource{}}}), row);
  row.positive = 1;
  ExpectServed(source_case, PolicyOf({{1, "", UniformSource{}}, {1, "never", UniformSource{}}}),
               row);
}

// "-infinity if all are false".
TEST(SourceEdgesTest, NothingRemainsOfABlockThatIsAllFalse) {
  std::vector<SourceItem> items;
  std::vector<SourceEvent> events;
  SourceRow row = RowAt(kStart + kHour);
  for (int64_t id = 1; id <= 7; ++id) {
    items.push_back(Living(id));
    for (int64_t n = 0; n < id; ++n) events.push_back(Positive(8, id, kStart));
    row.exclusions.push_back(id);
  }
  const auto pool = BuildSourcePool(CaseOf(items, events), SourceHistory::kRestart);
  const std::vector<PolicyComponent> components = {
      {1, "", UniformSource{}}, Popular(1, std::nullopt), Popular(0.75, {})};
  for (const PolicyComponent& component : components) {
    const SharedSample sample =
        SampleShared(*pool, PolicyOf({component}), {row}, row.as_of, 8, 1, 1);
    ASSERT_TRUE(sample.status.ok());
    EXPECT_EQ(sample.log_remaining[0], -std::numeric_limits<float>::infinity());
  }
}

// "1 - product of (1 - q)^slots": of an item that is all there is, 1.
TEST(SourceEdgesTest, ExpectedCountOfACertainItemIsOne) {
  SplitMix random(1);
  for (int c = 0; c < 200; ++c) {
    std::vector<SourceItem> items;
    std::vector<SourceEvent> events;
    SourceRow row = RowAt(kStart + 50 * kHour);
    for (int64_t id = 1; id <= 6; ++id) {
      items.push_back(Living(id));
      events.push_back(Positive(8, id, kStart + random.Below(49 * kHour)));
      if (id > 1) row.exclusions.push_back(id);
    }
    Policy policy = PolicyOf({Popular(c % 2 == 0 ? 1 : 0.75, std::nullopt)});
    policy.unique = true;
    const auto pool = BuildSourcePool(CaseOf(items, events, 5 * kHour), SourceHistory::kRestart);
    const SourceSample sample = SampleSources(*pool, policy, {row}, 3, 1);
    ASSERT_TRUE(sample.status.ok());
    ASSERT_EQ(sample.drawn[0], 1);
    ASSERT_NEAR(sample.expected_counts[0], 1, 1e-5) << "case " << c;
  }
}

// Of exposures, as many as the contract says.
TEST(SourceEdgesTest, TheNewest4096ExposuresOfAUserCount) {
  constexpr int64_t kCounted = 4096;
  std::vector<SourceItem> items;
  std::vector<SourceEvent> events;
  for (int64_t id = 0; id < kCounted + 100; ++id) {
    items.push_back(Living(id));
    events.push_back({kUser, id, kStart + id, EventKind::kExposure});
  }
  SourceCase source_case = CaseOf(items, events);
  events.erase(events.begin(), events.end() - kCounted);
  source_case.catalogue.events = events;
  SourceRow row = RowAt(kStart + kHour);
  row.user = kUser;
  ExpectServed(source_case, PolicyOf({{1, "", ExposureSource{}}}), row);
}

}  // namespace
}  // namespace negatron
