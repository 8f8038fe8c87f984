// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/row.h"

#include <algorithm>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

UserHistory HistoryOf(const std::vector<UserPositive>& positives) {
  UserHistory history;
  history.Reset(positives);
  return history;
}

std::vector<Ordinal> ItemsOf(const Exclusions& excluded) {
  std::vector<Ordinal> items;
  excluded.AppendTo(&items);
  return items;
}

TEST(ExclusionsTest, HoldDistinctItemsOfAllKinds) {
  const UserHistory history = HistoryOf({{5, 1}, {9, 2}, {8, 100}});
  Exclusions excluded;
  excluded.Reset(history, 100, 9, std::vector<Ordinal>{5, kNoOrdinal, 7, 7});
  EXPECT_THAT(ItemsOf(excluded), testing::UnorderedElementsAre(5, 9, 7));
  EXPECT_TRUE(excluded.Contains(7));
  EXPECT_FALSE(excluded.Contains(6));
  EXPECT_FALSE(excluded.Contains(8)) << "at the row's time, not before it";
}

TEST(ExclusionsTest, AgreeWithASetOnAllSizes) {
  Exclusions excluded;  // One for all sizes: nothing may stay behind.
  for (const uint32_t size : {0u, 1u, 31u, 32u, 33u, 1000u, 3u}) {
    UserHistory history;
    std::set<Ordinal> model;
    for (uint32_t i = 0; i < size; ++i) {
      const Ordinal item = i * 7919 % 20011;
      history.Append({item, 0});
      model.insert(item);
    }
    excluded.Reset(history, 1, 3, {});
    model.insert(3);
    EXPECT_EQ(ItemsOf(excluded).size(), model.size());
    for (Ordinal item = 0; item < 20100; ++item) {
      ASSERT_EQ(excluded.Contains(item), model.contains(item)) << size << " " << item;
    }
  }
}

// Random histories, against a walk over all positives at every time.
TEST(ExclusionsTest, HaveAHorizonWhoseSetHoldsForTheTimesThatAreTold) {
  SplitMix random(5);
  for (int repeat = 0; repeat < 300; ++repeat) {
    std::vector<UserPositive> positives;
    for (Ordinal item = 0; item < 12; ++item) {
      if (random.Chance(0.6)) positives.push_back({item, random.Between(0, 40)});
    }
    const UserHistory history = HistoryOf(positives);
    const auto horizon = random.Chance(0.3) ? 0 : random.Between(1, 15);
    const auto positive = static_cast<Ordinal>(random.Below(13));
    const std::vector<Ordinal> named = {static_cast<Ordinal>(random.Below(13))};
    std::vector<std::vector<Ordinal>> sets;
    std::vector<Interval> valid(50);
    for (Micros t = 0; t < 50; ++t) {
      Exclusions excluded;
      excluded.Reset(history, t, positive, named, horizon);
      std::vector<Ordinal>& set = sets.emplace_back();
      excluded.AppendHistoryTo(&set, &valid[static_cast<size_t>(t)]);
      for (Ordinal item = 0; item < 14; ++item) {
        const bool known = item == positive || item == named[0];
        const auto at = std::find_if(positives.begin(), positives.end(),
                                     [item](const UserPositive& one) { return one.item == item; });
        const bool chosen = at != positives.end() && at->time < t;
        const bool ahead =
            horizon > 0 && at != positives.end() && at->time >= t && at->time <= t + horizon;
        ASSERT_EQ(excluded.Contains(item), known || chosen || ahead);
        ASSERT_EQ(excluded.IsUncertain(item), ahead && !known);
        ASSERT_EQ(std::count(set.begin(), set.end(), item), chosen || ahead ? 1 : 0);
      }
      const std::vector<Ordinal> all = ItemsOf(excluded);
      ASSERT_EQ(std::set<Ordinal>(all.begin(), all.end()).size(), all.size()) << "counted twice";
    }
    for (size_t t = 0; t < sets.size(); ++t) {
      for (size_t other = 0; other < sets.size(); ++other) {
        if (!valid[t].Contains(static_cast<Micros>(other))) continue;
        ASSERT_EQ(sets[t], sets[other]);
      }
    }
  }
}

}  // namespace
}  // namespace negatron
