// SPDX-License-Identifier: Apache-2.0
// The law of `adversarial` against a softmax over all items, in double.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/index/scorer.h"
#include "server/pool/pool_builder.h"
#include "tests/support/catalogue_pool.h"
#include "tests/support/law_test_util.h"
#include "tests/support/oracle.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kDimension = 5;
constexpr uint64_t kSeed = 9;

RandomCatalogueOptions Options(Metric metric, int items) {
  RandomCatalogueOptions options;
  options.embedding = EmbeddingSettings{kDimension, metric};
  options.item_count = items;
  return options;
}

struct Expected {
  RowStatus status = RowStatus::kOk;
  std::map<int64_t, double> log_q;
  std::map<int64_t, float> scores;

  OracleLaw Law() const {
    OracleLaw law;
    for (const auto& [id, log] : log_q) law[id] = std::exp(log);
    return law;
  }
};

struct Fixture {
  Fixture(uint64_t seed, Metric metric, int rows, int items = 700)
      : random(MakeRandomCase(seed, rows, Options(metric, items))),
        pool(BuildPool(random.catalogue, 50)) {
    keys.resize(random.rows.size());
    std::iota(keys.begin(), keys.end(), 1000);
  }

  // Empty if the row has none.
  std::vector<float> Anchor(const OracleRow& row, NearestAnchor kind) const {
    std::vector<float> anchor = row.query;
    if (kind == NearestAnchor::kQuery) {
      PrepareVector(pool.vectors->settings().metric, anchor);
      return anchor;
    }
    const Ordinal item = row.positive ? pool.pool->items().Find(*row.positive) : kNoOrdinal;
    anchor.resize(kDimension);
    if (item == kNoOrdinal || !pool.vectors->Read(item, anchor)) anchor.clear();
    return anchor;
  }

  Expected Expect(size_t r, const AdversarialSource& spec) const;

  RandomCase random;
  CataloguePool pool;
  std::vector<uint64_t> keys;
};

Expected Fixture::Expect(size_t r, const AdversarialSource& spec) const {
  const OracleRow& row = random.rows[r];
  if (OracleLiving(random.catalogue, row.as_of).empty()) return {RowStatus::kNoLivingItem, {}, {}};
  const std::vector<float> anchor = Anchor(row, spec.anchor);
  if (anchor.empty()) return {RowStatus::kNoAnchor, {}, {}};
  const auto eligible = OracleEligible(random.catalogue, row);
  if (eligible.empty()) return {RowStatus::kExhausted, {}, {}};
  const Scorer scorer(*pool.vectors);
  Expected expected;
  double max = -INFINITY;
  for (const int64_t id : eligible) {
    const Ordinal item = pool.pool->items().Find(id);
    if (!pool.vectors->Contains(item)) continue;
    const float score = scorer.Score(anchor.data(), item);
    expected.scores[id] = score;
    max = std::max(max, double{score});
  }
  if (expected.scores.empty()) return {RowStatus::kNoCandidate, {}, {}};
  double sum = 0;
  for (const auto& [id, score] : expected.scores) sum += std::exp((score - max) / spec.temperature);
  for (const auto& [id, score] : expected.scores) {
    expected.log_q[id] = (score - max) / spec.temperature - std::log(sum);
  }
  return expected;
}

Policy Only(const AdversarialSource& spec) { return {{{1, "", spec}}}; }

class AdversarialTest : public testing::TestWithParam<Metric> {};

TEST_P(AdversarialTest, DrawsFitTheSoftmaxOfEachRow) {
  constexpr int kRows = 10, kDraws = 50000, kItems = 2000;
  const Fixture fixture(TestSeed(800), GetParam(), kRows, kItems);
  SCOPED_TRACE(fixture.random.Trace());
  FalseAlarmBudget budget(3 * 2 * kRows);
  int served = 0;
  for (const NearestAnchor anchor : {NearestAnchor::kQuery, NearestAnchor::kPositive}) {
    const AdversarialSource spec{anchor, 1.5};
    for (size_t r = 0; r < kRows; ++r) {
      const Expected expected = fixture.Expect(r, spec);
      const double false_alarm = budget.Next();
      const SampledRows sampled = Sample(fixture.pool, Only(spec), {fixture.random.rows[r]},
                                         {fixture.keys[r]}, kDraws, kSeed);
      ASSERT_TRUE(sampled.status.ok());
      ASSERT_EQ(sampled.statuses[0], static_cast<uint8_t>(expected.status)) << "row " << r;
      if (expected.status != RowStatus::kOk) continue;
      ++served;
      EXPECT_TRUE(FitsLaw(CountDraws(sampled.ids), expected.Law(), false_alarm)) << "row " << r;
      for (int i = 0; i < kDraws; ++i) {
        ASSERT_TRUE(LogQAgrees(sampled.log_q[i], expected.log_q.at(sampled.ids[i])));
        ASSERT_EQ(sampled.scores[i], expected.scores.at(sampled.ids[i]));
      }
    }
  }
  EXPECT_GT(served, 5);
}

// Dead, excluded and bare items are never drawn.
TEST_P(AdversarialTest, StatusesAndLogQAreThoseOfTheDefinition) {
  constexpr int kRows = 60, kCount = 20;
  std::set<RowStatus> seen;
  for (int c = 0; c < 4; ++c) {
    const Fixture fixture(TestSeed(810 + c), GetParam(), kRows, 40);
    SCOPED_TRACE(fixture.random.Trace());
    for (const NearestAnchor anchor : {NearestAnchor::kQuery, NearestAnchor::kPositive}) {
      for (const double temperature : {0.05, 1.0, 1e6}) {
        const AdversarialSource spec{anchor, temperature};
        const SampledRows sampled =
            Sample(fixture.pool, Only(spec), fixture.random.rows, fixture.keys, kCount, kSeed);
        ASSERT_TRUE(sampled.status.ok());
        for (size_t r = 0; r < kRows; ++r) {
          const Expected expected = fixture.Expect(r, spec);
          ASSERT_EQ(sampled.statuses[r], static_cast<uint8_t>(expected.status)) << "row " << r;
          seen.insert(expected.status);
          if (expected.status != RowStatus::kOk) continue;
          for (size_t i = r * kCount; i < (r + 1) * kCount; ++i) {
            ASSERT_TRUE(expected.log_q.contains(sampled.ids[i])) << "row " << r;
            ASSERT_TRUE(LogQAgrees(sampled.log_q[i], expected.log_q.at(sampled.ids[i])));
          }
        }
      }
    }
  }
  EXPECT_TRUE(seen.contains(RowStatus::kOk));
  EXPECT_TRUE(seen.contains(RowStatus::kNoAnchor));
  EXPECT_TRUE(seen.contains(RowStatus::kExhausted));
}

TEST_P(AdversarialTest, DrawsDoNotDependOnTheBatch) {
  constexpr int kRows = 40, kCount = 8;
  const Fixture fixture(TestSeed(801), GetParam(), kRows);
  const Policy policy{
      {{0.5, "", AdversarialSource{NearestAnchor::kQuery, 0.5}}, {0.5, "", UniformSource{}}}};
  const SampledRows together =
      Sample(fixture.pool, policy, fixture.random.rows, fixture.keys, kCount, kSeed);
  for (size_t r = 0; r < kRows; ++r) {
    const SampledRows alone =
        Sample(fixture.pool, policy, {fixture.random.rows[r]}, {fixture.keys[r]}, kCount, kSeed);
    ASSERT_EQ(alone.statuses[0], together.statuses[r]);
    if (alone.statuses[0] != static_cast<uint8_t>(RowStatus::kOk)) continue;
    for (int i = 0; i < kCount; ++i) {
      ASSERT_EQ(alone.ids[i], together.ids[r * kCount + i]);
      ASSERT_EQ(alone.log_q[i], together.log_q[r * kCount + i]);
      ASSERT_EQ(alone.log_q_source[i], together.log_q_source[r * kCount + i]);
    }
  }
}

// So cold that all but the best vanish; so hot that all are equal.
TEST_P(AdversarialTest, ExtremeTemperaturesDrawTheBestOrAnyItem) {
  constexpr int kRows = 20, kCount = 50;
  const Fixture fixture(TestSeed(802), GetParam(), kRows);
  for (const double temperature : {1e-300, 1e300}) {
    const AdversarialSource spec{NearestAnchor::kQuery, temperature};
    const SampledRows sampled =
        Sample(fixture.pool, Only(spec), fixture.random.rows, fixture.keys, kCount, kSeed);
    for (size_t r = 0; r < kRows; ++r) {
      const Expected expected = fixture.Expect(r, spec);
      if (expected.status != RowStatus::kOk) continue;
      for (size_t i = r * kCount; i < (r + 1) * kCount; ++i) {
        ASSERT_TRUE(LogQAgrees(sampled.log_q[i], expected.log_q.at(sampled.ids[i])));
      }
    }
  }
}

TEST_P(AdversarialTest, ColdRowsWithoutRepetitionTakeTheNextBest) {
  constexpr int kRows = 20, kCount = 8;
  const Fixture fixture(TestSeed(803), GetParam(), kRows);
  const AdversarialSource spec{NearestAnchor::kQuery, 1e-7};
  Policy policy = Only(spec);
  policy.unique = true;
  const SampledRows sampled =
      Sample(fixture.pool, policy, fixture.random.rows, fixture.keys, kCount, kSeed);
  ASSERT_TRUE(sampled.status.ok());
  for (size_t r = 0; r < kRows; ++r) {
    if (sampled.statuses[r] != static_cast<uint8_t>(RowStatus::kOk)) continue;
    std::vector<float> best;
    for (const auto& [id, score] : fixture.Expect(r, spec).scores) best.push_back(score);
    std::sort(best.rbegin(), best.rend());
    const auto first = static_cast<std::ptrdiff_t>(r * kCount);
    std::vector<float> scores(sampled.scores.begin() + first,
                              sampled.scores.begin() + first + kCount);
    std::sort(scores.rbegin(), scores.rend());
    for (int i = 0; i < kCount; ++i) {
      ASSERT_NEAR(scores[i], best[i], 1e-5) << "row " << r;
      ASSERT_TRUE(std::isfinite(sampled.log_q[r * kCount + i]));
    }
  }
}

// What the source says of given items and of a positive outside all else.
TEST_P(AdversarialTest, TellsProbabilitiesOfItemsAndOfThePositive) {
  const Fixture fixture(TestSeed(804), GetParam(), 1, 900);
  const PoolView& pool = *fixture.pool.pool;
  const VectorTable& vectors = *fixture.pool.vectors;
  const Cancellation cancellation;
  const SourceContext context{&pool, &vectors, Philox(kSeed), &cancellation};
  const UserHistory no_history;
  const std::vector<float> query = fixture.Anchor(fixture.random.rows[0], NearestAnchor::kQuery);
  const Scorer scorer(vectors);
  for (const double temperature : {0.01, 0.7, 1e5}) {
    const auto source =
        MakeSource({1, "", AdversarialSource{NearestAnchor::kQuery, temperature}}, context);
    for (Ordinal positive = 0; positive < pool.item_count(); positive += 97) {
      std::vector<Row> rows(1);
      rows[0].as_of = fixture.random.rows[0].as_of;
      rows[0].positive = positive;
      rows[0].query = query.data();
      rows[0].excluded.Reset(no_history, rows[0].as_of, positive, {});
      std::vector<RowStatus> statuses(1);
      ASSERT_TRUE(source->Begin(rows, statuses).ok());
      ASSERT_EQ(statuses[0], RowStatus::kOk);
      double max = -INFINITY, sum = 0, others = 0;
      std::map<Ordinal, double> scores;
      for (Ordinal item = 0; item < pool.item_count(); ++item) {
        if (!pool.IsAlive(item, rows[0].as_of) || !vectors.Contains(item)) continue;
        scores[item] = scorer.Score(query.data(), item);
        max = std::max(max, scores[item]);
      }
      for (const auto& [item, score] : scores) sum += std::exp((score - max) / temperature);
      const bool drawable = scores.contains(positive);
      const double own = drawable ? std::exp((scores[positive] - max) / temperature) : 0;
      ASSERT_NEAR(source->PositiveProbability(0), own / sum, 1e-12 * (1 + own / sum));
      std::vector<Candidate> candidates;
      ASSERT_TRUE(source->Enumerate(0, &candidates).ok());
      ASSERT_EQ(candidates.size(), scores.size() - (drawable ? 1 : 0));
      for (const Candidate& candidate : candidates) others += candidate.weight;
      for (const Candidate& candidate : candidates) {
        const RowItem pair{0, candidate.item};
        double q = 0;
        source->Probabilities({&pair, 1}, {&q, 1});
        // What vanishes is told as the least double, so that its logarithm is finite.
        const double told = std::max(candidate.weight / others, std::numeric_limits<double>::min());
        ASSERT_NEAR(q, told, 1e-12 * q);
      }
    }
  }
}

TEST_P(AdversarialTest, CancelledCallsEnd) {
  const Fixture fixture(TestSeed(805), GetParam(), 1);
  Cancellation cancellation;
  cancellation.Cancel();
  const SourceContext context{fixture.pool.pool.get(), fixture.pool.vectors.get(), Philox(kSeed),
                              &cancellation};
  const auto source = MakeSource({1, "", AdversarialSource{NearestAnchor::kQuery, 1}}, context);
  const UserHistory no_history;
  std::vector<Row> rows(1);
  rows[0].query = fixture.random.rows[0].query.data();
  rows[0].excluded.Reset(no_history, 0, kNoOrdinal, {});
  std::vector<RowStatus> statuses(1);
  EXPECT_EQ(source->Begin(rows, statuses).code(), absl::StatusCode::kCancelled);
}

TEST(AdversarialCategoryTest, DrawsOnlyItemsOfTheCategory) {
  constexpr int kItems = 1200, kCount = 2000;
  const PoolView empty(PoolSettings{IdType::kInt64, IdType::kInt64, 0});
  PoolBuilder builder(empty);
  VectorTableBuilder vectors{VectorTable(EmbeddingSettings{1, Metric::kInnerProduct})};
  double sum = 0;
  for (int i = 0; i < kItems; ++i) {
    const std::vector<std::string> categories =
        i % 3 == 0 ? std::vector<std::string>{"a"} : std::vector<std::string>{"b"};
    builder.AddItem({0, {i, {}}, {Interval{}}, false, 0, 1.0F, categories});
    const float value = static_cast<float>(i % 10);
    vectors.Set(static_cast<Ordinal>(i), {&value, 1});
    if (i % 3 == 0) sum += std::exp(i % 10);
  }
  const CataloguePool pool{std::move(builder).Build(), std::move(vectors).Build()};
  OracleRow row;
  row.query = {1};
  const AdversarialSource spec{NearestAnchor::kQuery, 1};
  const SampledRows sampled = Sample(pool, {{{1, "a", spec}}}, {row}, {5}, kCount, kSeed);
  ASSERT_EQ(sampled.statuses[0], static_cast<uint8_t>(RowStatus::kOk));
  for (int i = 0; i < kCount; ++i) {
    ASSERT_EQ(sampled.ids[i] % 3, 0);
    const auto score = static_cast<double>(sampled.ids[i] % 10);
    ASSERT_TRUE(LogQAgrees(sampled.log_q[i], score - std::log(sum)));
  }
  const SampledRows none = Sample(pool, {{{1, "c", spec}}}, {row}, {5}, kCount, kSeed);
  EXPECT_EQ(none.statuses[0], static_cast<uint8_t>(RowStatus::kNoCandidate));
}

INSTANTIATE_TEST_SUITE_P(Metrics, AdversarialTest,
                         testing::Values(Metric::kInnerProduct, Metric::kCosine, Metric::kL2));

}  // namespace
}  // namespace negatron
