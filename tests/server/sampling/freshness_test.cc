// SPDX-License-Identifier: Apache-2.0
// A vector that is not as fresh as a call demands counts as none: whatever is drawn
// from a table with such vectors is what is drawn, to the bit, from one without them.
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/catalogue_pool.h"
#include "tests/support/oracle.h"
#include "tests/support/random_catalogue.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr Micros kSecond = 1000000;
constexpr int kDimension = 5;
constexpr uint64_t kSeed = 9;
constexpr int kRows = 60;

struct Fixture {
  Fixture(uint64_t seed, Metric metric) {
    RandomCatalogueOptions options;
    options.embedding = EmbeddingSettings{kDimension, metric};
    options.item_count = 150;
    random = MakeRandomCase(seed, kRows, options);
    // Stamps are random; half of the vectors have a version, some an unknown time.
    pool = BuildPool(random.catalogue, 50);
    SplitMix mix(seed);
    VectorTableBuilder builder{VectorTable(pool.vectors->settings())};
    std::vector<float> vector(kDimension);
    for (Ordinal item = 0; item < pool.pool->items().size(); ++item) {
      if (!pool.vectors->Read(item, vector)) continue;
      const VectorStamp stamp{mix.Below(4), mix.Below(5) * 10 * kSecond};
      builder.Set(item, vector, stamp);
      stamps[pool.pool->items().NumberAt(item)] = stamp;
    }
    pool.vectors = std::move(builder).Build();
    pool.freshness.as_of = 100 * kSecond;
    keys.resize(random.rows.size());
    std::iota(keys.begin(), keys.end(), 1000);
  }

  // The pool without the vectors that its freshness refuses, and without a demand.
  CataloguePool Fresh() const {
    CataloguePool fresh = pool;
    VectorTableBuilder builder{VectorTable(pool.vectors->settings())};
    std::vector<float> vector(kDimension);
    for (Ordinal item = 0; item < pool.pool->items().size(); ++item) {
      const VectorStamp stamp = pool.vectors->Stamp(item);
      if (!pool.vectors->Read(item, vector)) continue;
      const Freshness& demand = pool.freshness;
      if (stamp.model_version < demand.min_model_version) continue;
      if (demand.min_write_time &&
          (stamp.write_time == 0 || stamp.write_time < *demand.min_write_time)) {
        continue;
      }
      builder.Set(item, vector, stamp);
    }
    fresh.vectors = std::move(builder).Build();
    fresh.freshness = Freshness();
    fresh.freshness.as_of = pool.freshness.as_of;
    return fresh;
  }

  RandomCase random;
  CataloguePool pool;
  std::map<int64_t, VectorStamp> stamps;
  std::vector<uint64_t> keys;
};

// All sources that score items, alone and mixed.
std::vector<Policy> Policies() {
  std::vector<SourceSpec> sources;
  for (const NearestAnchor anchor : {NearestAnchor::kQuery, NearestAnchor::kPositive}) {
    sources.push_back(AdversarialSource{anchor, 1.5});
    sources.push_back(NearestSource{anchor, 0, 5, NearestPick::kUniform});
    sources.push_back(NearestSource{anchor, 2, 40, NearestPick::kSoftmax, 0.7});
    sources.push_back(NearestSource{anchor, 0, 3, NearestPick::kTop});
    NearestSource bounded{anchor, 0, 10, NearestPick::kUniform};
    bounded.margin = 0.1;
    bounded.noise = 0.2;
    sources.push_back(bounded);
  }
  for (const NearestAnchor anchor : {NearestAnchor::kQuery, NearestAnchor::kPositive}) {
    DynamicSource dynamic;
    dynamic.anchor = anchor;
    dynamic.pool_size = 12;
    dynamic.top_count = 4;
    sources.push_back(dynamic);
    dynamic.top_count = 0;
    dynamic.pick = DynamicPick::kAhns;
    dynamic.target = AhnsTarget{50, 0.01, -0.5};
    sources.push_back(dynamic);
  }
  std::vector<Policy> policies;
  for (const SourceSpec& source : sources) policies.push_back({{{1, "", source}}});
  Policy mix{{{1, "", sources[0]}, {1, "", UniformSource{}}, {2, "", sources[1]}}};
  policies.push_back(mix);
  mix.unique = true;
  policies.push_back(mix);
  policies.push_back({{{1, "", sources[5]}}});
  policies.back().unique = true;
  return policies;
}

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

std::vector<Freshness> Demands() {
  const Freshness by_version{2, std::nullopt, 100 * kSecond};
  const Freshness by_age{0, 20 * kSecond, 100 * kSecond};
  const Freshness by_any_known_age{0, -kSecond, 100 * kSecond};
  const Freshness by_both{1, 30 * kSecond, 100 * kSecond};
  const Freshness none_is{100, std::nullopt, 100 * kSecond};
  return {by_version, by_age, by_any_known_age, by_both, none_is};
}

class FreshnessTest : public testing::TestWithParam<Metric> {};

TEST_P(FreshnessTest, DrawsAreThoseOfATableWithoutStaleVectors) {
  Fixture fixture(TestSeed(500), GetParam());
  SCOPED_TRACE(fixture.random.Trace());
  int changed = 0;
  std::set<uint8_t> statuses;
  for (const Policy& policy : Policies()) {
    fixture.pool.freshness = Freshness{0, std::nullopt, 100 * kSecond};
    const SampledRows undemanding =
        Sample(fixture.pool, policy, fixture.random.rows, fixture.keys, 8, kSeed);
    for (const Freshness& demand : Demands()) {
      fixture.pool.freshness = demand;
      const SampledRows sampled =
          Sample(fixture.pool, policy, fixture.random.rows, fixture.keys, 8, kSeed);
      const SampledRows expected =
          Sample(fixture.Fresh(), policy, fixture.random.rows, fixture.keys, 8, kSeed);
      ASSERT_TRUE(sampled.status.ok() && expected.status.ok());
      EXPECT_EQ(sampled.ids, expected.ids);
      EXPECT_EQ(sampled.statuses, expected.statuses);
      EXPECT_TRUE(SameBits(sampled.log_q, expected.log_q));
      EXPECT_TRUE(SameBits(sampled.log_q_source, expected.log_q_source));
      EXPECT_TRUE(SameBits(sampled.scores, expected.scores));
      EXPECT_TRUE(SameBits(sampled.shares, expected.shares));
      EXPECT_TRUE(SameBits(sampled.positive_log_q, expected.positive_log_q));
      EXPECT_TRUE(SameBits(sampled.vector_ages, expected.vector_ages));
      EXPECT_EQ(sampled.model_versions, expected.model_versions);
      changed += sampled.ids != undemanding.ids ? 1 : 0;
      statuses.insert(sampled.statuses.begin(), sampled.statuses.end());
    }
  }
  EXPECT_GT(changed, 40) << "the demands must take something away";
  EXPECT_TRUE(statuses.contains(static_cast<uint8_t>(RowStatus::kNoAnchor)));
  EXPECT_TRUE(statuses.contains(static_cast<uint8_t>(RowStatus::kNoCandidate)));
  EXPECT_TRUE(statuses.contains(static_cast<uint8_t>(RowStatus::kOk)));
}

TEST_P(FreshnessTest, EveryScoredDrawTellsTheStampOfItsVector) {
  Fixture fixture(TestSeed(501), GetParam());
  SCOPED_TRACE(fixture.random.Trace());
  int64_t scored = 0, unscored = 0, padded = 0, unknown = 0;
  for (const Policy& policy : Policies()) {
    const SampledRows sampled =
        Sample(fixture.pool, policy, fixture.random.rows, fixture.keys, 60, kSeed);
    ASSERT_TRUE(sampled.status.ok());
    for (size_t i = 0; i < sampled.ids.size(); ++i) {
      const float age = sampled.vector_ages[i];
      if (std::isnan(sampled.scores[i])) {
        EXPECT_EQ(sampled.model_versions[i], -1);
        EXPECT_TRUE(std::isnan(age));
        ++(sampled.ids[i] == -1 ? padded : unscored);
        continue;
      }
      ++scored;
      const VectorStamp& stamp = fixture.stamps.at(sampled.ids[i]);
      EXPECT_EQ(sampled.model_versions[i], stamp.model_version);
      if (stamp.write_time == 0) {
        EXPECT_TRUE(std::isnan(age));
        ++unknown;
      } else {
        EXPECT_EQ(age, 100 - static_cast<float>(stamp.write_time / kSecond));
      }
    }
  }
  EXPECT_GT(scored, 1000);
  EXPECT_GT(unscored, 100);
  EXPECT_GT(padded, 100);
  EXPECT_GT(unknown, 100);
}

INSTANTIATE_TEST_SUITE_P(Metrics, FreshnessTest,
                         testing::Values(Metric::kInnerProduct, Metric::kCosine, Metric::kL2));

}  // namespace
}  // namespace negatron
