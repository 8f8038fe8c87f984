// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/row.h"

#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

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

}  // namespace
}  // namespace negatron
