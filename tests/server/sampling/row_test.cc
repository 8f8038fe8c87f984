// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/row.h"

#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

TEST(ExclusionSetTest, HoldsDistinctItemsOfAllKinds) {
  ExclusionSet set;
  const std::vector<UserPositive> history = {{1, 5}, {2, 9}};
  set.Reset(history, 9, std::vector<Ordinal>{5, kNoOrdinal, 7, 7});
  EXPECT_THAT(set.items(), testing::ElementsAre(5, 9, 7));
  EXPECT_TRUE(set.Contains(7));
  EXPECT_FALSE(set.Contains(6));
}

TEST(ExclusionSetTest, AgreesWithASetOnAllSizes) {
  ExclusionSet set;  // One for all sizes: nothing may stay behind.
  for (const uint32_t size : {0u, 1u, 31u, 32u, 33u, 1000u, 3u}) {
    std::vector<UserPositive> history;
    std::set<Ordinal> model;
    for (uint32_t i = 0; i < size; ++i) {
      history.push_back({0, i * 7919});
      model.insert(i * 7919);
    }
    set.Reset(history, 3, {});
    model.insert(3);
    EXPECT_EQ(set.items().size(), model.size());
    for (Ordinal item = 0; item < 20000; ++item) {
      ASSERT_EQ(set.Contains(item), model.contains(item)) << size << " " << item;
    }
  }
}

}  // namespace
}  // namespace negatron
