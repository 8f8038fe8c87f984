// SPDX-License-Identifier: Apache-2.0
// Filters that no index knows: categories, plausibility, bounds on scores. Rates of false alarms
// are those of tests/support/law_test_util.h.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/sampling/shared_block.h"
#include "tests/server/sampling/guard_cases.h"
#include "tests/support/random_catalogue.h"

namespace negatron {
namespace {

// A filter, and which items pass it for a row, from the definition.
struct NamedFilter {
  std::string name;
  std::function<void(PolicyComponent*)> set;
  std::function<bool(const GuardScene&, const PlainRow&, Ordinal)> passes;

  friend void PrintTo(const NamedFilter& filter, std::ostream* out) { *out << filter.name; }
};

bool HasCategory(const GuardScene& scene, Ordinal item, const std::string& category) {
  const std::vector<std::string>& categories = scene.plain.items[item].categories;
  return std::find(categories.begin(), categories.end(), category) != categories.end();
}

NamedFilter OfCategories(const std::string& name, const CategoryFilter& filter) {
  return {name, [filter](PolicyComponent* component) { component->category_filter = filter; },
          [filter](const GuardScene& scene, const PlainRow&, Ordinal item) {
            const auto has = [&](const std::string& category) {
              return HasCategory(scene, item, category);
            };
            return (filter.any_of.empty() ||
                    std::any_of(filter.any_of.begin(), filter.any_of.end(), has)) &&
                   std::all_of(filter.all_of.begin(), filter.all_of.end(), has) &&
                   std::none_of(filter.none_of.begin(), filter.none_of.end(), has);
          }};
}

// Events of an item before the row's time, with what each adds to its mass.
std::vector<double> PositivesOf(const GuardScene& scene, const PlainRow& row, Ordinal item,
                                std::optional<int64_t> half_life) {
  const int64_t length = half_life.value_or(scene.plain.settings.half_life_micros);
  std::vector<double> masses;
  for (const EventRecord& event : scene.plain.events) {
    if (event.kind != EventKind::kPositive || event.item != item || event.time >= row.as_of) {
      continue;
    }
    const double age = static_cast<double>(row.as_of - event.time);
    const double decay = length == 0 ? 1 : std::exp2(-age / static_cast<double>(length));
    masses.push_back(double{event.weight} * scene.plain.items[item].base_weight * decay);
  }
  return masses;
}

NamedFilter OfMass(const std::string& name, double least, std::optional<int64_t> half_life) {
  return {name,
          [=](PolicyComponent* component) {
            component->plausibility = Plausibility{least, half_life};
          },
          [=](const GuardScene& scene, const PlainRow& row, Ordinal item) {
            double sum = 0;
            for (const double mass : PositivesOf(scene, row, item, half_life)) sum += mass;
            return sum >= least;
          }};
}

NamedFilter OfCount(int64_t least) {
  return {"PositiveCount",
          [=](PolicyComponent* component) {
            component->plausibility = Plausibility{0, std::nullopt, least};
          },
          [=](const GuardScene& scene, const PlainRow& row, Ordinal item) {
            return static_cast<int64_t>(PositivesOf(scene, row, item, 0).size()) >= least;
          }};
}

NamedFilter OfExposures(int64_t least) {
  return {"ExposureCount",
          [=](PolicyComponent* component) {
            component->plausibility = Plausibility{0, std::nullopt, 0, least};
          },
          [=](const GuardScene& scene, const PlainRow& row, Ordinal item) {
            const auto shown = [&](const EventRecord& event) {
              return event.kind == EventKind::kExposure && event.item == item &&
                     event.time < row.as_of;
            };
            const auto& events = scene.plain.events;
            return std::count_if(events.begin(), events.end(), shown) >= least;
          }};
}

NamedFilter OfScores(const std::string& name, const ScoreBounds& bounds) {
  return {name, [=](PolicyComponent* component) { component->score_bounds = bounds; },
          [=](const GuardScene& scene, const PlainRow& row, Ordinal item) {
            const std::vector<float> anchor =
                bounds.anchor == NearestAnchor::kQuery ? row.query : scene.VectorOf(row.positive);
            if (anchor.empty() || !scene.vectors->Contains(item)) return false;
            const double score = scene.Score(anchor, item);
            if (score < bounds.min_score.value_or(score)) return false;
            if (score > bounds.max_score.value_or(score)) return false;
            if (!bounds.HasMargin()) return true;
            if (scene.VectorOf(row.positive).empty()) return false;
            const double positive = scene.Score(anchor, row.positive);
            return score <= positive - bounds.margin.value_or(0) &&
                   score <= positive - bounds.relative_margin.value_or(0) * std::abs(positive);
          }};
}

std::vector<NamedFilter> Filters() {
  ScoreBounds middle{NearestAnchor::kQuery, -0.5, 0.6};
  ScoreBounds below{NearestAnchor::kPositive};
  below.margin = 0.4;
  below.relative_margin = 0.1;
  return {OfCategories("AnyOf", {{"some", "nobody's"}}),
          OfCategories("AllOf", {{}, {"all", "some"}}),
          OfCategories("NoneOf", {{}, {}, {"some", "nobody's"}}),
          OfCategories("AllKinds", {{"all", "some"}, {"all"}, {"some"}}),
          OfMass("Mass", 0.7, std::nullopt),
          OfMass("MassOfListedHalfLife", 0.3, 2 * kTestHour),
          OfMass("MassOfUnlistedHalfLife", 0.7, 13 * kTestHour),
          OfMass("MassWithoutDecay", 4.1, 0),
          OfCount(3),
          OfExposures(3),
          OfScores("ScoresOfQuery", middle),
          OfScores("MarginToPositive", below)};
}

std::set<Ordinal> Refused(const GuardScene& scene, const NamedFilter& filter, const PlainRow& row) {
  std::set<Ordinal> refused;
  for (Ordinal item = 0; item < 60; ++item) {
    if (!filter.passes(scene, row, item)) refused.insert(item);
  }
  return refused;
}

using Case = std::tuple<NamedFilter, bool>;

class FiltersTest : public testing::TestWithParam<Case> {
 protected:
  // Hypothesis tests of this file.
  static double FalseAlarm() {
    const double sources = static_cast<double>(EverySource().size()) + 3;
    return kGuardFalseAlarms / (static_cast<double>(Filters().size()) * 2 * sources);
  }
};

std::string NameOf(const testing::TestParamInfo<Case>& info) {
  return std::get<0>(info.param).name + (std::get<1>(info.param) ? "Large" : "Small");
}

INSTANTIATE_TEST_SUITE_P(All, FiltersTest,
                         testing::Combine(testing::ValuesIn(Filters()), testing::Bool()), NameOf);

// 30 rows of 500 draws for each source, each row under its own law.
TEST_P(FiltersTest, CatalogueAndUserSourcesDrawFromTheLawThatIsTold) {
  const auto& [filter, large] = GetParam();
  const GuardScene scene(TestSeed(930), Metric::kCosine, large);
  for (const NamedSource& source : EverySource()) {
    SCOPED_TRACE(source.name);
    Policy policy{{source.component}};
    filter.set(&policy.components[0]);
    const LawKind law = LawsOf(policy, scene.pool->item_count()).mixture;
    EXPECT_EQ(law, large && !source.is_of_user() ? LawKind::kRowConstant : LawKind::kExact);
    std::vector<OracleLaw> laws;
    for (const PlainRow& row : scene.rows) {
      laws.push_back(
          LawOf(scene.plain, source.component, Naming(row, Refused(scene, filter, row))));
    }
    const DrawnRows drawn = scene.Draw(policy, scene.rows, 500);
    ASSERT_TRUE(drawn.status.ok());
    EXPECT_TRUE(DrawsFit(drawn, laws, law, FalseAlarm()));
  }
}

// The softmax over all that pass, in double.
TEST_P(FiltersTest, AdversarialStaysExact) {
  const auto& [filter, large] = GetParam();
  const GuardScene scene(TestSeed(931), Metric::kCosine, large);
  const double temperature = 0.4;
  Policy policy{{{1, "", AdversarialSource{NearestAnchor::kQuery, temperature}}}};
  filter.set(&policy.components[0]);
  policy.min_distance = MinDistance{0.2, 1};
  EXPECT_EQ(LawsOf(policy, scene.pool->item_count()).mixture, LawKind::kExact);
  std::vector<OracleLaw> laws;
  for (const PlainRow& row : scene.rows) {
    const std::set<Ordinal> near = scene.Near(row, *policy.min_distance);
    const OracleLaw eligible = LawOf(scene.plain, {1, "", UniformSource{}}, row);
    OracleLaw law;
    double sum = 0;
    for (const auto& [item, q] : eligible) {
      const auto ordinal = static_cast<Ordinal>(item);
      if (near.contains(ordinal) || !scene.vectors->Contains(ordinal)) continue;
      if (!filter.passes(scene, row, ordinal)) continue;
      sum += law[item] = std::exp(scene.Score(row.query, ordinal) / temperature);
    }
    for (auto& [item, q] : law) q /= sum;
    laws.push_back(law);
  }
  EXPECT_TRUE(DrawsFit(scene.Draw(policy, scene.rows, 500), laws, LawKind::kExact, FalseAlarm()));
}

// Windows and pools hold nothing that does not pass, and keep their law.
TEST_P(FiltersTest, WindowsAndPoolsHoldOnlyWhatPasses) {
  const auto& [filter, large] = GetParam();
  const GuardScene scene(TestSeed(932), Metric::kCosine, large);
  const NearestSource window{NearestAnchor::kQuery, 0, 15, NearestPick::kUniform};
  DynamicSource dynamic;
  dynamic.pool_size = 30;
  dynamic.pick = DynamicPick::kSoftmax;
  dynamic.temperature = 0.5;
  for (const SourceSpec& source : {SourceSpec(window), SourceSpec(dynamic)}) {
    Policy policy{{{1, "", source}}};
    filter.set(&policy.components[0]);
    const bool of_nearest = policy.components[0].kind() == SourceKind::kNearest;
    if (of_nearest && policy.components[0].score_bounds.has_value()) continue;
    EXPECT_EQ(LawsOf(policy, scene.pool->item_count()).mixture, LawKind::kConditional);
    const DrawnRows drawn = scene.Draw(policy, scene.rows, 60);
    int served = 0;
    for (size_t i = 0; i < drawn.items.size(); ++i) {
      if (drawn.items[i] == kNoOrdinal) continue;
      ++served;
      ASSERT_TRUE(filter.passes(scene, scene.rows[i / 60], drawn.items[i]));
      ASSERT_TRUE(std::isfinite(drawn.log_q[i]));
    }
    EXPECT_GT(served, 60);
  }
}

// The law has what passes at the block's time, in any catalogue; rows refuse what they exclude,
// and what is dead at their own.
TEST_P(FiltersTest, BlocksAreDrawnFromWhatPasses) {
  constexpr int kDraws = 2000;
  const auto& [filter, large] = GetParam();
  const GuardScene scene(TestSeed(937), Metric::kCosine, large);
  Policy policy{{{1, "", UniformSource{}}, {3, "", PopularitySource{}}}};
  for (PolicyComponent& component : policy.components) filter.set(&component);
  if (policy.components[0].score_bounds.has_value()) return;  // Is refused.
  const PlainRow block{40 * kTestHour};
  const PlainRow refusing = Naming(block, Refused(scene, filter, block));
  OracleLaw law;
  for (const PolicyComponent& component : policy.components) {
    const OracleLaw part = LawOf(scene.plain, component, refusing);
    ASSERT_FALSE(part.empty());
    for (const auto& [item, q] : part) law[item] += component.share / 4 * q;
  }
  const size_t rows = scene.rows.size();
  const PlainColumns columns(scene.rows);
  std::vector<Ordinal> items(kDraws);
  std::vector<float> log_q(kDraws), log_remaining(rows);
  std::vector<uint8_t> components(kDraws), mask(rows * (kDraws / 8));
  const Cancellation never;
  const SourceContext context{scene.pool.get(), nullptr, Philox(4), &never};
  SampleTotals totals;
  ASSERT_TRUE(SampleSharedBlock(policy, context, columns.Batch(kDraws), block.as_of, 7,
                                {items, log_q, components, mask, log_remaining}, &totals)
                  .ok());
  for (int k = 0; k < kDraws; ++k) {
    ASSERT_TRUE(law.contains(items[k])) << "item " << items[k] << " cannot be drawn";
    ASSERT_TRUE(LogQAgrees(log_q[k], law, items[k]));
  }
  TransformTest transform(1);
  transform.Add(law, {items.begin(), items.end()});
  EXPECT_TRUE(transform.Verdict(FalseAlarm()));
  for (size_t r = 0; r < rows; ++r) {
    SCOPED_TRACE(r);
    const OracleLaw eligible = LawOf(scene.plain, {1, "", UniformSource{}}, scene.rows[r]);
    double remaining = 0;
    for (const auto& [item, q] : law) remaining += eligible.contains(item) ? q : 0;
    if (remaining == 0) {
      ASSERT_EQ(log_remaining[r], -std::numeric_limits<float>::infinity());
    } else {
      ASSERT_TRUE(LogQAgrees(log_remaining[r], std::log(remaining)));
    }
    for (int k = 0; k < kDraws; ++k) {
      const bool is_false = (mask[r * (kDraws / 8) + k / 8] >> (k % 8) & 1) != 0;
      ASSERT_NE(is_false, eligible.contains(items[k])) << "negative " << k;
    }
  }
}

// What is thrown back has the cause of the filter that it did not pass.
TEST_P(FiltersTest, RejectsAreCountedByCause) {
  const auto& [filter, large] = GetParam();
  if (!large) return;  // Enumerations throw nothing back.
  const GuardScene scene(TestSeed(933), Metric::kCosine, large);
  Policy policy{{{1, "", UniformSource{}}}};
  filter.set(&policy.components[0]);
  const DrawnRows drawn = scene.Draw(policy, scene.rows, 50);
  Rejects sums{};
  for (size_t i = 0; i < drawn.rejects.size(); ++i) {
    sums[i % kRejectCauseCount] += drawn.rejects[i];
  }
  const bool by_score = policy.components[0].score_bounds.has_value();
  EXPECT_EQ(sums[static_cast<int>(RejectCause::kMargin)] > 0, by_score);
  EXPECT_EQ(sums[static_cast<int>(RejectCause::kFiltered)] > 0, !by_score);
  EXPECT_EQ(sums[static_cast<int>(RejectCause::kUncertain)], 0);
}

TEST(FilterEdgesTest, ARowWithoutWhatScoresAreBoundedByHasNoAnchor) {
  const GuardScene scene(TestSeed(934), Metric::kCosine, true);
  PlainRow row = scene.rows[0];
  row.positive = kNoOrdinal;
  row.user = 0;
  row.as_of = 50 * kTestHour;
  for (const SourceSpec& source :
       {SourceSpec(UniformSource{}), SourceSpec(PopularitySource{}), SourceSpec(ExposureSource{}),
        SourceSpec(AdversarialSource{NearestAnchor::kQuery, 1})}) {
    Policy policy{{{1, "", source}}};
    policy.components[0].score_bounds = ScoreBounds{NearestAnchor::kPositive, 0.1};
    EXPECT_EQ(scene.Draw(policy, {row}, 3).StatusOf(0), RowStatus::kNoAnchor) << source.index();
    policy.components[0].score_bounds = ScoreBounds{NearestAnchor::kQuery};
    policy.components[0].score_bounds->margin = 0;
    EXPECT_EQ(scene.Draw(policy, {row}, 3).StatusOf(0), RowStatus::kNoAnchor) << source.index();
  }
}

TEST(FilterEdgesTest, AFilterThatNothingPassesEmptiesTheRow) {
  for (const bool large : {false, true}) {
    const GuardScene scene(TestSeed(935), Metric::kCosine, large);
    Policy policy{{{1, "", UniformSource{}}}};
    policy.components[0].category_filter.all_of = {"all", "nobody's"};
    const DrawnRows drawn = scene.Draw(policy, {{40 * kTestHour}}, 3);
    EXPECT_EQ(drawn.StatusOf(0), RowStatus::kNoCandidate);
    // Another component has its share then.
    policy.components.push_back({1, "", UniformSource{}});
    EXPECT_EQ(scene.Draw(policy, {{40 * kTestHour}}, 3).StatusOf(0), RowStatus::kOk);
  }
}

// A guard of a component is its own, and what a row gets does not depend on the batch.
TEST(FilterEdgesTest, RowsDoNotDependOnTheBatch) {
  for (const bool large : {false, true}) {
    const GuardScene scene(TestSeed(936), Metric::kL2, large);
    Policy policy{{{1, "", UniformSource{}}, {1, "", PopularitySource{}}}};
    policy.components[0].category_filter.any_of = {"some"};
    policy.components[1].plausibility = Plausibility{0.5};
    policy.min_distance = MinDistance{0.5, 3};
    policy.history_horizon_micros = 3 * kTestHour;
    std::vector<PlainRow> rows = scene.rows;
    const auto key = [](size_t r) { return 100 + r; };
    const DrawnRows together =
        DrawRows(*scene.pool, policy, rows, 20, 3, key(0), Cancellation(), scene.vectors.get());
    for (size_t r = 0; r < rows.size(); ++r) {
      const DrawnRows alone = DrawRows(*scene.pool, policy, {rows[r]}, 20, 3, key(r),
                                       Cancellation(), scene.vectors.get());
      ASSERT_EQ(alone.Bytes(0), together.Bytes(static_cast<int>(r))) << "row " << r;
    }
  }
}

}  // namespace
}  // namespace negatron
