// SPDX-License-Identifier: Apache-2.0
// What `dynamic` draws from random catalogues, against a walk over its pools.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/index/scorer.h"
#include "tests/support/catalogue_pool.h"
#include "tests/support/oracle.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr int kDimension = 5;
constexpr int kPoolSize = 12;
constexpr uint64_t kSeed = 9;

using Base = std::variant<UniformSource, PopularitySource>;

DynamicSource Top(const Base& base, int count, NearestAnchor anchor = NearestAnchor::kQuery) {
  return {base, anchor, kPoolSize, DynamicPick::kTop, count};
}

DynamicSource OfPick(DynamicPick pick, const Base& base,
                     NearestAnchor anchor = NearestAnchor::kQuery) {
  DynamicSource spec{base, anchor, kPoolSize, pick};
  if (pick == DynamicPick::kTop || pick == DynamicPick::kUniform) spec.top_count = 5;
  if (pick == DynamicPick::kSoftmax) spec.temperature = 0.5;
  if (pick == DynamicPick::kAhns) spec.target = AhnsTarget{1.5, 2, -2};
  return spec;
}

constexpr DynamicPick kPicks[] = {DynamicPick::kTop, DynamicPick::kUniform, DynamicPick::kSoftmax,
                                  DynamicPick::kAhns};

Policy Only(const SourceSpec& spec) { return {{{1, "", spec}}}; }

struct Fixture {
  Fixture(uint64_t seed, Metric metric, int rows, int items = 60)
      : random(MakeRandomCase(seed, rows, Options(metric, items))),
        pool(BuildPool(random.catalogue, 50)) {
    keys.resize(random.rows.size());
    std::iota(keys.begin(), keys.end(), 1000);
  }

  static RandomCatalogueOptions Options(Metric metric, int items) {
    RandomCatalogueOptions options;
    options.embedding = EmbeddingSettings{kDimension, metric};
    options.item_count = items;
    return options;
  }

  SampledRows Draw(const Policy& policy, int count) const {
    return Sample(pool, policy, random.rows, keys, count, kSeed);
  }

  Ordinal Find(int64_t id) const { return pool.pool->items().Find(id); }

  // Empty if the row has none.
  std::vector<float> Anchor(size_t r, NearestAnchor kind) const {
    const OracleRow& row = random.rows[r];
    std::vector<float> anchor = row.query;
    PrepareVector(pool.vectors->settings().metric, anchor);
    if (kind == NearestAnchor::kQuery) return anchor;
    const Ordinal item = row.positive ? Find(*row.positive) : kNoOrdinal;
    if (item == kNoOrdinal || !pool.vectors->Read(item, anchor)) anchor.clear();
    return anchor;
  }

  // What the base may draw for the row.
  std::set<int64_t> Support(size_t r, const Base& base) const {
    const OracleLaw law = std::holds_alternative<UniformSource>(base)
                              ? OracleUniform(random.catalogue, random.rows[r])
                              : OraclePopularity(random.catalogue, random.rows[r]);
    std::set<int64_t> support;
    for (const auto& [id, q] : law) support.insert(id);
    return support;
  }

  RandomCase random;
  CataloguePool pool;
  std::vector<uint64_t> keys;
};

// The draws of row `r` up to the first that comes again.
std::vector<int64_t> DistinctDraws(const SampledRows& sampled, size_t r, size_t count) {
  std::vector<int64_t> ids;
  for (size_t i = r * count; i < (r + 1) * count; ++i) {
    if (std::find(ids.begin(), ids.end(), sampled.ids[i]) != ids.end()) break;
    ids.push_back(sampled.ids[i]);
  }
  return ids;
}

class DynamicTest : public testing::TestWithParam<Metric> {};

// A row of TOP that is as long as its pool shows all of it.
TEST_P(DynamicTest, PoolsHoldWhatTheBaseMayDrawAndHasAVector) {
  constexpr int kRows = 60;
  const Fixture fixture(TestSeed(910), GetParam(), kRows);
  SCOPED_TRACE(fixture.random.Trace());
  const Scorer scorer(*fixture.pool.vectors);
  std::set<RowStatus> seen;
  for (const Base& base : {Base(UniformSource{}), Base(PopularitySource{})}) {
    const SourceSpec base_spec = std::visit([](const auto& b) { return SourceSpec(b); }, base);
    const SampledRows of_base = fixture.Draw(Only(base_spec), 1);
    for (const NearestAnchor anchor_kind : {NearestAnchor::kQuery, NearestAnchor::kPositive}) {
      const SampledRows sampled = fixture.Draw(Only(Top(base, kPoolSize, anchor_kind)), kPoolSize);
      ASSERT_TRUE(sampled.status.ok());
      for (size_t r = 0; r < kRows; ++r) {
        const std::vector<float> anchor = fixture.Anchor(r, anchor_kind);
        const std::set<int64_t> support = fixture.Support(r, base);
        const auto with_vector = std::count_if(support.begin(), support.end(), [&](int64_t id) {
          return fixture.pool.vectors->Contains(fixture.Find(id));
        });
        const auto status = static_cast<RowStatus>(sampled.statuses[r]);
        const auto base_status = static_cast<RowStatus>(of_base.statuses[r]);
        seen.insert(status);
        if (base_status == RowStatus::kNoLivingItem) {
          ASSERT_EQ(status, RowStatus::kNoLivingItem) << "row " << r;
        } else if (anchor.empty()) {
          ASSERT_EQ(status, RowStatus::kNoAnchor) << "row " << r;
        } else if (base_status != RowStatus::kOk) {
          ASSERT_EQ(status, base_status) << "row " << r;
        } else if (with_vector == 0) {
          ASSERT_EQ(status, RowStatus::kNoCandidate) << "row " << r;
        } else if (static_cast<size_t>(with_vector) == support.size()) {
          ASSERT_EQ(status, RowStatus::kOk) << "row " << r;
        } else {
          ASSERT_TRUE(status == RowStatus::kOk || status == RowStatus::kNoCandidate);
        }
        if (status != RowStatus::kOk) continue;
        const std::vector<int64_t> ids = DistinctDraws(sampled, r, kPoolSize);
        for (size_t i = 0; i < ids.size(); ++i) {
          ASSERT_TRUE(support.contains(ids[i])) << "row " << r;
          const Ordinal item = fixture.Find(ids[i]);
          ASSERT_TRUE(fixture.pool.vectors->Contains(item)) << "row " << r;
          const float score = scorer.Score(anchor.data(), item);
          ASSERT_EQ(sampled.scores[r * kPoolSize + i], score);
          ASSERT_TRUE(std::isnan(sampled.log_q[r * kPoolSize + i]));
          if (i == 0) continue;
          const float before = sampled.scores[r * kPoolSize + i - 1];
          ASSERT_TRUE(before > score || (before == score && fixture.Find(ids[i - 1]) < item));
        }
        // Behind the last comes the first again.
        for (size_t i = 0; i < kPoolSize; ++i) {
          ASSERT_EQ(sampled.ids[r * kPoolSize + i], ids[i % ids.size()]) << "row " << r;
        }
      }
    }
  }
  for (const RowStatus status :
       {RowStatus::kOk, RowStatus::kNoAnchor, RowStatus::kExhausted, RowStatus::kNoEvent}) {
    EXPECT_TRUE(seen.contains(status)) << static_cast<int>(status);
  }
}

TEST_P(DynamicTest, TopAndUniformTakeTheBestOfThePool) {
  constexpr int kRows = 60, kTop = 4, kCount = 30;
  const Fixture fixture(TestSeed(911), GetParam(), kRows);
  SCOPED_TRACE(fixture.random.Trace());
  const PopularitySource base;
  const SampledRows pools = fixture.Draw(Only(Top(base, kPoolSize)), kPoolSize);
  const SampledRows top = fixture.Draw(Only(Top(base, kTop)), kCount);
  DynamicSource spec = Top(base, kTop);
  spec.pick = DynamicPick::kUniform;
  const SampledRows uniform = fixture.Draw(Only(spec), kCount);
  int served = 0;
  for (size_t r = 0; r < kRows; ++r) {
    ASSERT_EQ(top.statuses[r], pools.statuses[r]);
    ASSERT_EQ(uniform.statuses[r], pools.statuses[r]);
    if (pools.statuses[r] != static_cast<uint8_t>(RowStatus::kOk)) continue;
    ++served;
    std::vector<int64_t> best = DistinctDraws(pools, r, kPoolSize);
    best.resize(std::min<size_t>(best.size(), kTop));
    for (size_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(top.ids[r * kCount + i], best[i % best.size()]) << "row " << r;
      const int64_t id = uniform.ids[r * kCount + i];
      ASSERT_NE(std::find(best.begin(), best.end(), id), best.end()) << "row " << r;
      ASSERT_NEAR(uniform.log_q[r * kCount + i], -std::log(best.size()), 1e-6);
    }
  }
  EXPECT_GT(served, 20);
}

// Of parameters that put the target among the scores, below, and beyond all numbers.
TEST_P(DynamicTest, AhnsTakesWhatIsNearestToTheTarget) {
  constexpr int kRows = 60;
  const Fixture fixture(TestSeed(912), GetParam(), kRows);
  SCOPED_TRACE(fixture.random.Trace());
  const Scorer scorer(*fixture.pool.vectors);
  int served = 0, not_the_best = 0, without_target = 0;
  for (const AhnsTarget& target :
       {AhnsTarget{9, 1, -2}, AhnsTarget{0.25, 0.5, 0.5}, AhnsTarget{60, 0, -1},
        AhnsTarget{60, -1e300, 200}, AhnsTarget{60, 1e300, 200}, AhnsTarget{1e-3, 2, -1}}) {
    for (const NearestAnchor kind : {NearestAnchor::kQuery, NearestAnchor::kPositive}) {
      const UniformSource base;
      const SampledRows pools = fixture.Draw(Only(Top(base, kPoolSize, kind)), kPoolSize);
      DynamicSource spec{base, kind, kPoolSize, DynamicPick::kAhns};
      spec.target = target;
      const SampledRows sampled = fixture.Draw(Only(spec), kPoolSize);
      for (size_t r = 0; r < kRows; ++r) {
        const auto pool_status = static_cast<RowStatus>(pools.statuses[r]);
        if (pool_status == RowStatus::kNoLivingItem) continue;
        const std::vector<float> anchor = fixture.Anchor(r, kind);
        const std::vector<float> positive = fixture.Anchor(r, NearestAnchor::kPositive);
        double shifted = -1;
        if (!anchor.empty() && !positive.empty()) {
          const Ordinal item = fixture.Find(*fixture.random.rows[r].positive);
          shifted = scorer.Score(anchor.data(), item) + target.alpha;
        }
        const RowStatus expected = shifted > 0 ? pool_status : RowStatus::kNoAnchor;
        ASSERT_EQ(sampled.statuses[r], static_cast<uint8_t>(expected)) << "row " << r;
        without_target += shifted <= 0 && !anchor.empty() && !positive.empty();
        if (expected != RowStatus::kOk) continue;
        ++served;
        const std::vector<int64_t> ids = DistinctDraws(sampled, r, kPoolSize);
        const std::vector<int64_t> by_score = DistinctDraws(pools, r, kPoolSize);
        ASSERT_EQ(std::set<int64_t>(ids.begin(), ids.end()),
                  std::set<int64_t>(by_score.begin(), by_score.end()));
        not_the_best += ids[0] != by_score[0];
        const double wanted = target.beta * std::pow(shifted, target.p + 1);
        for (size_t i = 1; i < ids.size(); ++i) {
          const float near = sampled.scores[r * kPoolSize + i - 1];
          const float far = sampled.scores[r * kPoolSize + i];
          if (std::abs(wanted) > 1e30) {  // All distances are equal to the last bit.
            ASSERT_TRUE(wanted > 0 ? near >= far : near <= far) << "row " << r;
          } else {
            ASSERT_LE(std::abs(near - wanted), std::abs(far - wanted) * (1 + 1e-12));
          }
          ASSERT_TRUE(near != far || fixture.Find(ids[i - 1]) < fixture.Find(ids[i]));
        }
      }
    }
  }
  EXPECT_GT(served, 100);
  EXPECT_GT(not_the_best, 30);
  if (GetParam() != Metric::kInnerProduct) return;
  EXPECT_GT(without_target, 10);
}

TEST_P(DynamicTest, DrawsDoNotDependOnTheBatch) {
  constexpr int kRows = 50, kCount = 10;
  const Fixture fixture(TestSeed(913), GetParam(), kRows);
  Policy policy{{{1, "", UniformSource{}}}};
  for (const DynamicPick pick : kPicks) policy.components.push_back({1, "", OfPick(pick, {})});
  policy.components.push_back({1, "", OfPick(DynamicPick::kSoftmax, PopularitySource{0.5, {}})});
  for (const bool unique : {false, true}) {
    policy.unique = unique;
    const SampledRows together = fixture.Draw(policy, kCount);
    for (size_t r = 0; r < kRows; ++r) {
      const SampledRows alone =
          Sample(fixture.pool, policy, {fixture.random.rows[r]}, {fixture.keys[r]}, kCount, kSeed);
      ASSERT_EQ(alone.statuses[0], together.statuses[r]);
      for (size_t c = 0; c < policy.components.size(); ++c) {
        ASSERT_EQ(alone.shares[c], together.shares[r * policy.components.size() + c]);
      }
      for (size_t c = 0; c < kRejectCauseCount; ++c) {
        ASSERT_EQ(alone.rejects[c], together.rejects[r * kRejectCauseCount + c]) << "row " << r;
      }
      for (size_t i = 0; i < kCount; ++i) {
        const size_t at = r * kCount + i;
        ASSERT_EQ(alone.ids[i], together.ids[at]) << "row " << r;
        if (alone.ids[i] < 0) continue;
        ASSERT_EQ(alone.components[i], together.components[at]);
        ASSERT_TRUE(std::isnan(alone.scores[i]) ? std::isnan(together.scores[at])
                                                : alone.scores[i] == together.scores[at]);
        if (alone.components[i] == 2 || alone.components[i] == 3) {
          ASSERT_EQ(alone.log_q_source[i], together.log_q_source[at]);
        }
      }
    }
  }
}

// Without repetition a row gets its whole pool, or the best of it, and no more.
TEST_P(DynamicTest, RowsWithoutRepetitionTakeEachItemOfThePoolOnce) {
  constexpr int kRows = 60, kCount = 20;
  const Fixture fixture(TestSeed(914), GetParam(), kRows);
  const SampledRows pools = fixture.Draw(Only(Top({}, kPoolSize)), kPoolSize);
  for (const DynamicPick pick : kPicks) {
    DynamicSource spec = OfPick(pick, {});
    if (spec.target.has_value()) spec.target->alpha = 1000;
    for (const bool fits : {false, true}) {
      Policy policy = Only(spec);
      policy.unique = true;
      const int count = fits ? 1 : kCount;
      const SampledRows sampled = fixture.Draw(policy, count);
      for (size_t r = 0; r < kRows; ++r) {
        if (pools.statuses[r] != static_cast<uint8_t>(RowStatus::kOk)) continue;
        if (sampled.statuses[r] == static_cast<uint8_t>(RowStatus::kNoAnchor)) continue;
        const auto expected_status = fits ? RowStatus::kOk : RowStatus::kShort;
        ASSERT_EQ(sampled.statuses[r], static_cast<uint8_t>(expected_status)) << "row " << r;
        if (fits) continue;
        std::vector<int64_t> expected = DistinctDraws(pools, r, kPoolSize);
        if (spec.top_count > 0) {
          expected.resize(std::min<size_t>(expected.size(), spec.top_count));
        }
        std::vector<int64_t> ids(
            sampled.ids.begin() + static_cast<std::ptrdiff_t>(r * kCount),
            sampled.ids.begin() + static_cast<std::ptrdiff_t>((r + 1) * kCount));
        ids.erase(std::remove(ids.begin(), ids.end(), -1), ids.end());
        if (pick != DynamicPick::kTop) {
          std::sort(ids.begin(), ids.end());
          std::sort(expected.begin(), expected.end());
        }
        ASSERT_EQ(ids, expected) << "row " << r << " pick " << static_cast<int>(pick);
      }
    }
  }
}

TEST_P(DynamicTest, CancelledCallsEnd) {
  const Fixture fixture(TestSeed(915), GetParam(), 1);
  Cancellation cancellation;
  cancellation.Cancel();
  const SourceContext context{fixture.pool.pool.get(), fixture.pool.vectors.get(), Philox(kSeed),
                              &cancellation};
  const auto source = MakeSource({1, "", Top({}, 1)}, context);
  const UserHistory no_history;
  std::vector<Row> rows(1);
  rows[0].as_of = fixture.random.rows[0].as_of;
  rows[0].query = fixture.random.rows[0].query.data();
  rows[0].excluded.Reset(no_history, 0, kNoOrdinal, {});
  std::vector<RowStatus> statuses(1);
  EXPECT_EQ(source->Begin(rows, statuses).code(), absl::StatusCode::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(Metrics, DynamicTest,
                         testing::Values(Metric::kInnerProduct, Metric::kCosine, Metric::kL2));

// Rows of a catalogue that is always alive, without exclusions.
Fixture PlainRows(int rows, int items) {
  Fixture fixture(TestSeed(916), Metric::kInnerProduct, 1, items);
  for (auto& [id, item] : fixture.random.catalogue.items) {
    item.alive = {Interval{}};
    item.embedding = std::vector<float>(kDimension, 0.5F);
  }
  fixture.pool = BuildPool(fixture.random.catalogue, 50);
  OracleRow row = fixture.random.rows[0];
  row.user.reset();
  row.positive.reset();
  row.exclusions.clear();
  fixture.random.rows.assign(static_cast<size_t>(rows), row);
  fixture.keys.resize(static_cast<size_t>(rows));
  std::iota(fixture.keys.begin(), fixture.keys.end(), 1);
  return fixture;
}

// Two draws of 1,000 items are the same once in 1,000 times: of 4,000 pairs more than 30 are once
// in 1e16 runs.
TEST(DynamicPoolTest, PoolsAreIndependentOfOtherComponents) {
  constexpr int kRows = 4000;
  const Fixture fixture = PlainRows(kRows, 1000);
  DynamicSource single{UniformSource{}};
  single.pool_size = single.top_count = 1;
  const auto ids_of = [&](const Policy& policy, int count, int slot) {
    const SampledRows sampled = fixture.Draw(policy, count);
    std::vector<int64_t> ids;
    for (size_t r = 0; r < kRows; ++r) ids.push_back(sampled.ids[r * count + slot]);
    return ids;
  };
  const auto same = [](const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0, std::plus<>(),
                              [](int64_t x, int64_t y) { return x == y ? 1 : 0; });
  };
  const std::vector<int64_t> pool = ids_of(Only(single), 1, 0);
  EXPECT_LE(same(pool, ids_of(Only(UniformSource{}), 1, 0)), 30);
  const Policy both{{{1, "", single}, {1, "", single}}};
  EXPECT_EQ(same(pool, ids_of(both, 2, 0)), kRows);
  EXPECT_LE(same(pool, ids_of(both, 2, 1)), 30);
}

// Half of the items are excluded, so each of 1,024 draws is thrown back once on average: 600 and
// 1,450 are 9 standard deviations off.
TEST(DynamicPoolTest, ProposalsThrownBackAreCounted) {
  Fixture fixture = PlainRows(1, 100);
  for (const auto& [id, item] : fixture.random.catalogue.items) {
    if (fixture.Find(id) % 2 == 0) fixture.random.rows[0].exclusions.push_back(id);
  }
  DynamicSource spec{UniformSource{}, NearestAnchor::kQuery, kMaxPoolSize};
  spec.top_count = 1;
  const SampledRows sampled = fixture.Draw(Only(spec), 3);
  EXPECT_EQ(sampled.statuses[0], static_cast<uint8_t>(RowStatus::kOk));
  const int64_t excluded = sampled.rejects[static_cast<int>(RejectCause::kExcluded)];
  EXPECT_GT(excluded, 600);
  EXPECT_LT(excluded, 1450);
}

}  // namespace
}  // namespace negatron
