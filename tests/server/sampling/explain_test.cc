// SPDX-License-Identifier: Apache-2.0
// What is told of items is what the definitions say, and what is drawn.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/sampling/explainer.h"
#include "tests/server/sampling/guard_cases.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

constexpr uint64_t kSeed = 3;  // Of GuardScene::Draw.
constexpr double kInfinity = std::numeric_limits<double>::infinity();

RowExplanation Explain(const GuardScene& scene, const Policy& policy, const PlainRow& row,
                       const std::vector<Ordinal>& items, uint64_t key = 1) {
  const Cancellation cancellation;
  const PlainColumns columns({row}, key);
  const SourceContext context{scene.pool.get(), scene.vectors.get(), Philox(kSeed), &cancellation};
  RowExplanation explanation;
  const absl::Status status = ExplainRow(policy, context, columns.Batch(1), items, &explanation);
  EXPECT_TRUE(status.ok()) << status;
  return explanation;
}

// A source of each kind, and each kind of guard.
Policy GuardedPolicy() {
  Policy policy;
  policy.components = {{1, "", UniformSource{}},
                       {2, "all", PopularitySource{}},
                       {1.5, "", NearestSource{NearestAnchor::kQuery, 1, 8}},
                       {1, "", AdversarialSource{NearestAnchor::kPositive, 0.5}},
                       {1, "", ExposureSource{}},
                       {1, "", PopularitySource{}},
                       {0, "", UniformSource{}}};
  policy.components[2].plausibility = Plausibility{0.01, std::nullopt, 0, 2};
  policy.components[4].category_filter.none_of = {"some"};
  policy.components[5].plausibility = Plausibility{0.5};
  policy.components[5].score_bounds = ScoreBounds{NearestAnchor::kQuery, -0.5};
  policy.history_horizon_micros = 5 * kTestHour;
  policy.min_distance = MinDistance{0.3, 2};
  return policy;
}

// Accounts of one row under GuardedPolicy, by walks over all items and events.
class Definition {
 public:
  Definition(const GuardScene& scene, const Policy& policy, const PlainRow& row)
      : scene_(scene), policy_(policy), row_(row), first_(FirstPositives(scene.plain, row.user)) {
    near_ = scene.Near(row, *policy.min_distance);
    std::set<Ordinal> refused = near_;
    for (const auto& [item, time] : first_) {
      if (InHorizon(item)) refused.insert(item);
    }
    double sum = 0;
    for (size_t c = 0; c < policy.components.size(); ++c) {
      laws_.push_back(Law(c, refused));
      shares_.push_back(laws_[c].empty() ? 0 : policy.components[c].share);
      sum += shares_[c];
    }
    for (double& share : shares_) share = sum > 0 ? share / sum : 0;
  }

  bool IsAlive(Ordinal item) const {
    const auto& lives = scene_.plain.items[item].alive;
    return std::any_of(lives.begin(), lives.end(),
                       [&](const Interval& life) { return life.Contains(row_.as_of); });
  }
  std::optional<Micros> FirstPositive(Ordinal item) const {
    const auto found = first_.find(item);
    return found == first_.end() ? std::nullopt : std::optional<Micros>(found->second);
  }
  uint8_t Grounds(Ordinal item) const {
    const auto& named = row_.exclusions;
    const std::optional<Micros> first = FirstPositive(item);
    int grounds = item == row_.positive ? kGroundRowPositive : 0;
    if (first.has_value() && *first < row_.as_of) grounds |= kGroundHistory;
    if (std::find(named.begin(), named.end(), item) != named.end()) grounds |= kGroundNamed;
    if (InHorizon(item)) grounds |= kGroundInHorizon;
    if (near_.contains(item)) grounds |= kGroundNearPositive;
    return static_cast<uint8_t>(grounds);
  }
  bool IsPositive(Ordinal item) const { return (Grounds(item) & 7) != 0; }
  ItemClass Class(Ordinal item) const {
    if (IsPositive(item)) return ItemClass::kPositive;
    if (Grounds(item) != 0) return ItemClass::kUncertain;
    return IsAlive(item) ? ItemClass::kNegative : ItemClass::kDead;
  }

  double Mass(Ordinal item) const {
    const int64_t half_life = scene_.plain.settings.half_life_micros;
    double mass = 0;
    for (const EventRecord& event : scene_.plain.events) {
      if (event.item != item || event.kind != EventKind::kPositive) continue;
      if (event.time >= row_.as_of) continue;
      const double age = static_cast<double>(row_.as_of - event.time);
      const double decay = half_life == 0 ? 1 : std::exp2(-age / static_cast<double>(half_life));
      mass += event.weight * decay;
    }
    return mass * scene_.plain.items[item].base_weight;
  }
  int64_t Exposures(Ordinal item) const {
    const auto& events = scene_.plain.events;
    return std::count_if(events.begin(), events.end(), [&](const EventRecord& event) {
      return event.kind == EventKind::kExposure && event.item == item && event.time < row_.as_of;
    });
  }
  // Of living items that have more mass than the item, within rounding: the least and the most.
  std::pair<int64_t, int64_t> RanksByMass(Ordinal item) const {
    const double mass = Mass(item);
    std::pair<int64_t, int64_t> ranks{1, 1};
    for (Ordinal other = 0; other < scene_.plain.items.size(); ++other) {
      if (!IsAlive(other) || other == item) continue;
      if (Mass(other) > mass * (1 + 1e-4)) ++ranks.first;
      if (Mass(other) > mass * (1 - 1e-4)) ++ranks.second;
    }
    return ranks;
  }

  // To the nearest of the row's positive and the newest two of its user; infinity without.
  double Distance(Ordinal item) const {
    double low = 0, high = 8;
    if (!scene_.Near(row_, {high, policy_.min_distance->history_count}).contains(item)) {
      return kInfinity;
    }
    for (int i = 0; i < 40; ++i) {
      const double middle = (low + high) / 2;
      const bool is_near =
          scene_.Near(row_, {middle, policy_.min_distance->history_count}).contains(item);
      (is_near ? high : low) = middle;
    }
    return high;
  }

  // Of a component that has an anchor: what it is; empty if the row has none.
  std::vector<float> Anchor(size_t c) const {
    if (c == 3) return scene_.VectorOf(row_.positive);
    return c == 2 || c == 5 ? row_.query : std::vector<float>();
  }
  // Whether the component looks at the item, if the row does.
  DrawObstacle Filter(size_t c, Ordinal item) const {
    const auto& categories = scene_.plain.items[item].categories;
    const auto has = [&](const char* name) {
      return std::find(categories.begin(), categories.end(), name) != categories.end();
    };
    if (c == 1 && !has("all")) return DrawObstacle::kCategory;
    if (c == 4 && has("some")) return DrawObstacle::kCategoryFilter;
    if (c == 2 && (Mass(item) < 0.01 || Exposures(item) < 2)) return DrawObstacle::kPlausibility;
    if (c == 5 && Mass(item) < 0.5) return DrawObstacle::kPlausibility;
    if (c != 2 && c != 3 && c != 5) return DrawObstacle::kNone;
    if (Anchor(c).empty()) return DrawObstacle::kNoAnchor;
    if (scene_.VectorOf(item).empty()) return DrawObstacle::kNoEmbedding;
    const bool is_low = c == 5 && scene_.Score(row_.query, item) < -0.5;
    return is_low ? DrawObstacle::kScoreBounds : DrawObstacle::kNone;
  }
  DrawObstacle Obstacle(size_t c, Ordinal item) const {
    if (policy_.components[c].share == 0) return DrawObstacle::kNoShare;
    if (!IsAlive(item)) return DrawObstacle::kDead;
    if (IsPositive(item)) return DrawObstacle::kExcluded;
    if (Grounds(item) != 0) return DrawObstacle::kUncertain;
    const DrawObstacle filter = Filter(c, item);
    if (filter != DrawObstacle::kNone || laws_[c].contains(item)) return filter;
    return c == 2 ? DrawObstacle::kNotInWindow : DrawObstacle::kNoWeight;
  }
  // The place of the item in the order of scores among those that the component may choose from.
  int64_t ScoreRank(size_t c, Ordinal item) const {
    const float score = scene_.Score(Anchor(c), item);
    int64_t rank = 0;
    for (const Ordinal other : Ranked(c)) {
      const float better = scene_.Score(Anchor(c), other);
      if (better > score || (better == score && other < item)) ++rank;
    }
    return rank;
  }
  std::vector<Ordinal> Ranked(size_t c) const {
    std::vector<Ordinal> items;
    for (const Ordinal item : scene_.vectors->Items()) {
      if (!IsAlive(item) || Grounds(item) != 0 || Filter(c, item) != DrawObstacle::kNone) continue;
      items.push_back(item);
    }
    return items;
  }

  const OracleLaw& LawOf(size_t c) const { return laws_[c]; }
  double Share(size_t c) const { return shares_[c]; }
  double Probability(size_t c, Ordinal item) const {
    const auto found = laws_[c].find(item);
    return found == laws_[c].end() ? 0 : found->second;
  }
  double Mixed(Ordinal item) const {
    double q = 0;
    for (size_t c = 0; c < laws_.size(); ++c) q += shares_[c] * Probability(c, item);
    return q;
  }

 private:
  bool InHorizon(Ordinal item) const {
    const std::optional<Micros> first = FirstPositive(item);
    return first.has_value() && *first >= row_.as_of &&
           *first <= row_.as_of + policy_.history_horizon_micros;
  }

  OracleLaw Law(size_t c, std::set<Ordinal> refused) const {
    if (policy_.components[c].share == 0) return {};
    if (c == 2 || c == 3) return LawOfScores(c);
    for (Ordinal item = 0; item < scene_.plain.items.size(); ++item) {
      if (Filter(c, item) != DrawObstacle::kNone) refused.insert(item);
    }
    return negatron::LawOf(scene_.plain, policy_.components[c], Naming(row_, refused));
  }
  OracleLaw LawOfScores(size_t c) const {
    OracleLaw law;
    if (Anchor(c).empty()) return law;
    std::vector<Ordinal> items = Ranked(c);
    const auto score = [&](Ordinal item) { return scene_.Score(Anchor(c), item); };
    if (c == 2) {
      std::stable_sort(items.begin(), items.end(),
                       [&](Ordinal a, Ordinal b) { return score(a) > score(b); });
      for (size_t i = 1; i < items.size() && i < 8; ++i) law[items[i]] = 1;
    } else {
      for (const Ordinal item : items) law[item] = std::exp(score(item) / 0.5);
    }
    double sum = 0;
    for (const auto& [item, weight] : law) sum += weight;
    for (auto& [item, weight] : law) weight /= sum;
    return law;
  }

  const GuardScene& scene_;
  const Policy& policy_;
  const PlainRow& row_;
  const std::map<Ordinal, Micros> first_;
  std::set<Ordinal> near_;
  std::vector<OracleLaw> laws_;
  std::vector<double> shares_;
};

void ExpectLogOf(double q, float log_q) {
  if (q == 0) {
    EXPECT_EQ(log_q, -kInfinity);
    return;
  }
  EXPECT_NEAR(log_q, std::log(q), 1e-5 * std::max(1.0, std::abs(std::log(q)) / 32));
}

class ExplainTest : public testing::TestWithParam<Metric> {};

TEST_P(ExplainTest, AgreesWithTheDefinitionsOnRandomUsersItemsAndTimes) {
  constexpr int kCases = 1000;
  const GuardScene scene(TestSeed(700), GetParam(), /*large=*/false);
  const Policy policy = GuardedPolicy();
  const size_t sources = policy.components.size();
  SplitMix random(TestSeed(701));
  std::map<uint8_t, int> classes, obstacles;
  for (int i = 0; i < kCases; ++i) {
    SCOPED_TRACE(i);
    PlainRow row = random.Pick(scene.rows);
    row.user = random.Chance(0.1) ? kNoOrdinal : static_cast<Ordinal>(random.Below(6));
    row.as_of = random.Between(0, 55) * kTestHour + random.Below(kTestHour);
    const auto item = static_cast<Ordinal>(random.Below(60));
    const RowExplanation told = Explain(scene, policy, row, {item});
    const Definition definition(scene, policy, row);
    EXPECT_EQ(told.classes[0], static_cast<uint8_t>(definition.Class(item)));
    EXPECT_EQ(told.grounds[0], definition.Grounds(item));
    EXPECT_EQ(told.alive[0] != 0, definition.IsAlive(item));
    EXPECT_EQ(told.first_positives[0], definition.FirstPositive(item).value_or(kNever));
    EXPECT_NEAR(told.masses[0], definition.Mass(item), 1e-5 * definition.Mass(item) + 1e-30);
    EXPECT_EQ(told.base_weights[0], scene.plain.items[item].base_weight);
    if (definition.IsAlive(item)) {
      const auto [least, most] = definition.RanksByMass(item);
      EXPECT_GE(told.popularity_ranks[0], least);
      EXPECT_LE(told.popularity_ranks[0], most);
    } else {
      EXPECT_EQ(told.popularity_ranks[0], kNoPopularityRank);
    }
    const double distance = definition.Distance(item);
    if (std::isinf(distance)) {
      EXPECT_TRUE(std::isnan(told.distances[0]));
      EXPECT_EQ(told.nearest_positives[0], kNoOrdinal);
    } else {
      EXPECT_NEAR(told.distances[0], distance, 1e-3);
    }
    ExpectLogOf(definition.Mixed(item), told.log_q[0]);
    for (size_t c = 0; c < sources; ++c) {
      SCOPED_TRACE(c);
      const bool is_served = !definition.LawOf(c).empty();
      EXPECT_NEAR(told.shares[c], definition.Share(c), 1e-6);
      EXPECT_EQ(told.source_statuses[c] == static_cast<uint8_t>(RowStatus::kOk), is_served);
      EXPECT_EQ(told.obstacles[c], static_cast<uint8_t>(definition.Obstacle(c, item)));
      if (is_served) {
        ExpectLogOf(definition.Probability(c, item), told.log_q_source[c]);
      } else {
        EXPECT_TRUE(std::isnan(told.log_q_source[c]));
      }
      const bool has_anchor = policy.components[c].share > 0 && !definition.Anchor(c).empty();
      const bool has_score = has_anchor && !scene.VectorOf(item).empty();
      EXPECT_EQ(told.ranked_counts[c],
                has_anchor ? static_cast<int64_t>(definition.Ranked(c).size()) : kNoScoreRank);
      EXPECT_EQ(!std::isnan(told.scores[c]), has_score);
      EXPECT_EQ(told.score_ranks[c], has_score ? definition.ScoreRank(c, item) : kNoScoreRank);
      ++obstacles[told.obstacles[c]];
    }
    ++classes[told.classes[0]];
  }
  EXPECT_EQ(classes.size(), 4u) << "positive, uncertain, dead and negative";
  for (int obstacle = 0; obstacle <= static_cast<int>(DrawObstacle::kNotInWindow); ++obstacle) {
    if (obstacle == static_cast<int>(DrawObstacle::kUnknownItem)) continue;
    EXPECT_GT(obstacles[static_cast<uint8_t>(obstacle)], 0) << obstacle;
  }
}

// Policies by which rows are drawn in all ways: guards with exact laws and without, kept uncertain
// items, a fallback, searches with noise, pools.
std::vector<Policy> DrawnPolicies() {
  std::vector<Policy> policies = {GuardedPolicy()};
  Policy kept = GuardedPolicy();
  kept.uncertain_rule = UncertainRule::kKeep;
  policies.push_back(kept);
  Policy guarded{{{1, "", UniformSource{}}}};
  guarded.min_distance = MinDistance{0.4, 1};
  policies.push_back(guarded);
  NearestSource noisy{NearestAnchor::kQuery, 0, 12, NearestPick::kSoftmax, 0.7};
  noisy.noise = 0.3;
  DynamicSource pool;
  pool.pool_size = 10;
  pool.pick = DynamicPick::kSoftmax;
  pool.temperature = 0.5;
  policies.push_back({{{1, "", noisy}, {1, "", pool}, {1, "", MinedSource{}}}});
  policies.push_back({{{1, "", NearestSource{NearestAnchor::kQuery, 0, 6, NearestPick::kTop}},
                       {1, "", UniformSource{}}}});
  Policy filled{{{1, "nobody", ExposureSource{}}}};
  filled.fallback = PolicyComponent{0, "", PopularitySource{}};
  policies.push_back(filled);
  return policies;
}

void ExpectSameBits(float a, float b) {
  if (std::isnan(a) && std::isnan(b)) return;
  EXPECT_EQ(std::bit_cast<uint32_t>(a), std::bit_cast<uint32_t>(b)) << a << " and " << b;
}

TEST_P(ExplainTest, TellsOfDrawsWhatTheyReport) {
  constexpr int kCount = 8;
  int fallbacks = 0;
  for (const bool large : {false, true}) {
    const GuardScene scene(TestSeed(702), GetParam(), large);
    for (const Policy& policy : DrawnPolicies()) {
      const DrawnRows drawn = scene.Draw(policy, scene.rows, kCount);
      ASSERT_TRUE(drawn.status.ok()) << drawn.status;
      for (size_t r = 0; r < scene.rows.size(); ++r) {
        SCOPED_TRACE(r);
        const auto first = drawn.items.begin() + static_cast<std::ptrdiff_t>(r * kCount);
        const std::vector<Ordinal> items(first, first + kCount);
        const RowExplanation told = Explain(scene, policy, scene.rows[r], items, 1 + r);
        EXPECT_EQ(static_cast<uint8_t>(told.row_status), drawn.statuses[r]);
        for (size_t c = 0; c < policy.components.size(); ++c) {
          ExpectSameBits(told.shares[c], drawn.shares[r * policy.components.size() + c]);
        }
        for (size_t i = 0; i < items.size() && items[i] != kNoOrdinal; ++i) {
          const size_t draw = r * kCount + i;
          const size_t source = drawn.components[draw];
          const size_t at = i * told.source_count + source;
          ASSERT_LT(source, told.source_count);
          ExpectSameBits(told.log_q[i], drawn.log_q[draw]);
          ExpectSameBits(told.log_q_source[at], drawn.log_q_source[draw]);
          if (!std::isnan(drawn.scores[draw])) ExpectSameBits(told.scores[at], drawn.scores[draw]);
          EXPECT_EQ(told.obstacles[at], static_cast<uint8_t>(DrawObstacle::kNone));
          EXPECT_NE(told.classes[i], static_cast<uint8_t>(ItemClass::kPositive));
          EXPECT_TRUE(told.alive[i]);
          fallbacks += source == policy.components.size() ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(fallbacks, 0);
}

TEST_P(ExplainTest, UnknownItemsAreExplainedAsSuch) {
  const GuardScene scene(TestSeed(703), GetParam(), /*large=*/false);
  const RowExplanation told =
      Explain(scene, GuardedPolicy(), scene.rows[0], {kNoOrdinal, 1, kNoOrdinal});
  for (const size_t i : {0, 2}) {
    EXPECT_EQ(told.classes[i], static_cast<uint8_t>(ItemClass::kUnknown));
    EXPECT_TRUE(std::isnan(told.masses[i]) && std::isnan(told.log_q[i]));
    EXPECT_EQ(told.popularity_ranks[i], kNoPopularityRank);
    EXPECT_EQ(told.obstacles[i * told.source_count],
              static_cast<uint8_t>(DrawObstacle::kUnknownItem));
  }
  EXPECT_NE(told.classes[1], static_cast<uint8_t>(ItemClass::kUnknown));
}

TEST_P(ExplainTest, StopsWhenCancelled) {
  const GuardScene scene(TestSeed(703), GetParam(), /*large=*/false);
  Cancellation cancellation;
  cancellation.Cancel();
  const PlainColumns columns({scene.rows[0]}, 1);
  const SourceContext context{scene.pool.get(), scene.vectors.get(), Philox(kSeed), &cancellation};
  RowExplanation explanation;
  const std::vector<Ordinal> items = {1};
  EXPECT_EQ(ExplainRow(GuardedPolicy(), context, columns.Batch(1), items, &explanation).code(),
            absl::StatusCode::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(Metrics, ExplainTest,
                         testing::Values(Metric::kInnerProduct, Metric::kCosine, Metric::kL2));

}  // namespace
}  // namespace negatron
