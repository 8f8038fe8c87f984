// SPDX-License-Identifier: Apache-2.0
// Every source with all its parameters against a walk over all items and events,
// on random catalogues, policies and rows.
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/pool/pool_builder.h"
#include "server/sampling/sampler.h"
#include "server/sampling/shared_block.h"
#include "tests/support/law_test_util.h"
#include "tests/support/random_catalogue.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int64_t kHour = 3600LL * 1000000;
constexpr int kItems = 40;
constexpr int kUsers = 6;
constexpr int kMinedPerUser = 5;

// A catalogue of plain lists, and the pool made of it.
struct World {
  PoolSettings settings;
  std::vector<ItemRecord> items;
  std::vector<EventRecord> events;
  Micros watermark = kAlways;
  std::shared_ptr<const PoolView> pool;
};

Interval RandomLife(SplitMix& random) {
  const Micros from = random.Between(-100, 80) * kHour;
  if (random.Chance(0.4)) return {};
  return {random.Chance(0.5) ? kAlways : from,
          random.Chance(0.5) ? kNever : from + random.Between(1, 90) * kHour};
}

World MakeWorld(uint64_t seed) {
  SplitMix random(seed);
  World world;
  world.settings.half_life_micros = random.Chance(0.3) ? 0 : 9 * kHour;
  world.settings.half_lives = {2 * kHour, 50 * kHour};
  world.settings.windows = {7 * kHour, 40 * kHour};
  world.settings.cohort_popularity = true;
  world.settings.category_popularity = random.Chance(0.5);
  world.settings.mined_per_user = kMinedPerUser;
  world.settings.popularity_grid_micros = 6 * kHour;
  world.pool = std::make_shared<const PoolView>(world.settings);
  PoolBuilder items(*world.pool);
  for (int i = 0; i < kItems; ++i) {
    ItemRecord item;
    item.ordinal = static_cast<Ordinal>(i);
    item.id = {i, {}};
    item.alive = {RandomLife(random)};
    item.base_weight = static_cast<float>(std::exp2(random.Unit() * 8 - 4));
    if (random.Chance(0.6)) item.categories.push_back("a");
    if (random.Chance(0.2)) item.categories.push_back("b");
    items.AddItem(item);
    world.items.push_back(item);
  }
  for (int u = 0; u < kUsers; ++u) items.AddUser({u, {}});
  world.pool = std::move(items).Build();
  int64_t sequence = 1;
  for (int commit = 0; commit < 12; ++commit) {
    PoolBuilder builder(*world.pool);
    for (int e = 0; e < 40; ++e) {
      EventRecord event;
      event.time = random.Between(-100, 100) * kHour / (random.Chance(0.5) ? 1 : 7);
      event.commit_sequence = sequence++;
      event.user = static_cast<Ordinal>(random.Below(kUsers));
      event.item = static_cast<Ordinal>(random.Below(kItems));
      event.kind = static_cast<EventKind>(1 + random.Below(3));
      event.weight = static_cast<float>(std::exp2(random.Unit() * 6 - 3));
      if (event.kind == EventKind::kExposure && random.Chance(0.7)) event.propensity = 0.01f;
      if (event.kind == EventKind::kPositive) event.cohort = random.Below(3);
      builder.AddEvent(event);
      world.events.push_back(event);
    }
    if (commit == 6) {
      for (Ordinal item = 0; item < kItems; item += 3) {
        ItemRecord& record = world.items[item];
        record.base_weight = 2.5f;
        record.alive = {RandomLife(random)};
        if (random.Chance(0.5)) record.categories = {"b"};
        builder.SetItem(item, record);
      }
    }
    if (commit == 8 && random.Chance(0.5)) {
      world.watermark = -30 * kHour;
      builder.SetWatermark(world.watermark);
    }
    world.pool = std::move(builder).Build();
  }
  return world;
}

struct TestRow {
  Micros as_of;
  Ordinal user;
  Ordinal positive;
  uint8_t cohort;
};

bool IsAlive(const World& world, Ordinal item, Micros time) {
  const std::vector<Interval>& alive = world.items[item].alive;
  return std::any_of(alive.begin(), alive.end(),
                     [time](const Interval& span) { return span.Contains(time); });
}

bool IsExcluded(const World& world, const TestRow& row, Ordinal item) {
  if (item == row.positive) return true;
  return std::any_of(world.events.begin(), world.events.end(), [&](const EventRecord& event) {
    return event.kind == EventKind::kPositive && event.user == row.user && event.item == item &&
           event.time < row.as_of;
  });
}

double Decayed(double weight, Micros age, int64_t half_life) {
  return half_life == 0
             ? weight
             : weight * std::exp2(-static_cast<double>(age) / static_cast<double>(half_life));
}

double PopularityWeight(const World& world, const PopularitySource& spec, const TestRow& row,
                        Ordinal item) {
  const int64_t grid = world.settings.popularity_grid_micros;
  Micros t = row.as_of;
  if (spec.alpha != 1) t = (t >= 0 ? t / grid : -((-t + grid - 1) / grid)) * grid;
  double mass = 0;
  for (const EventRecord& event : world.events) {
    if (event.kind != EventKind::kPositive || event.item != item || event.time >= t) continue;
    if (event.time < world.watermark) continue;
    if (spec.window_micros != 0 && event.time < t - spec.window_micros) continue;
    if (spec.within_cohort && event.cohort != row.cohort) continue;
    mass += Decayed(double{event.weight} * world.items[item].base_weight, t - event.time,
                    spec.half_life_micros.value_or(world.settings.half_life_micros));
  }
  return mass > 0 ? std::pow(mass, spec.alpha) : 0;
}

double UserWeight(const World& world, EventKind kind, std::optional<int64_t> half_life,
                  const TestRow& row, Ordinal item) {
  std::vector<const EventRecord*> mine;  // In order of arrival.
  for (const EventRecord& event : world.events) {
    if (event.kind == kind && event.user == row.user) mine.push_back(&event);
  }
  const bool mined = kind == EventKind::kMined;
  if (mined && mine.size() > kMinedPerUser) mine.erase(mine.begin(), mine.end() - kMinedPerUser);
  double sum = 0;
  for (const EventRecord* const event : mine) {
    if (event->item != item || (mined ? event->time > row.as_of : event->time >= row.as_of)) {
      continue;
    }
    sum += Decayed(event->weight, row.as_of - event->time,
                   half_life.value_or(world.settings.half_life_micros));
  }
  return sum;
}

double Weight(const World& world, const PolicyComponent& component, const TestRow& row,
              Ordinal item) {
  const std::vector<std::string>& categories = world.items[item].categories;
  if (!component.category.empty() &&
      std::find(categories.begin(), categories.end(), component.category) == categories.end()) {
    return 0;
  }
  if (!IsAlive(world, item, row.as_of)) return 0;
  if (const auto* uniform = std::get_if<UniformSource>(&component.source)) {
    return uniform->by_base_weight ? world.items[item].base_weight : 1;
  }
  if (const auto* popularity = std::get_if<PopularitySource>(&component.source)) {
    return PopularityWeight(world, *popularity, row, item);
  }
  if (const auto* exposure = std::get_if<ExposureSource>(&component.source)) {
    return UserWeight(world, EventKind::kExposure, exposure->half_life_micros, row, item);
  }
  return UserWeight(world, EventKind::kMined,
                    std::get<MinedSource>(component.source).half_life_micros, row, item);
}

OracleLaw LawOfRow(const World& world, const PolicyComponent& component, const TestRow& row) {
  OracleLaw law;
  double sum = 0;
  for (Ordinal item = 0; item < kItems; ++item) {
    if (IsExcluded(world, row, item)) continue;
    const double weight = Weight(world, component, row, item);
    if (weight <= 0) continue;
    law[item] = weight;
    sum += weight;
  }
  for (auto& [item, q] : law) q /= sum;
  return law;
}

PolicyComponent RandomComponent(SplitMix& random) {
  PolicyComponent component{0.1 + random.Unit(), "", UniformSource{}};
  if (random.Chance(0.3)) component.category = random.Chance(0.6) ? "a" : "b";
  switch (random.Below(6)) {
    case 0:
      component.source = UniformSource{random.Chance(0.5)};
      break;
    case 1:
      component.source =
          ExposureSource{random.Chance(0.5) ? std::optional<int64_t>(3 * kHour) : std::nullopt, 20};
      break;
    case 2:
      component.source = MinedSource{};
      break;
    default: {
      PopularitySource popularity;
      if (random.Chance(0.3)) popularity.alpha = random.Chance(0.5) ? 0.75 : 1.5;
      const int64_t half_lives[] = {0, 2 * kHour, 50 * kHour, 13 * kHour};
      if (random.Chance(0.5)) popularity.half_life_micros = half_lives[random.Below(4)];
      const int64_t windows[] = {7 * kHour, 40 * kHour, 11 * kHour};
      if (random.Chance(0.5)) popularity.window_micros = windows[random.Below(3)];
      popularity.within_cohort = random.Chance(0.3);
      component.source = popularity;
    }
  }
  return component;
}

std::vector<TestRow> RandomRows(SplitMix& random, int count) {
  std::vector<TestRow> rows;
  for (int r = 0; r < count; ++r) {
    rows.push_back({random.Between(-102, 110) * kHour, static_cast<Ordinal>(random.Below(kUsers)),
                    random.Chance(0.5) ? static_cast<Ordinal>(random.Below(kItems)) : kNoOrdinal,
                    static_cast<uint8_t>(random.Below(4))});
  }
  return rows;
}

struct Sampled {
  std::vector<Ordinal> items;
  std::vector<float> log_q, log_q_source, expected, importance, positive;
  std::vector<uint8_t> components, statuses;
  std::vector<float> shares;
  std::vector<int64_t> drawn, boundaries;
};

Sampled Sample(const World& world, const Policy& policy, const std::vector<TestRow>& rows, int k,
               uint64_t seed) {
  std::vector<Micros> as_of;
  std::vector<uint64_t> keys;
  std::vector<Ordinal> users, positives;
  std::vector<uint8_t> cohorts;
  for (const TestRow& row : rows) {
    as_of.push_back(row.as_of);
    keys.push_back(keys.size());
    users.push_back(row.user);
    positives.push_back(row.positive);
    cohorts.push_back(row.cohort);
  }
  SampleBatch batch;
  batch.row_count = static_cast<int64_t>(rows.size());
  batch.negative_count = k;
  batch.as_of = as_of;
  batch.keys = keys;
  batch.users = users;
  batch.positives = positives;
  batch.cohorts = cohorts;
  const size_t n = rows.size();
  const size_t draws = n * static_cast<size_t>(k);
  const size_t c = policy.components.size();
  Sampled out{std::vector<Ordinal>(draws), std::vector<float>(draws),  std::vector<float>(draws),
              std::vector<float>(draws),   std::vector<float>(draws),  std::vector<float>(n),
              std::vector<uint8_t>(draws), std::vector<uint8_t>(n),    std::vector<float>(n * c),
              std::vector<int64_t>(n),     std::vector<int64_t>(n * c)};
  SampleColumns columns;
  columns.items = out.items;
  columns.log_q = out.log_q;
  columns.log_q_source = out.log_q_source;
  columns.components = out.components;
  columns.statuses = out.statuses;
  columns.shares = out.shares;
  columns.drawn = out.drawn;
  columns.expected_counts = out.expected;
  columns.importance_weights = out.importance;
  columns.positive_log_q = out.positive;
  columns.boundaries = out.boundaries;
  const Cancellation cancellation;
  const SourceContext context{world.pool.get(), nullptr, Philox(seed), &cancellation};
  SampleTotals totals;
  EXPECT_TRUE(SampleRows(policy, context, batch, columns, &totals).ok());
  return out;
}

// 40,000 draws for each of 300 components.
TEST(SourcesTest, DrawsFitTheLaw) {
  constexpr int kCases = 300, kDraws = 40000;
  FalseAlarmBudget budget(kCases);
  int served = 0;
  for (int c = 0; c < kCases; ++c) {
    const uint64_t seed = TestSeed(7000 + c);
    SCOPED_TRACE(seed);
    const World world = MakeWorld(seed / 10);
    SplitMix random(seed);
    Policy policy;
    policy.components = {RandomComponent(random)};
    const std::vector<TestRow> rows = RandomRows(random, 1);
    const OracleLaw law = LawOfRow(world, policy.components[0], rows[0]);
    const Sampled sampled = Sample(world, policy, rows, kDraws, seed);
    const double rate = budget.Next();
    ASSERT_EQ(law.empty(), sampled.statuses[0] != static_cast<uint8_t>(RowStatus::kOk));
    if (law.empty()) continue;
    ++served;
    std::map<int64_t, int64_t> counts;
    for (size_t i = 0; i < sampled.items.size(); ++i) {
      ++counts[sampled.items[i]];
      ASSERT_TRUE(LogQAgrees(sampled.log_q[i], law, sampled.items[i]));
    }
    EXPECT_TRUE(FitsLaw(counts, law, rate));
  }
  EXPECT_GT(served, kCases / 3);
}

// Mixtures: shares, both log q, the positives' law, expected counts.
TEST(SourcesTest, MixturesReportTheirLaws) {
  constexpr int kRows = 30, kDraws = 9;
  for (uint64_t c = 0; c < 200; ++c) {
    const uint64_t seed = TestSeed(8000 + c);
    SCOPED_TRACE(seed);
    const World world = MakeWorld(seed / 10);
    SplitMix random(seed);
    Policy policy;
    for (int i = 0; i < 4; ++i) policy.components.push_back(RandomComponent(random));
    policy.unique = random.Chance(0.5);
    policy.positive_floor = random.Chance(0.5) ? 0.01 : 0;
    const std::vector<TestRow> rows = RandomRows(random, kRows);
    const Sampled sampled = Sample(world, policy, rows, kDraws, seed);
    for (int r = 0; r < kRows; ++r) {
      std::vector<OracleLaw> laws;
      double sum = 0;
      std::set<int64_t> eligible;
      for (const PolicyComponent& component : policy.components) {
        laws.push_back(LawOfRow(world, component, rows[r]));
        if (!laws.back().empty()) sum += component.share;
        for (const auto& [item, q] : laws.back()) eligible.insert(item);
      }
      OracleLaw mixture;
      for (size_t i = 0; i < laws.size(); ++i) {
        const double share = laws[i].empty() ? 0 : policy.components[i].share / sum;
        ASSERT_NEAR(sampled.shares[r * laws.size() + i], share, 1e-6);
        for (const auto& [item, q] : laws[i]) mixture[item] += share * q;
      }
      const int64_t expected_drawn =
          policy.unique ? std::min<int64_t>(kDraws, static_cast<int64_t>(eligible.size()))
                        : (eligible.empty() ? 0 : kDraws);
      ASSERT_EQ(sampled.drawn[r], expected_drawn) << "row " << r;
      std::set<Ordinal> distinct;
      for (int i = r * kDraws; i < r * kDraws + expected_drawn; ++i) {
        const Ordinal item = sampled.items[i];
        if (policy.unique) {
          ASSERT_TRUE(distinct.insert(item).second);
        }
        ASSERT_TRUE(LogQAgrees(sampled.log_q[i], mixture, item)) << "row " << r;
        ASSERT_TRUE(LogQAgrees(sampled.log_q_source[i], laws[sampled.components[i]], item));
        if (!policy.unique) {
          ASSERT_NEAR(sampled.expected[i], kDraws * mixture[item], 1e-4 * kDraws);
        }
      }
      if (rows[r].positive == kNoOrdinal || expected_drawn == 0) {
        ASSERT_TRUE(std::isnan(sampled.positive[r]));
        continue;
      }
      double q = 0;
      for (size_t i = 0; i < laws.size(); ++i) {
        if (laws[i].empty()) continue;
        double rest = 0;
        for (Ordinal item = 0; item < kItems; ++item) {
          if (!IsExcluded(world, rows[r], item)) {
            rest += Weight(world, policy.components[i], rows[r], item);
          }
        }
        const double own = Weight(world, policy.components[i], rows[r], rows[r].positive);
        q += policy.components[i].share / sum * own / (rest + own);
      }
      int64_t choices = 1;
      for (Ordinal item = 0; item < kItems; ++item) {
        choices += IsAlive(world, item, rows[r].as_of) && !IsExcluded(world, rows[r], item);
      }
      q = (1 - policy.positive_floor) * q + policy.positive_floor / static_cast<double>(choices);
      if (q == 0) {
        ASSERT_TRUE(std::isinf(sampled.positive[r]));
      } else {
        ASSERT_NEAR(sampled.positive[r], std::log(q), 1e-4) << "row " << r;
      }
    }
  }
}

// Rows are served alike whatever else is in the batch.
TEST(SourcesTest, RowsDoNotDependOnTheirBatch) {
  const World world = MakeWorld(3);
  SplitMix random(3);
  Policy policy;
  for (int i = 0; i < 5; ++i) policy.components.push_back(RandomComponent(random));
  policy.unique = true;
  const std::vector<TestRow> rows = RandomRows(random, 100);
  const Sampled whole = Sample(world, policy, rows, 6, 11);
  const Sampled again = Sample(world, policy, {rows.begin(), rows.begin() + 7}, 6, 11);
  EXPECT_TRUE(std::equal(again.items.begin(), again.items.end(), whole.items.begin()));
}

TEST(SharedBlockTest, MasksAndRemainingMassAgreeWithAWalk) {
  for (uint64_t c = 0; c < 50; ++c) {
    const uint64_t seed = TestSeed(9000 + c);
    SCOPED_TRACE(seed);
    const World world = MakeWorld(seed / 5);
    SplitMix random(seed);
    Policy policy;
    policy.components = {{1, "", UniformSource{true}}, {2, "", PopularitySource{}}};
    const std::vector<TestRow> rows = RandomRows(random, 20);
    const Micros time = random.Between(-50, 100) * kHour;
    SampleBatch batch;
    batch.row_count = 20;
    batch.negative_count = 13;
    std::vector<Micros> as_of;
    std::vector<Ordinal> users, positives;
    for (const TestRow& row : rows) {
      as_of.push_back(row.as_of);
      users.push_back(row.user);
      positives.push_back(row.positive);
    }
    batch.as_of = as_of;
    batch.users = users;
    batch.positives = positives;
    std::vector<Ordinal> items(13);
    std::vector<float> log_q(13), remaining(20);
    std::vector<uint8_t> components(13), mask(20 * 2);
    const Cancellation cancellation;
    const SourceContext context{world.pool.get(), nullptr, Philox(seed), &cancellation};
    SampleTotals totals;
    ASSERT_TRUE(SampleSharedBlock(policy, context, batch, time, 5,
                                  {items, log_q, components, mask, remaining}, &totals)
                    .ok());
    const TestRow open{time, kNoOrdinal, kNoOrdinal, 0};
    OracleLaw law;
    double sum = 0;
    for (const PolicyComponent& component : policy.components) {
      if (!LawOfRow(world, component, open).empty()) sum += component.share;
    }
    for (const PolicyComponent& component : policy.components) {
      for (const auto& [item, q] : LawOfRow(world, component, open)) {
        law[item] += component.share / sum * q;
      }
    }
    for (int k = 0; k < 13; ++k) ASSERT_TRUE(LogQAgrees(log_q[k], law, items[k]));
    for (int r = 0; r < 20; ++r) {
      double left = 0;
      for (const auto& [item, q] : law) {
        const auto ordinal = static_cast<Ordinal>(item);
        if (IsAlive(world, ordinal, as_of[r]) && !IsExcluded(world, rows[r], ordinal)) left += q;
      }
      ASSERT_NEAR(std::exp(remaining[r]), left, 1e-5) << "row " << r;
      for (int k = 0; k < 13; ++k) {
        const bool is_false =
            !IsAlive(world, items[k], as_of[r]) || IsExcluded(world, rows[r], items[k]);
        ASSERT_EQ((mask[r * 2 + k / 8] >> (k % 8)) & 1, is_false);
      }
    }
  }
}

}  // namespace
}  // namespace negatron
