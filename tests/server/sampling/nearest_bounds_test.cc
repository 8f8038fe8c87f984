// SPDX-License-Identifier: Apache-2.0
// Bounds, margins and noise of `nearest` against a walk over all items.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/index/search.h"
#include "server/sampling/anchor_noise.h"
#include "tests/support/catalogue_pool.h"
#include "tests/support/oracle.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kDimension = 5;
constexpr uint64_t kSeed = 9;

struct Expected {
  RowStatus status = RowStatus::kOk;
  std::vector<std::pair<int64_t, float>> window;  // Ids and scores.
};

struct Fixture {
  Fixture(uint64_t seed, Metric metric, int rows)
      : random(MakeRandomCase(seed, rows, Options(metric))), pool(BuildPool(random.catalogue, 50)) {
    keys.resize(random.rows.size());
    std::iota(keys.begin(), keys.end(), 1000);
  }

  static RandomCatalogueOptions Options(Metric metric) {
    RandomCatalogueOptions options;
    options.embedding = EmbeddingSettings{kDimension, metric};
    return options;
  }

  // Empty if the item has none.
  std::vector<float> Vector(std::optional<int64_t> id) const {
    const Ordinal item = id.has_value() ? pool.pool->items().Find(*id) : kNoOrdinal;
    std::vector<float> vector(kDimension);
    if (item == kNoOrdinal || !pool.vectors->Read(item, vector)) vector.clear();
    return vector;
  }

  Expected Expect(size_t row, const NearestSource& spec) const;

  RandomCase random;
  CataloguePool pool;
  std::vector<uint64_t> keys;
};

bool Within(double score, std::optional<double> positive, const NearestSource& spec) {
  if (spec.min_score && score < *spec.min_score) return false;
  if (spec.max_score && score > *spec.max_score) return false;
  if (spec.margin && score > *positive - *spec.margin) return false;
  return !spec.relative_margin || score <= *positive - *spec.relative_margin * std::abs(*positive);
}

Expected Fixture::Expect(size_t r, const NearestSource& spec) const {
  const OracleRow& row = random.rows[r];
  const Metric metric = pool.vectors->settings().metric;
  if (OracleLiving(random.catalogue, row.as_of).empty()) return {RowStatus::kNoLivingItem, {}};
  const std::vector<float> positive = Vector(row.positive);
  std::vector<float> anchor = row.query;
  PrepareVector(metric, anchor);
  if (spec.anchor == NearestAnchor::kPositive) {
    if (positive.empty()) return {RowStatus::kNoAnchor, {}};
    anchor = positive;
  }
  if (spec.HasMargin() && positive.empty()) return {RowStatus::kNoAnchor, {}};
  if (spec.noise > 0) {
    AddNoise(Philox(kSeed), keys[r], spec.noise, anchor);
    PrepareVector(metric, anchor);
  }
  const Scorer scorer(*pool.vectors);
  std::optional<double> positive_score;
  if (!positive.empty()) {
    positive_score = scorer.Score(anchor.data(), pool.pool->items().Find(*row.positive));
  }
  std::vector<std::pair<float, int64_t>> ranked;  // By minus the score, then by order.
  const auto eligible = OracleEligible(random.catalogue, row);
  for (const int64_t id : eligible) {
    const Ordinal item = pool.pool->items().Find(id);
    if (!pool.vectors->Contains(item)) continue;
    const float score = scorer.Score(anchor.data(), item);
    if (Within(score, positive_score, spec)) ranked.emplace_back(-score, item);
  }
  std::sort(ranked.begin(), ranked.end());
  Expected expected;
  for (int i = spec.rank_begin; i < std::min<int>(spec.rank_end, ranked.size()); ++i) {
    const auto item = static_cast<Ordinal>(ranked[i].second);
    expected.window.emplace_back(pool.pool->items().NumberAt(item), -ranked[i].first);
  }
  if (eligible.empty()) {
    expected.status = RowStatus::kExhausted;
  } else if (expected.window.empty()) {
    expected.status = RowStatus::kNoCandidate;
  }
  return expected;
}

// Every combination of bounds and margins, with and without noise.
std::vector<NearestSource> Specs(NearestAnchor anchor) {
  using Bound = std::optional<double>;
  std::vector<NearestSource> specs;
  for (const Bound min_score : {Bound(), Bound(-2)}) {
    for (const Bound max_score : {Bound(), Bound(0.25)}) {
      for (const Bound margin : {Bound(), Bound(0), Bound(0.5)}) {
        for (const Bound relative : {Bound(), Bound(0), Bound(0.25), Bound(3)}) {
          for (const double noise : {0.0, 0.5}) {
            NearestSource spec{anchor, 0, 40, NearestPick::kTop, 0};
            spec.rank_begin = relative.has_value() ? 1 : 0;
            spec.rank_end = margin.has_value() ? 6 : 40;
            spec.min_score = min_score;
            spec.max_score = max_score;
            spec.margin = margin;
            spec.relative_margin = relative;
            spec.noise = noise;
            specs.push_back(spec);
          }
        }
      }
    }
  }
  return specs;
}

Policy Only(const NearestSource& spec) { return {{{1, "", spec}}}; }

class NearestBoundsTest : public testing::TestWithParam<Metric> {};

// Under the pick `top`, a row long enough shows its whole window in order.
TEST_P(NearestBoundsTest, WindowsHoldWhatIsWithinAllBounds) {
  constexpr int kRows = 12, kCount = 41;
  const Fixture fixture(TestSeed(700), GetParam(), kRows);
  SCOPED_TRACE(fixture.random.Trace());
  int served = 0, without_candidate = 0, without_anchor = 0;
  for (const NearestAnchor anchor : {NearestAnchor::kQuery, NearestAnchor::kPositive}) {
    const std::vector<NearestSource> specs = Specs(anchor);
    for (size_t s = 0; s < specs.size(); ++s) {
      const SampledRows sampled =
          Sample(fixture.pool, Only(specs[s]), fixture.random.rows, fixture.keys, kCount, kSeed);
      ASSERT_TRUE(sampled.status.ok());
      for (size_t r = 0; r < fixture.random.rows.size(); ++r) {
        const Expected expected = fixture.Expect(r, specs[s]);
        ASSERT_EQ(sampled.statuses[r], static_cast<uint8_t>(expected.status))
            << "spec " << s << " row " << r;
        served += expected.status == RowStatus::kOk;
        without_candidate += expected.status == RowStatus::kNoCandidate;
        without_anchor += expected.status == RowStatus::kNoAnchor;
        if (expected.status != RowStatus::kOk) continue;
        for (int i = 0; i < kCount; ++i) {
          const auto& [id, score] = expected.window[i % expected.window.size()];
          ASSERT_EQ(sampled.ids[r * kCount + i], id) << "spec " << s << " row " << r;
          ASSERT_EQ(sampled.scores[r * kCount + i], score);
        }
      }
    }
  }
  EXPECT_GT(served, 100);
  EXPECT_GT(without_candidate, 10);
  EXPECT_GT(without_anchor, 10);
}

TEST_P(NearestBoundsTest, DrawsDoNotDependOnTheBatch) {
  constexpr int kRows = 40, kCount = 8;
  const Fixture fixture(TestSeed(701), GetParam(), kRows);
  NearestSource spec{NearestAnchor::kQuery, 0, 20, NearestPick::kSoftmax, 0.5};
  spec.noise = 0.7;
  spec.max_score = 1;
  spec.relative_margin = 0.1;
  const SampledRows together =
      Sample(fixture.pool, Only(spec), fixture.random.rows, fixture.keys, kCount, kSeed);
  for (size_t r = 0; r < fixture.random.rows.size(); ++r) {
    const SampledRows alone = Sample(fixture.pool, Only(spec), {fixture.random.rows[r]},
                                     {fixture.keys[r]}, kCount, kSeed);
    ASSERT_EQ(alone.statuses[0], together.statuses[r]);
    for (int i = 0; i < kCount; ++i) ASSERT_EQ(alone.ids[i], together.ids[r * kCount + i]);
  }
}

TEST_P(NearestBoundsTest, ColdSoftmaxWithoutRepetitionTakesTheNextBest) {
  constexpr int kRows = 40, kCount = 8;
  const Fixture fixture(TestSeed(706), GetParam(), kRows);
  const NearestSource spec{NearestAnchor::kQuery, 0, 20, NearestPick::kSoftmax, 1e-7};
  Policy policy = Only(spec);
  policy.unique = true;
  const SampledRows sampled =
      Sample(fixture.pool, policy, fixture.random.rows, fixture.keys, kCount, kSeed);
  ASSERT_TRUE(sampled.status.ok());
  int next_best = 0;
  for (size_t r = 0; r < fixture.random.rows.size(); ++r) {
    const auto window = fixture.Expect(r, spec).window;
    const size_t count = std::min<size_t>(kCount, window.size());
    std::vector<float> scores(
        sampled.scores.begin() + static_cast<std::ptrdiff_t>(r * kCount),
        sampled.scores.begin() + static_cast<std::ptrdiff_t>(r * kCount + count));
    // Slots may get items of equal scores in any order.
    std::sort(scores.begin(), scores.end(), std::greater<>());
    for (size_t i = 0; i < count; ++i) {
      ASSERT_NEAR(scores[i], window[i].second, 1e-5) << "row " << r;
      ASSERT_TRUE(std::isfinite(sampled.log_q[r * kCount + i]));
      next_best += window[i].second < window[0].second - 1e-3;
    }
  }
  EXPECT_GT(next_best, 100);
}

TEST_P(NearestBoundsTest, NoiseTooLargeToScoreAgainstLeavesNoAnchor) {
  const Fixture fixture(TestSeed(702), GetParam(), 20);
  NearestSource spec{NearestAnchor::kQuery, 0, 20, NearestPick::kUniform, 0};
  spec.noise = 1e300;
  const SampledRows sampled =
      Sample(fixture.pool, Only(spec), fixture.random.rows, fixture.keys, 1, kSeed);
  ASSERT_TRUE(sampled.status.ok());
  for (size_t r = 0; r < fixture.random.rows.size(); ++r) {
    const std::vector<float>& query = fixture.random.rows[r].query;
    const bool zero = std::all_of(query.begin(), query.end(), [](float x) { return x == 0; });
    if (zero) continue;  // Noise in units of no length is none.
    EXPECT_NE(sampled.statuses[r], static_cast<uint8_t>(RowStatus::kOk));
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, NearestBoundsTest,
                         testing::Values(Metric::kInnerProduct, Metric::kCosine, Metric::kL2));

// Each of the statistics below is nearly normal; beyond 6 of its standard deviations it is once in
// 5e8 runs.
constexpr double kFarOff = 6;

TEST(NormalsTest, AreThoseOfBoxAndMuller) {
  const Philox random(TestSeed(703));
  for (uint64_t key = 0; key < 10000; ++key) {
    const absl::uint128 bits = random.Bits(key, 0, RandomPurpose::kNoise, 0);
    const double u = 1 - UnitDouble(absl::Uint128High64(bits));
    const double angle = 2 * M_PI * UnitDouble(absl::Uint128Low64(bits));
    const auto [x, y] = Normals(bits);
    ASSERT_NEAR(x, std::sqrt(-2 * std::log(u)) * std::cos(angle), 1e-13);
    ASSERT_NEAR(y, std::sqrt(-2 * std::log(u)) * std::sin(angle), 1e-13);
  }
  const auto [x, y] = Normals(~absl::uint128(0));
  EXPECT_NEAR(x, std::sqrt(-2 * std::log(0x1p-53)), 1e-12);
  EXPECT_NEAR(y, 0, 1e-12);
  EXPECT_EQ(Normals(0)[0], 0);
}

TEST(NormalsTest, HaveTheMomentsOfStandardNormals) {
  constexpr int kPairs = 200000;
  const Philox random(TestSeed(704));
  double sum = 0, squares = 0, fourths = 0, products = 0;
  for (uint64_t key = 0; key < kPairs; ++key) {
    const auto [x, y] = Normals(random.Bits(key, 3, RandomPurpose::kNoise, 0));
    sum += x + y;
    squares += x * x + y * y;
    fourths += x * x * x * x + y * y * y * y;
    products += x * y;
  }
  constexpr double kCount = 2.0 * kPairs;
  EXPECT_LT(std::abs(sum) / std::sqrt(kCount), kFarOff);
  EXPECT_LT(std::abs(squares - kCount) / std::sqrt(2 * kCount), kFarOff);
  EXPECT_LT(std::abs(fourths - 3 * kCount) / std::sqrt(96 * kCount), kFarOff);
  EXPECT_LT(std::abs(products) / std::sqrt(kPairs), kFarOff);
}

TEST(AddNoiseTest, IsInUnitsOfTheNormAndWithoutDirection) {
  constexpr int kRows = 5000;
  for (const double noise : {0.25, 1.0, 3.0}) {
    for (const size_t dimension : {size_t{1}, size_t{7}, size_t{64}}) {
      std::vector<float> anchor(dimension);
      double norm = 0;
      for (size_t i = 0; i < dimension; ++i) {
        anchor[i] = static_cast<float>(i) - 2.5F;
        norm += double{anchor[i]} * anchor[i];
      }
      const double deviation = noise * std::sqrt(norm / static_cast<double>(dimension));
      double sum = 0, squares = 0;
      for (uint64_t key = 0; key < kRows; ++key) {
        std::vector<float> noised = anchor;
        AddNoise(Philox(TestSeed(705)), key, noise, noised);
        for (size_t i = 0; i < dimension; ++i) {
          const double z = (double{noised[i]} - anchor[i]) / deviation;
          sum += z;
          squares += z * z;
        }
      }
      const double count = static_cast<double>(dimension) * kRows;
      EXPECT_LT(std::abs(sum) / std::sqrt(count), kFarOff);
      EXPECT_LT(std::abs(squares - count) / std::sqrt(2 * count), kFarOff);
    }
  }
}

TEST(AddNoiseTest, DependsOnSeedAndRowKey) {
  const auto noised = [](uint64_t seed, uint64_t key) {
    std::vector<float> anchor = {1, 2, 3};
    AddNoise(Philox(seed), key, 1, anchor);
    return anchor;
  };
  EXPECT_EQ(noised(1, 2), noised(1, 2));
  EXPECT_NE(noised(1, 2), noised(1, 3));
  EXPECT_NE(noised(1, 2), noised(2, 2));
}

}  // namespace
}  // namespace negatron
