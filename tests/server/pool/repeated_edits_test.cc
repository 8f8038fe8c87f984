// SPDX-License-Identifier: Apache-2.0
// Items that change more than once between two views: writes that were committed
// together, or events of one write that an implicit item starts with.
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/pool/pool_builder.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;

ItemRecord Item(int64_t id, std::vector<Interval> alive, float base_weight = 1) {
  ItemRecord item;
  item.id.number = id;
  item.alive = std::move(alive);
  item.base_weight = base_weight;
  item.categories = {"a"};
  return item;
}

// The living, of all and of the category, in the index's order.
std::vector<Ordinal> LivingAt(const PoolView& pool, Micros time, bool of_category) {
  LivingItems living;
  pool.alive(of_category ? pool.categories().Find("a") : kNoCategory).At(time, &living);
  std::vector<Ordinal> items;
  for (uint64_t i = 0; i < living.count; ++i) items.push_back(living[i]);
  return items;
}

void ExpectLiving(const PoolView& pool, Micros time, const std::vector<Ordinal>& expected) {
  for (const bool of_category : {false, true}) {
    EXPECT_EQ(LivingAt(pool, time, of_category), expected) << "t " << time;
  }
  EXPECT_EQ(pool.LivingCount(time), static_cast<int64_t>(expected.size())) << "t " << time;
}

TEST(RepeatedEditsTest, AnItemThatIsAddedAndEditedIsListedOnce) {
  const PoolView empty{PoolSettings{}};
  PoolBuilder builder(empty);
  const Ordinal item = builder.AddItem(Item(1, {{100, kNever}}));
  builder.SetItem(item, Item(1, {{50, kNever}}));
  const auto pool = std::move(builder).Build();
  ExpectLiving(*pool, 49, {});
  ExpectLiving(*pool, 50, {item});
  ExpectLiving(*pool, 100, {item});
}

TEST(RepeatedEditsTest, AnItemThatIsEditedTwiceIsListedOnce) {
  const PoolView empty{PoolSettings{}};
  PoolBuilder first(empty);
  const Ordinal always = first.AddItem(Item(1, {Interval{}}));
  const Ordinal mortal = first.AddItem(Item(2, {{0, 10}}));
  const auto before = std::move(first).Build();
  PoolBuilder builder(*before);
  for (const float weight : {2.0f, 4.0f, 8.0f}) {
    builder.SetItem(always, Item(1, {Interval{}}, weight));
    builder.SetItem(mortal, Item(2, {{0, static_cast<Micros>(weight) * 10}}, weight));
  }
  const auto pool = std::move(builder).Build();
  ExpectLiving(*pool, 5, {always, mortal});
  ExpectLiving(*pool, 79, {always, mortal});
  ExpectLiving(*pool, 80, {always});
  LivingItems living;
  pool->alive().At(5, &living);
  EXPECT_EQ(living.weight, uint64_t{2} * AliveIndex::WeightUnits(8));
}

// Back to what it was: nothing has changed.
TEST(RepeatedEditsTest, AnEditThatIsUndoneLeavesNoTrace) {
  const PoolView empty{PoolSettings{}};
  PoolBuilder first(empty);
  const Ordinal item = first.AddItem(Item(1, {{0, 10}}));
  const auto before = std::move(first).Build();
  PoolBuilder builder(*before);
  builder.SetItem(item, Item(1, {{5, 20}}));
  builder.SetItem(item, Item(1, {{0, 10}}));
  const auto pool = std::move(builder).Build();
  ExpectLiving(*pool, 4, {item});
  ExpectLiving(*pool, 9, {item});
  ExpectLiving(*pool, 10, {});
}

}  // namespace
}  // namespace negatron
