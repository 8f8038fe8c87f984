// SPDX-License-Identifier: Apache-2.0
//
// What is drawn does not depend on what is remembered of excluded mass, whatever happens to the
// pool between two calls.
#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "server/pool/pool_builder.h"
#include "server/sampling/sampler.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kItems = 40;
constexpr int kUsers = 6;
constexpr int kRows = 48;
constexpr int kNegatives = 4;
constexpr Micros kHour = 3600LL * 1000000;
constexpr Micros kEnd = 200 * kHour;

PoolSettings Settings() {
  PoolSettings settings;
  settings.half_life_micros = 24 * kHour;
  settings.windows = {12 * kHour};
  settings.cohort_popularity = true;
  settings.category_popularity = true;
  settings.popularity_grid_micros = 2 * kHour;
  return settings;
}

class World {
 public:
  explicit World(uint64_t seed) : random_(seed), pool_(std::make_shared<PoolView>(Settings())) {
    PoolBuilder builder(*pool_);
    for (int i = 0; i < kItems; ++i) builder.AddItem(RandomItem(i));
    for (int i = 0; i < kUsers; ++i) {
      ExternalId id;
      id.number = i;
      builder.AddUser(id);
    }
    pool_ = std::move(builder).Build();
  }

  // One commit of some kind.
  void Change() {
    PoolBuilder builder(*pool_);
    const uint64_t kind = Below(8);
    if (kind < 3) {
      for (int i = 0; i < 20; ++i) Add(newest_ + static_cast<Micros>(Below(kHour)), &builder);
    } else if (kind == 3) {
      Add(static_cast<Micros>(Below(newest_ + 1)), &builder);
    } else if (kind == 4 && !events_.empty()) {
      const size_t i = Below(events_.size());
      builder.RemoveEvent(events_[i]);
      events_.erase(events_.begin() + static_cast<std::ptrdiff_t>(i));
    } else if (kind == 5) {
      const auto item = static_cast<Ordinal>(Below(kItems));
      builder.SetItem(item, RandomItem(item));
    } else if (kind == 6 && Below(4) == 0) {
      watermark_ += static_cast<Micros>(Below(kHour));
      builder.SetWatermark(watermark_);
    } else {
      builder.AddItem(RandomItem(static_cast<int64_t>(pool_->item_count())));
    }
    pool_ = std::move(builder).Build();
  }

  // Items and log q of some rows, which are the same for the same `seed`.
  std::pair<std::vector<Ordinal>, std::vector<float>> Sample(const Policy& policy, uint64_t seed,
                                                             ExcludedMassCache* cache) const {
    std::mt19937_64 random(seed);
    std::vector<Micros> as_of;
    std::vector<uint64_t> keys;
    std::vector<Ordinal> users, positives;
    std::vector<uint8_t> cohorts;
    for (int r = 0; r < kRows; ++r) {
      // Few times and users, so that what is remembered is asked for.
      as_of.push_back(random() % 3 == 0 ? kEnd + static_cast<Micros>(random() % kHour)
                                        : static_cast<Micros>(random() % 20) * 8 * kHour);
      keys.push_back(random());
      users.push_back(static_cast<Ordinal>(random() % kUsers));
      positives.push_back(random() % 2 == 0 ? kNoOrdinal : static_cast<Ordinal>(random() % kItems));
      cohorts.push_back(random() % 2);
    }
    SampleBatch batch;
    batch.row_count = kRows;
    batch.negative_count = kNegatives;
    batch.as_of = as_of;
    batch.keys = keys;
    batch.users = users;
    batch.positives = positives;
    batch.cohorts = cohorts;
    std::vector<Ordinal> items(kRows * kNegatives);
    std::vector<float> log_q(kRows * kNegatives);
    std::vector<uint8_t> statuses(kRows);
    SampleColumns columns;
    columns.items = items;
    columns.log_q = log_q;
    columns.statuses = statuses;
    SampleTotals totals;
    const Cancellation cancellation;
    const SourceContext context{pool_.get(), nullptr, Philox(seed), &cancellation, cache};
    EXPECT_TRUE(SampleRows(policy, context, batch, columns, &totals).ok());
    return {items, log_q};
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  ItemRecord RandomItem(int64_t id) {
    ItemRecord item;
    item.id.number = id;
    item.base_weight = static_cast<float>(1 + Below(8)) / 4;
    if (Below(2) == 0) item.categories = {"odd"};
    const auto birth = static_cast<Micros>(Below(kEnd));
    const std::vector<std::vector<Interval>> lives = {
        {{}},
        {{birth, kNever}},
        {{kAlways, birth}},
        {{kAlways, birth}, {birth + 5 * kHour, birth + 50 * kHour}}};
    item.alive = lives[Below(lives.size())];
    return item;
  }

  void Add(Micros time, PoolBuilder* builder) {
    EventRecord event;
    event.time = time;
    event.commit_sequence = ++sequence_;
    event.user = static_cast<Ordinal>(Below(kUsers));
    event.item = static_cast<Ordinal>(Below(kItems));
    event.weight = static_cast<float>(1 + Below(4));
    event.cohort = static_cast<uint8_t>(Below(2));
    newest_ = std::max(newest_, time);
    builder->AddEvent(event);
    events_.push_back(event);
  }

  std::mt19937_64 random_;
  std::shared_ptr<const PoolView> pool_;
  std::vector<EventRecord> events_;
  Micros newest_ = 0;
  Micros watermark_ = 0;
  int64_t sequence_ = 0;
};

std::vector<Policy> Policies() {
  PopularitySource plain;
  PopularitySource flat;
  flat.alpha = 0.5;
  PopularitySource recent;
  recent.window_micros = 12 * kHour;
  PopularitySource by_cohort;
  by_cohort.within_cohort = true;
  PopularitySource unlisted;
  unlisted.half_life_micros = 5 * kHour;
  std::vector<Policy> policies;
  const auto add = [&](const char* category, const SourceSpec& source) {
    Policy policy;
    policy.components = {{1, category, source}};
    policies.push_back(policy);
  };
  add("", UniformSource{});
  add("", UniformSource{true});
  for (const PopularitySource& source : {plain, flat, recent, by_cohort, unlisted}) add("", source);
  // Users look ahead differently far under the same law.
  for (const int64_t horizon : {kHour, 30 * kHour}) {
    add("", plain);
    policies.back().history_horizon_micros = horizon;
    add("", UniformSource{});
    policies.back().history_horizon_micros = horizon;
  }
  add("odd", plain);
  add("odd", UniformSource{});
  return policies;
}

TEST(ExcludedMassTest, DrawsDoNotDependOnWhatIsRemembered) {
  const uint64_t seed = TestSeed(41);
  SCOPED_TRACE(seed);
  World world(seed);
  ExcludedMassCache cache(1 << 20);
  const std::vector<Policy> policies = Policies();
  for (int step = 0; step < 60; ++step) {
    world.Change();
    for (size_t p = 0; p < policies.size(); ++p) {
      for (const uint64_t rows : {1, 2, 1}) {
        const auto fresh = world.Sample(policies[p], rows, nullptr);
        const auto remembered = world.Sample(policies[p], rows, &cache);
        ASSERT_EQ(fresh.first, remembered.first) << "step " << step << ", policy " << p;
        ASSERT_EQ(std::memcmp(fresh.second.data(), remembered.second.data(),
                              fresh.second.size() * sizeof(float)),
                  0)
            << "step " << step << ", policy " << p;
      }
    }
  }
}

}  // namespace
}  // namespace negatron
