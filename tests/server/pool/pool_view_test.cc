// SPDX-License-Identifier: Apache-2.0
// PoolView and PoolBuilder against a walk over all items and events.
#include "server/pool/pool_view.h"

#include <map>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/pool/pool_builder.h"
#include "tests/support/catalogue_pool.h"
#include "tests/support/random_catalogue.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

double MassOf(const OracleCatalogue& catalogue, const Decay& decay, const EventLog::Cut& cut,
              int64_t item, Micros time) {
  double mass = 0;
  for (const OracleEvent& event : catalogue.events) {
    if (event.item != item || event.time >= time) continue;
    mass += Decay::Carry(static_cast<double>(decay.Units(event.weight, event.time)),
                         decay.Segment(event.time), cut.segment);
  }
  return mass;
}

void ExpectAgrees(const PoolView& pool, const OracleCatalogue& catalogue, Micros time) {
  const EventLog::Cut cut = pool.log().Before(time);
  const std::set<int64_t> living = OracleLiving(catalogue, time);
  ASSERT_EQ(pool.LivingCount(time), static_cast<int64_t>(living.size()));
  double living_mass = 0;
  for (const auto& [id, item] : catalogue.items) {
    const Ordinal ordinal = pool.items().Find(id);
    ASSERT_EQ(pool.IsAlive(ordinal, time), living.contains(id));
    if (cut.leaf < 0) continue;
    const double mass = MassOf(catalogue, pool.decay(), cut, id, time);
    ASSERT_NEAR(pool.ItemMass(ordinal, cut, time), mass, mass * 1e-12);
    if (living.contains(id)) living_mass += mass;
  }
  ASSERT_NEAR(pool.LivingMass(cut, time), living_mass, living_mass * 1e-12);
  if (living_mass == 0) {
    ASSERT_EQ(pool.LivingMass(cut, time), 0);
  }
}

void ExpectHistories(const PoolView& pool, const OracleCatalogue& catalogue, Micros time) {
  std::map<int64_t, std::set<int64_t>> seen;
  for (const OracleEvent& event : catalogue.events) {
    if (event.time < time) seen[event.user].insert(event.item);
  }
  for (Ordinal user = 0; user < pool.users().size(); ++user) {
    std::set<int64_t> items;
    for (const UserPositive& positive : pool.HistoryBefore(user, time)) {
      EXPECT_TRUE(items.insert(pool.items().NumberAt(positive.item)).second) << "twice";
    }
    ASSERT_EQ(items, seen[pool.users().NumberAt(user)]);
  }
}

TEST(PoolViewTest, AgreesWithAWalkAtAnyTime) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const RandomCase random = MakeRandomCase(TestSeed(seed), 40);
    SCOPED_TRACE(random.Trace());
    const CataloguePool built = BuildPool(random.catalogue, 1 + static_cast<int>(seed * 5));
    for (const OracleRow& row : random.rows) {
      ExpectAgrees(*built.pool, random.catalogue, row.as_of);
      ExpectHistories(*built.pool, random.catalogue, row.as_of);
    }
  }
}

// Lives that change after events came: the dead mass must follow exactly.
TEST(PoolViewTest, FollowsEditsOfLives) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    RandomCase random = MakeRandomCase(TestSeed(1000 + seed), 20);
    SCOPED_TRACE(random.Trace());
    const RandomCase other = MakeRandomCase(TestSeed(2000 + seed), 1);
    CataloguePool built = BuildPool(random.catalogue, 97);
    SplitMix edits(seed);
    for (int round = 0; round < 5; ++round) {
      PoolBuilder builder(*built.pool);
      auto source = other.catalogue.items.begin();
      for (auto& [id, item] : random.catalogue.items) {
        if (source == other.catalogue.items.end()) break;
        if (edits.Chance(0.5)) {
          item.alive = source->second.alive;
          builder.SetLife(builder.items().Find(id), item.alive, false);
        }
        if (edits.Chance(0.7)) ++source;
      }
      built.pool = std::move(builder).Build();
      for (const OracleRow& row : random.rows) {
        ExpectAgrees(*built.pool, random.catalogue, row.as_of);
      }
    }
  }
}

TEST(PoolViewTest, ADroppedBuilderChangesNothing) {
  const RandomCase random = MakeRandomCase(TestSeed(5), 20);
  const CataloguePool built = BuildPool(random.catalogue, 100);
  for (int round = 0; round < 3; ++round) {
    PoolBuilder builder(*built.pool);
    builder.AddItem({-77 - round, {}}, {Interval{}}, false);
    for (const OracleEvent& event : random.catalogue.events) {
      builder.AddEvent(
          {event.time + 1, 0, 0, 0, builder.items().Find(event.item), EventKind::kPositive, 2.0f});
    }
    builder.SetLife(0, {}, false);
  }
  for (const OracleRow& row : random.rows) {
    ExpectAgrees(*built.pool, random.catalogue, row.as_of);
    ExpectHistories(*built.pool, random.catalogue, row.as_of);
  }
  PoolBuilder builder(*built.pool);
  EXPECT_EQ(builder.AddItem({-1000, {}}, {}, false), built.pool->item_count());
}

TEST(PoolViewTest, OldViewsStayAsTheyWere) {
  RandomCase random = MakeRandomCase(TestSeed(6), 10);
  OracleCatalogue growing = random.catalogue;
  growing.events.clear();
  CataloguePool built = BuildPool(growing, 1);
  std::vector<std::pair<std::shared_ptr<const PoolView>, OracleCatalogue>> versions;
  for (size_t i = 0; i < random.catalogue.events.size(); ++i) {
    const OracleEvent& event = random.catalogue.events[i];
    PoolBuilder builder(*built.pool);
    Ordinal user = builder.users().Find(event.user);
    if (user == kNoOrdinal) user = builder.AddUser({event.user, {}});
    builder.AddEvent({event.time, 0, 0, user, builder.items().Find(event.item),
                      EventKind::kPositive, event.weight});
    built.pool = std::move(builder).Build();
    growing.events.push_back(event);
    if (i % 40 == 0) versions.emplace_back(built.pool, growing);
  }
  for (const auto& [pool, catalogue] : versions) {
    for (const OracleRow& row : random.rows) {
      ExpectAgrees(*pool, catalogue, row.as_of);
      ExpectHistories(*pool, catalogue, row.as_of);
    }
  }
}

TEST(PoolViewTest, ReportsMemoryOfEveryStructure) {
  const RandomCase random = MakeRandomCase(TestSeed(8), 1);
  const CataloguePool built = BuildPool(random.catalogue, 100);
  for (const auto& [structure, bytes] : built.pool->MemoryBytes()) {
    EXPECT_GT(bytes, 0) << structure;
  }
}

}  // namespace
}  // namespace negatron
