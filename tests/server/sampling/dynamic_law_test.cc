// SPDX-License-Identifier: Apache-2.0
// The laws of `dynamic`: against all pools that a small catalogue can give, against closed forms,
// and, for what it reports, against what it then draws.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/pool/pool_builder.h"
#include "tests/support/catalogue_pool.h"
#include "tests/support/law_test_util.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int64_t kNothing = -1;  // Padding.

// An item whose score against the query 1 is its vector, its id being its place.
struct Item {
  std::optional<float> score;
  double mass = 1;  // Of `popularity`.
  float base_weight = 1;
  bool alive = true;
  std::string category = "all";
};

CataloguePool MakePool(const std::vector<Item>& items) {
  const PoolView empty(PoolSettings{IdType::kInt64, IdType::kInt64, 0});
  PoolBuilder builder(empty);
  VectorTableBuilder vectors{VectorTable(EmbeddingSettings{1, Metric::kInnerProduct})};
  const Ordinal user = builder.AddUser({7, {}});
  for (size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    const Interval life = item.alive ? Interval{} : Interval{kAlways, 0};
    builder.AddItem(
        {0, {static_cast<int64_t>(i), {}}, {life}, false, 0, item.base_weight, {item.category}});
    // A positive weighs as much as its event and its item together.
    builder.AddEvent({0, 0, 0, user, static_cast<Ordinal>(i), EventKind::kPositive,
                      static_cast<float>(item.mass / item.base_weight)});
    if (item.score) vectors.Set(static_cast<Ordinal>(i), {&*item.score, 1});
  }
  return {std::move(builder).Build(), std::move(vectors).Build()};
}

OracleRow MakeRow(std::optional<int64_t> positive = std::nullopt,
                  std::vector<int64_t> exclusions = {}) {
  OracleRow row;
  row.as_of = 1000;
  row.query = {1};
  row.positive = positive;
  row.exclusions = std::move(exclusions);
  return row;
}

// One row after the other, with keys from 1 on.
SampledRows SampleMany(const CataloguePool& pool, const PolicyComponent& component,
                       const OracleRow& row, int rows, int count, uint64_t seed) {
  std::vector<uint64_t> keys(static_cast<size_t>(rows));
  std::iota(keys.begin(), keys.end(), uint64_t{1});
  return Sample(pool, {{component}}, std::vector<OracleRow>(keys.size(), row), keys, count, seed);
}

// Every pool of `size` draws, with its probability.
void ForEachPool(const std::vector<double>& p, int size,
                 const std::function<void(const std::vector<int64_t>&, double)>& visit) {
  std::vector<int64_t> pool;
  const std::function<void(double)> extend = [&](double probability) {
    if (static_cast<int>(pool.size()) == size) return visit(pool, probability);
    for (size_t i = 0; i < p.size(); ++i) {
      if (p[i] <= 0) continue;
      pool.push_back(static_cast<int64_t>(i));
      extend(probability * p[i]);
      pool.pop_back();
    }
  };
  extend(1);
}

// Items of a pool that have a score, each once, in the order in which TOP or AHNS take them.
std::vector<int64_t> Ranked(const std::vector<Item>& items, std::vector<int64_t> pool,
                            const std::function<double(double)>& badness) {
  std::sort(pool.begin(), pool.end());
  pool.erase(std::unique(pool.begin(), pool.end()), pool.end());
  std::erase_if(pool, [&](int64_t i) { return !items[i].score; });
  std::stable_sort(pool.begin(), pool.end(), [&](int64_t a, int64_t b) {
    return badness(*items[a].score) < badness(*items[b].score);
  });
  return pool;
}

// The law of slot `slot`, given the pool.
OracleLaw LawGivenPool(const std::vector<Item>& items, const std::vector<int64_t>& pool,
                       const DynamicSource& spec, double target, size_t slot) {
  std::function<double(double)> badness = [](double score) { return -score; };
  if (spec.pick == DynamicPick::kAhns) {
    badness = [target](double score) { return std::abs(score - target); };
  }
  std::vector<int64_t> ranked = Ranked(items, pool, badness);
  if (ranked.empty()) return {{kNothing, 1}};
  if (spec.top_count > 0) ranked.resize(std::min<size_t>(spec.top_count, ranked.size()));
  if (spec.pick == DynamicPick::kTop || spec.pick == DynamicPick::kAhns) {
    return {{ranked[slot % ranked.size()], 1}};
  }
  OracleLaw law;
  if (spec.pick == DynamicPick::kUniform) {
    for (const int64_t i : ranked) law[i] = 1.0 / static_cast<double>(ranked.size());
    return law;
  }
  double sum = 0;
  for (const int64_t i : pool) {
    if (!items[i].score) continue;
    const double weight = std::exp(*items[i].score / spec.temperature);
    law[i] += weight;
    sum += weight;
  }
  for (auto& [item, q] : law) q /= sum;
  return law;
}

// 60,000 rows a case; each of the 36 hypotheses has a 36th of the program's rate of false alarms.
TEST(DynamicLawTest, EverySlotFitsTheSumOverAllPools) {
  constexpr int kRows = 60000, kSlots = 3, kPoolSize = 5;
  // 3 is the positive; 1 and 4 tie; 5 has no vector.
  const std::vector<Item> items = {{0.5F, 2, 2}, {1.25F, 6, 1},  {-1, 1, 4},
                                   {2, 5, 1},    {1.25F, 3, .5}, {std::nullopt, 4, 1}};
  const CataloguePool pool = MakePool(items);
  const OracleRow row = MakeRow(3);
  // The target is 4 * (2 + 1)^-1.5, about 0.77.
  const AhnsTarget target{1, 4, -2.5};
  const double target_score = 4 * std::pow(3, -1.5);
  struct Base {
    std::variant<UniformSource, PopularitySource> spec;
    double (*weight)(const Item&);
  };
  const Base bases[] = {
      {UniformSource{}, [](const Item&) { return 1.0; }},
      {UniformSource{true}, [](const Item& item) { return double{item.base_weight}; }},
      {PopularitySource{}, [](const Item& item) { return item.mass; }}};
  FalseAlarmBudget budget(3 * 4 * kSlots);
  for (const Base& base : bases) {
    std::vector<double> p;
    for (size_t i = 0; i < items.size(); ++i) p.push_back(i == 3 ? 0 : base.weight(items[i]));
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& q : p) q /= sum;
    DynamicSource spec{base.spec, NearestAnchor::kQuery, kPoolSize};
    for (const DynamicPick pick :
         {DynamicPick::kTop, DynamicPick::kUniform, DynamicPick::kSoftmax, DynamicPick::kAhns}) {
      spec.pick = pick;
      const bool takes_top = pick == DynamicPick::kTop || pick == DynamicPick::kUniform;
      spec.top_count = takes_top ? 2 : 0;
      spec.temperature = pick == DynamicPick::kSoftmax ? 0.8 : 0;
      spec.target = pick == DynamicPick::kAhns ? std::optional(target) : std::nullopt;
      const SampledRows sampled =
          SampleMany(pool, {1, "", spec}, row, kRows, kSlots, TestSeed(900));
      ASSERT_TRUE(sampled.status.ok());
      for (size_t slot = 0; slot < kSlots; ++slot) {
        OracleLaw law;
        ForEachPool(p, kPoolSize, [&](const std::vector<int64_t>& drawn, double probability) {
          for (const auto& [item, q] : LawGivenPool(items, drawn, spec, target_score, slot)) {
            law[item] += probability * q;
          }
        });
        std::map<int64_t, int64_t> counts;
        for (size_t r = 0; r < kRows; ++r) ++counts[sampled.ids[r * kSlots + slot]];
        EXPECT_TRUE(FitsLaw(counts, law, budget.Next()))
            << "pick " << static_cast<int>(pick) << " slot " << slot;
      }
    }
  }
}

// The best of a pool is one of a set with probability 1 - (1 - mass of the set)^M. 40,000 rows a
// case.
TEST(DynamicLawTest, TheBestOfAPoolHasItsClosedForm) {
  constexpr int kRows = 40000, kItems = 300, kPoolSize = 16;
  std::vector<Item> items;
  std::vector<int64_t> named;
  for (int i = 0; i < kItems; ++i) {
    Item item{static_cast<float>(i * 7919 % kItems), 1.0 + i % 5};
    if (i % 11 == 0) item.score.reset();
    if (i % 7 == 0) item.alive = false;
    if (i % 3 != 0) item.category = "other";
    if (i % 10 == 1) named.push_back(i);
    items.push_back(item);
  }
  const CataloguePool pool = MakePool(items);
  const OracleRow row = MakeRow(std::nullopt, named);
  FalseAlarmBudget budget(3);
  const auto check = [&](const std::variant<UniformSource, PopularitySource>& base, bool by_mass,
                         const std::string& category) {
    std::vector<std::pair<float, int64_t>> ranked;
    double total = 0;
    const auto weight = [&](int64_t i) { return by_mass ? items[i].mass : 1.0; };
    for (int64_t i = 0; i < kItems; ++i) {
      const Item& item = items[i];
      if (!item.alive || i % 10 == 1 || (!category.empty() && item.category != category)) continue;
      total += weight(i);
      if (item.score) ranked.emplace_back(-*item.score, i);
    }
    std::sort(ranked.begin(), ranked.end());
    OracleLaw law;
    double none = 1, rest = total;  // Of the pool: none of those so far, and what it is made of.
    for (const auto& [score, i] : ranked) {
      rest -= weight(i);
      const double none_yet = std::pow(rest / total, kPoolSize);
      law[i] = none - none_yet;
      none = none_yet;
    }
    law[kNothing] = none;
    const DynamicSource spec{base, NearestAnchor::kQuery, kPoolSize, DynamicPick::kTop, 1};
    const SampledRows sampled = SampleMany(pool, {1, category, spec}, row, kRows, 1, TestSeed(901));
    EXPECT_TRUE(FitsLaw(CountDraws(sampled.ids), law, budget.Next())) << category << by_mass;
  };
  check(UniformSource{}, false, "");
  check(PopularitySource{}, true, "");
  check(PopularitySource{}, true, "all");
}

// What is reported is the law of the row's pool, and the draws are independent given it: 30,000
// draws for each of 2 * 20 rows. The pool of a softmax counts its items as often as they were
// drawn.
TEST(DynamicLawTest, ReportedLawsAreThoseOfTheDrawsGivenThePool) {
  constexpr int kRows = 20, kDraws = 30000, kPoolSize = 12, kTop = 7, kItems = 15;
  std::vector<Item> items;
  for (int i = 0; i < kItems; ++i) items.push_back({static_cast<float>(i % 9) / 4, 1.0 + i});
  const CataloguePool pool = MakePool(items);
  const PopularitySource base;
  FalseAlarmBudget budget(2 * kRows);
  int repeated = 0;
  for (const bool softmax : {false, true}) {
    const double temperature = softmax ? 1.5 : 0;
    const DynamicSource spec{base,
                             NearestAnchor::kQuery,
                             kPoolSize,
                             softmax ? DynamicPick::kSoftmax : DynamicPick::kUniform,
                             softmax ? 0 : kTop,
                             temperature};
    const SampledRows sampled =
        SampleMany(pool, {1, "", spec}, MakeRow(), kRows, kDraws, TestSeed(902));
    ASSERT_TRUE(sampled.status.ok());
    for (size_t r = 0; r < kRows; ++r) {
      OracleLaw law;
      std::vector<int64_t> ids;
      for (size_t i = r * kDraws; i < (r + 1) * kDraws; ++i) {
        ids.push_back(sampled.ids[i]);
        law[sampled.ids[i]] = std::exp(double{sampled.log_q[i]});
        ASSERT_EQ(sampled.scores[i], *items[sampled.ids[i]].score);
        ASSERT_EQ(sampled.log_q[i], sampled.log_q_source[i]);
      }
      // Reported as floats.
      double sum = 0;
      for (const auto& [item, q] : law) sum += q;
      ASSERT_NEAR(sum, 1, 1e-5) << "row " << r;
      for (auto& [item, q] : law) q /= sum;
      EXPECT_TRUE(FitsLaw(CountDraws(ids), law, budget.Next())) << "row " << r;
      if (!softmax) continue;
      std::map<int64_t, double> copies;
      double total = 0;
      for (const auto& [item, q] : law) {
        total += copies[item] = q / std::exp(*items[item].score / temperature);
      }
      for (const auto& [item, share] : copies) {
        const double count = share / total * kPoolSize;
        ASSERT_NEAR(count, std::max(1.0, std::round(count)), 1e-3) << "row " << r;
        repeated += count > 1.5;
      }
    }
  }
  EXPECT_GT(repeated, 10);
}

// log q of a mixture has the shares of all components, whichever drew.
TEST(DynamicLawTest, MixturesAddTheLawsOfTheirComponents) {
  constexpr int kCount = 4000, kItems = 40;
  std::vector<Item> items;
  for (int i = 0; i < kItems; ++i) items.push_back({static_cast<float>(i % 9) / 4});
  const CataloguePool pool = MakePool(items);
  const DynamicSource spec{UniformSource{}, NearestAnchor::kQuery, 10, DynamicPick::kSoftmax, 0, 1};
  const SampledRows sampled = Sample(pool, {{{1, "", spec}, {3, "", UniformSource{}}}}, {MakeRow()},
                                     {5}, kCount, TestSeed(903));
  std::map<int64_t, double> given_pool;
  for (size_t i = 0; i < kCount; ++i) {
    if (sampled.components[i] == 0) given_pool[sampled.ids[i]] = std::exp(sampled.log_q_source[i]);
  }
  EXPECT_LE(given_pool.size(), 10u);
  int outside = 0;
  for (size_t i = 0; i < kCount; ++i) {
    const auto found = given_pool.find(sampled.ids[i]);
    const double q = found == given_pool.end() ? 0 : found->second;
    outside += q == 0;
    ASSERT_TRUE(LogQAgrees(sampled.log_q[i], std::log(0.25 * q + 0.75 / kItems)));
  }
  EXPECT_GT(outside, 100);
}

// More items of one category are nearest to the target than a slot has attempts; of the others the
// farthest scores highest. 1,024 draws of 40 items miss one of them once in 4e9 runs.
TEST(DynamicLawTest, AhnsUnderACapGoesOnInOrderOfDistance) {
  constexpr int kItems = 41, kCrowd = 26;
  std::vector<Item> items;
  for (int i = 0; i < kItems; ++i) {
    Item item{static_cast<float>(i < kCrowd ? i - 1 : 2 * i)};
    item.category = i < kCrowd ? "crowd" : "of its own " + std::to_string(i);
    items.push_back(item);
  }
  const CataloguePool pool = MakePool(items);
  DynamicSource spec{UniformSource{}, NearestAnchor::kQuery, kMaxPoolSize, DynamicPick::kAhns};
  spec.target = AhnsTarget{60, 0, -1};
  Policy policy{{{1, "", spec}}};
  policy.category_cap = 1;
  const SampledRows sampled = Sample(pool, policy, {MakeRow(0)}, {5}, 2, 1);
  ASSERT_EQ(sampled.statuses[0], static_cast<uint8_t>(RowStatus::kOk));
  EXPECT_EQ(sampled.ids, (std::vector<int64_t>{1, kCrowd}));
}

}  // namespace
}  // namespace negatron
