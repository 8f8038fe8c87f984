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
  const MassIndex& masses = pool.masses();
  const MassIndex::AsOf as_of = masses.At(time, 0);
  const std::set<int64_t> living = OracleLiving(catalogue, time);
  LivingItems listed;
  pool.alive().At(time, &listed);
  std::set<int64_t> listed_ids;
  for (uint64_t i = 0; i < listed.count; ++i) {
    ASSERT_TRUE(listed_ids.insert(pool.items().NumberAt(listed[i])).second) << "twice";
  }
  ASSERT_EQ(listed_ids, living);
  double living_mass = 0;
  for (const auto& [id, item] : catalogue.items) {
    const Ordinal ordinal = pool.items().Find(id);
    ASSERT_EQ(pool.IsAlive(ordinal, time), living.contains(id));
    if (as_of.span.end.leaf < 0) continue;
    const double mass = MassOf(catalogue, masses.decay(), as_of.span.end, id, time);
    ASSERT_NEAR(masses.ItemMass(masses.column(ordinal), as_of), mass, mass * 1e-12);
    if (living.contains(id)) living_mass += mass;
  }
  ASSERT_NEAR(as_of.living, living_mass, living_mass * 1e-12);
  if (living_mass == 0) {
    ASSERT_EQ(as_of.living, 0);
  }
}

void ExpectHistories(const PoolView& pool, const OracleCatalogue& catalogue, Micros time) {
  std::map<int64_t, std::set<int64_t>> seen;
  for (const OracleEvent& event : catalogue.events) {
    if (event.time < time) seen[event.user].insert(event.item);
  }
  for (Ordinal user = 0; user < pool.users().size(); ++user) {
    std::set<int64_t> items;
    const UserHistory& history = pool.history(user);
    for (uint32_t i = 0; i < history.size(); ++i) {
      const UserPositive positive = history.at(i);
      ASSERT_EQ(history.Contains(positive.item, time), positive.time < time);
      if (positive.time >= time) continue;
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
          builder.SetItem(builder.items().Find(id), {0, {}, item.alive});
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

// Events that are taken back, late ones and repeated ones among them.
TEST(PoolViewTest, ForgetsEventsThatAreTakenBack) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    RandomCase random = MakeRandomCase(TestSeed(3000 + seed), 20);
    SCOPED_TRACE(random.Trace());
    CataloguePool built = BuildPool(random.catalogue, 97);
    SplitMix choice(seed);
    while (random.catalogue.events.size() > 20) {
      PoolBuilder builder(*built.pool);
      std::vector<OracleEvent> kept;
      for (const OracleEvent& event : random.catalogue.events) {
        if (choice.Chance(0.6)) {
          kept.push_back(event);
          continue;
        }
        builder.RemoveEvent({event.time, 0, 0, builder.users().Find(event.user),
                             builder.items().Find(event.item), EventKind::kPositive, event.weight});
      }
      random.catalogue.events = std::move(kept);
      built.pool = std::move(builder).Build();
      for (const OracleRow& row : random.rows) {
        ExpectAgrees(*built.pool, random.catalogue, row.as_of);
        ExpectHistories(*built.pool, random.catalogue, row.as_of);
      }
    }
  }
}

TEST(PoolViewTest, ADroppedBuilderChangesNothing) {
  const RandomCase random = MakeRandomCase(TestSeed(5), 20);
  const CataloguePool built = BuildPool(random.catalogue, 100);
  for (int round = 0; round < 3; ++round) {
    PoolBuilder builder(*built.pool);
    builder.AddItem({0, {-77 - round, {}}, {Interval{}}});
    for (const OracleEvent& event : random.catalogue.events) {
      builder.AddEvent(
          {event.time + 1, 0, 0, 0, builder.items().Find(event.item), EventKind::kPositive, 2.0f});
    }
    builder.SetItem(0, {});
  }
  for (const OracleRow& row : random.rows) {
    ExpectAgrees(*built.pool, random.catalogue, row.as_of);
    ExpectHistories(*built.pool, random.catalogue, row.as_of);
  }
  PoolBuilder builder(*built.pool);
  EXPECT_EQ(builder.AddItem({0, {-1000, {}}}), built.pool->item_count());
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

// What users' rings have of an item, by a walk over them.
uint32_t ExposuresInRings(const PoolView& pool, Ordinal item, Micros time) {
  uint32_t count = 0;
  for (Ordinal user = 0; user < pool.users().size(); ++user) {
    for (const RingEntry& shown : pool.user_events(user).exposures.entries()) {
      count += shown.item == item && shown.time < time ? 1 : 0;
    }
  }
  return count;
}

// Late and repeated ones, more than a ring has room for, retractions, an erased user, commits that
// were dropped.
TEST(PoolViewTest, CountsTheExposuresThatUsersRingsHave) {
  constexpr Ordinal kUsers = 4, kItems = 9;
  SplitMix random(TestSeed(4000));
  auto pool = std::make_shared<const PoolView>(PoolSettings());
  {
    PoolBuilder builder(*pool);
    for (int64_t id = 0; id < kItems; ++id) builder.AddItem({0, {id, {}}, {Interval{}}});
    for (int64_t id = 0; id < kUsers; ++id) builder.AddUser({id, {}});
    pool = std::move(builder).Build();
  }
  std::vector<EventRecord> events;
  int64_t sequence = 0;
  size_t evicted = 0;
  for (int commit = 0; commit < 60; ++commit) {
    PoolBuilder builder(*pool);
    const bool dropped = commit % 10 == 5;
    ++sequence;
    for (uint32_t row = 0; row < 300; ++row) {
      EventRecord event;
      event.time = random.Chance(0.2) ? random.Between(0, 100) : commit;
      event.commit_sequence = sequence;
      event.row = row;
      event.user = random.Chance(0.7) ? 0 : static_cast<Ordinal>(random.Below(kUsers));
      event.item = static_cast<Ordinal>(random.Below(kItems - 1));
      event.kind = random.Chance(0.9) ? EventKind::kExposure : EventKind::kMined;
      event.weight = 1;
      builder.AddEvent(event);
      if (!dropped) events.push_back(event);
    }
    for (int i = 0; i < 20; ++i) builder.RemoveEvent(random.Pick(events));
    if (commit == 40) builder.EraseUser(1);
    if (dropped) continue;
    evicted += builder.TakeEvicted().size();
    pool = std::move(builder).Build();
    for (Ordinal item = 0; item < kItems; ++item) {
      for (const Micros time : {Micros{0}, random.Between(0, 101), kNever}) {
        ASSERT_EQ(pool->ExposuresBefore(item, time), ExposuresInRings(*pool, item, time))
            << "item " << item << " before " << time << " at commit " << commit;
      }
    }
  }
  EXPECT_GT(evicted, 1000u);
  EXPECT_EQ(pool->ExposuresBefore(kItems - 1, kNever), 0u);
  EXPECT_EQ(pool->ExposuresBefore(kItems, kNever), 0u);
}

TEST(PoolViewTest, ReportsMemoryOfEveryStructure) {
  const RandomCase random = MakeRandomCase(TestSeed(8), 1);
  CataloguePool built = BuildPool(random.catalogue, 100);
  PoolBuilder builder(*built.pool);
  EventRecord exposure;
  exposure.kind = EventKind::kExposure;
  builder.AddEvent(exposure);
  built.pool = std::move(builder).Build();
  for (const auto& [structure, bytes] : built.pool->MemoryBytes()) {
    // Tables to draw from are made when they are first wanted.
    const bool made_later = structure.find("draw_tables") != std::string::npos;
    EXPECT_TRUE(made_later ? bytes == 0 : bytes > 0) << structure << ": " << bytes;
  }
}

}  // namespace
}  // namespace negatron
