// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/policy.h"

#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

std::vector<std::string> BadFields(const Policy& policy) {
  Violations violations;
  CheckPolicy(policy, &violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(violations.ToStatus())) {
    fields.push_back(violation.field);
  }
  return fields;
}

LawKind LawOf(const Policy& policy) { return LawsOf(policy, 1000000).mixture; }

NearestSource Window(int begin, int end, NearestPick pick = NearestPick::kUniform,
                     double temperature = 0) {
  return {NearestAnchor::kQuery, begin, end, pick, temperature};
}

TEST(CheckPolicyTest, AcceptsGoodPolicies) {
  EXPECT_THAT(BadFields({{{1, "", UniformSource{}}}}), testing::IsEmpty());
  EXPECT_THAT(BadFields({{{0, "", UniformSource{}}, {2, "", Window(0, 1)}}}), testing::IsEmpty());
  EXPECT_THAT(BadFields({{{1, "", Window(9999, 10000, NearestPick::kSoftmax, 0.1)}}}),
              testing::IsEmpty());
}

TEST(CheckPolicyTest, NamesEveryBadField) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(BadFields({}), testing::ElementsAre("policy.components"));
  EXPECT_THAT(BadFields({{{0, "", UniformSource{}}}}), testing::ElementsAre("policy.components"));
  EXPECT_THAT(BadFields({std::vector<PolicyComponent>(17, {1, "", UniformSource{}})}),
              testing::ElementsAre("policy.components"));
  EXPECT_THAT(
      BadFields({{{-1, "", UniformSource{}},
                  {NAN, "", PopularitySource{}},
                  {kInfinity, "", Window(5, 5)},
                  {1, "", Window(-1, 0)},
                  {1, "", Window(0, 10001, NearestPick::kSoftmax, 0)},
                  {1, "", Window(0, 5, NearestPick::kTop, 1)}}}),
      testing::ElementsAre(
          "policy.components[0].share", "policy.components[1].share", "policy.components[2].share",
          "policy.components[2].nearest.rank_begin", "policy.components[3].nearest.rank_end",
          "policy.components[3].nearest.rank_begin", "policy.components[4].nearest.rank_end",
          "policy.components[4].nearest.temperature", "policy.components[5].nearest.temperature"));
}

// An early error does not hide the others.
TEST(CheckPolicyTest, NamesWhatIsWrongBesideTooManyComponents) {
  Policy policy{std::vector<PolicyComponent>(17, {1, "", UniformSource{}})};
  policy.components[3].share = -1;
  policy.components[4].category = std::string(129, 'a');
  policy.category_cap = -1;
  policy.positive_floor = 1;
  EXPECT_THAT(BadFields(policy),
              testing::ElementsAre("policy.components", "policy.components[3].share",
                                   "policy.components[4].category", "policy.category_cap",
                                   "policy.positive_floor"));
}

TEST(CheckPolicyTest, NamesBadTemperaturesOfAdversarial) {
  const auto of = [](double temperature) {
    return Policy{{{1, "", AdversarialSource{NearestAnchor::kPositive, temperature}}}};
  };
  EXPECT_THAT(BadFields(of(0.1)), testing::IsEmpty());
  for (const double temperature :
       {0.0, -1.0, std::numeric_limits<double>::infinity(), double{NAN}}) {
    EXPECT_THAT(BadFields(of(temperature)),
                testing::ElementsAre("policy.components[0].adversarial.temperature"));
  }
  EXPECT_EQ(LawOf(of(1)), LawKind::kExact);
  EXPECT_TRUE(of(1).NeedsEmbeddings());
  EXPECT_FALSE(of(1).NeedsQueries());
}

TEST(CheckPolicyTest, NamesBadFieldsOfDynamic) {
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  struct Case {
    DynamicPick pick;
    void (*set)(DynamicSource*);
    std::vector<std::string> bad;
  };
  const Case cases[] = {
      {DynamicPick::kTop, [](DynamicSource*) {}, {}},
      {DynamicPick::kUniform, [](DynamicSource*) {}, {}},
      {DynamicPick::kSoftmax, [](DynamicSource*) {}, {}},
      {DynamicPick::kAhns, [](DynamicSource*) {}, {}},
      {DynamicPick::kTop, [](DynamicSource* d) { d->pool_size = 1024; }, {}},
      {DynamicPick::kTop, [](DynamicSource* d) { d->pool_size = 1025; }, {"pool_size"}},
      {DynamicPick::kSoftmax, [](DynamicSource* d) { d->pool_size = 0; }, {"pool_size"}},
      {DynamicPick::kTop, [](DynamicSource* d) { d->top_count = d->pool_size; }, {}},
      {DynamicPick::kTop, [](DynamicSource* d) { d->top_count = 9; }, {"top_count"}},
      {DynamicPick::kUniform, [](DynamicSource* d) { d->top_count = 0; }, {"top_count"}},
      {DynamicPick::kSoftmax, [](DynamicSource* d) { d->top_count = 2; }, {"top_count"}},
      {DynamicPick::kAhns, [](DynamicSource* d) { d->top_count = 2; }, {"top_count"}},
      {DynamicPick::kTop, [](DynamicSource* d) { d->temperature = 1; }, {"temperature"}},
      {DynamicPick::kSoftmax, [](DynamicSource* d) { d->temperature = 0; }, {"temperature"}},
      {DynamicPick::kSoftmax, [](DynamicSource* d) { d->temperature = NAN; }, {"temperature"}},
      {DynamicPick::kUniform, [](DynamicSource* d) { d->target.emplace(); }, {"target"}},
      {DynamicPick::kAhns, [](DynamicSource* d) { d->target.reset(); }, {"target"}},
      {DynamicPick::kAhns,
       [](DynamicSource* d) {
         d->target = {NAN, kInfinity, -kInfinity};
       },
       {"target.alpha", "target.beta", "target.p"}},
      {DynamicPick::kTop,
       [](DynamicSource* d) {
         d->base = PopularitySource{5, 1, 1};
       },
       {"popularity.alpha", "popularity.half_life", "popularity.window"}}};
  for (size_t i = 0; i < std::size(cases); ++i) {
    DynamicSource dynamic{UniformSource{}, NearestAnchor::kPositive, 8, cases[i].pick};
    if (!dynamic.HasLaw() || dynamic.pick == DynamicPick::kUniform) dynamic.top_count = 3;
    if (dynamic.pick == DynamicPick::kSoftmax) dynamic.temperature = 1;
    if (dynamic.pick == DynamicPick::kAhns) {
      dynamic.top_count = 0;
      dynamic.target = {1, 2, -2};
    }
    cases[i].set(&dynamic);
    std::vector<std::string> expected;
    for (const std::string& field : cases[i].bad) {
      expected.push_back("policy.components[0].dynamic." + field);
    }
    const Policy policy{{{1, "", dynamic}}};
    EXPECT_EQ(BadFields(policy), expected) << "case " << i;
    EXPECT_EQ(LawOf(policy), dynamic.HasLaw() ? LawKind::kConditional : LawKind::kNone);
    EXPECT_TRUE(policy.NeedsEmbeddings());
    EXPECT_FALSE(policy.NeedsQueries());
  }
  EXPECT_TRUE((Policy{{{1, "", DynamicSource{}}}}.NeedsQueries()));
}

TEST(CheckPolicyTest, NamesBadHorizons) {
  Policy policy{{{1, "", UniformSource{}}}};
  constexpr int64_t kMost = 36500LL * 86400 * 1000000;
  for (const int64_t horizon : {int64_t{0}, int64_t{1}, kMost}) {
    policy.history_horizon_micros = horizon;
    EXPECT_THAT(BadFields(policy), testing::IsEmpty());
  }
  for (const int64_t horizon : {int64_t{-1}, kMost + 1}) {
    policy.history_horizon_micros = horizon;
    EXPECT_THAT(BadFields(policy), testing::ElementsAre("policy.history_horizon"));
  }
}

TEST(CheckPolicyTest, NamesBadDistances) {
  Policy policy{{{1, "", UniformSource{}}}};
  EXPECT_FALSE(policy.NeedsEmbeddings());
  policy.min_distance = MinDistance{0.5, 16};
  EXPECT_THAT(BadFields(policy), testing::IsEmpty());
  EXPECT_TRUE(policy.NeedsEmbeddings());
  for (const double distance : {0.0, -1.0, std::numeric_limits<double>::infinity(), double{NAN}}) {
    policy.min_distance = MinDistance{distance, 0};
    EXPECT_THAT(BadFields(policy), testing::ElementsAre("policy.min_distance.distance"));
  }
  for (const int count : {-1, 17}) {
    policy.min_distance = MinDistance{0.5, count};
    EXPECT_THAT(BadFields(policy), testing::ElementsAre("policy.min_distance.history_count"));
  }
}

TEST(CheckPolicyTest, NamesBadFiltersLimitsAndFallbacks) {
  struct Case {
    void (*set)(Policy*);
    std::vector<std::string> bad;
  };
  const Case cases[] = {
      {[](Policy* p) {
         p->components[0].category_filter.any_of = {"a", "b"};
       },
       {}},
      {[](Policy* p) {
         p->components[0].category_filter.any_of = {"a", ""};
       },
       {"components[0].category_filter.any_of[1]"}},
      {[](Policy* p) {
         p->components[0].category_filter.all_of = {std::string(129, 'x')};
         p->components[0].category_filter.none_of = std::vector<std::string>(64, "a");
       },
       {"components[0].category_filter.all_of[0]", "components[0].category_filter"}},
      {[](Policy* p) {
         p->components[0].plausibility = Plausibility{0.5, 0, 3, 2};
       },
       {}},
      {[](Policy* p) {
         p->components[0].plausibility = Plausibility{-1, 5, -1, -1};
       },
       {"components[0].plausibility.min_mass", "components[0].plausibility.half_life",
        "components[0].plausibility.min_positive_count",
        "components[0].plausibility.min_exposure_count"}},
      {[](Policy* p) {
         p->components[0].score_bounds = ScoreBounds{NearestAnchor::kQuery, 2, 1};
       },
       {"components[0].score_bounds.max_score"}},
      {[](Policy* p) {
         p->components[0].source = Window(0, 1);
         p->components[0].score_bounds.emplace();
       },
       {"components[0].score_bounds"}},
      {[](Policy* p) {
         p->category_limits = {{"a", 1}, {"b", 2}};
       },
       {}},
      {[](Policy* p) {
         p->category_limits = {{"a", 0}, {"a", 2}};
       },
       {"category_limits[0].max_count", "category_limits[1].category"}},
      {[](Policy* p) { p->category_limits.resize(65); }, {"category_limits"}},
      {[](Policy* p) {
         p->fallback = PolicyComponent{0, "c", PopularitySource{}};
       },
       {}},
      {[](Policy* p) {
         p->fallback = PolicyComponent{1, "", PopularitySource{5, 0}};
       },
       {"fallback.share", "fallback.popularity.alpha"}},
      {[](Policy* p) {
         p->fallback = PolicyComponent{0, "", MinedSource{}};
       },
       {"fallback.source"}},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    Policy policy{{{1, "", UniformSource{}}}};
    cases[i].set(&policy);
    std::vector<std::string> expected;
    for (const std::string& field : cases[i].bad) expected.push_back("policy." + field);
    EXPECT_EQ(BadFields(policy), expected) << "case " << i;
  }
}

TEST(PolicyTest, BoundsOnScoresNeedWhatTheyScoreAgainst) {
  Policy policy{{{1, "", UniformSource{}}}};
  policy.components[0].score_bounds = ScoreBounds{NearestAnchor::kPositive};
  EXPECT_TRUE(policy.NeedsEmbeddings());
  EXPECT_FALSE(policy.NeedsQueries());
  policy.components[0].score_bounds = ScoreBounds{NearestAnchor::kQuery};
  EXPECT_TRUE(policy.NeedsQueries());
  policy.components[0].share = 0;
  EXPECT_FALSE(policy.NeedsEmbeddings());
  policy.fallback = policy.components[0];
  EXPECT_TRUE(policy.NeedsQueries());
}

TEST(CheckPolicyTest, NamesBadBoundsOfNearest) {
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  struct Case {
    void (*set)(NearestSource*);
    std::vector<std::string> bad;
  };
  const Case cases[] = {
      {[](NearestSource* n) { n->min_score = n->max_score = -0.5; }, {}},
      {[](NearestSource* n) { n->margin = n->relative_margin = n->noise = 0; }, {}},
      {[](NearestSource* n) { n->margin = 2, n->relative_margin = 3, n->noise = 4; }, {}},
      {[](NearestSource* n) { n->min_score = 1, n->max_score = 0.5; }, {"max_score"}},
      {[](NearestSource* n) { n->min_score = kInfinity, n->max_score = 0; }, {"min_score"}},
      {[](NearestSource* n) { n->min_score = NAN, n->max_score = -kInfinity; },
       {"min_score", "max_score"}},
      {[](NearestSource* n) { n->margin = -1, n->relative_margin = NAN; },
       {"margin", "relative_margin"}},
      {[](NearestSource* n) { n->margin = kInfinity, n->noise = -0.1; }, {"margin", "noise"}},
      {[](NearestSource* n) { n->relative_margin = -1e-9, n->noise = NAN; },
       {"relative_margin", "noise"}},
  };
  for (size_t c = 0; c < std::size(cases); ++c) {
    NearestSource nearest = Window(0, 5);
    cases[c].set(&nearest);
    std::vector<std::string> expected;
    for (const std::string& field : cases[c].bad) {
      expected.push_back("policy.components[0].nearest." + field);
    }
    EXPECT_EQ(BadFields({{{1, "", nearest}}}), expected) << "case " << c;
  }
}

TEST(LawOfTest, TakesTheWeakestOfTheComponentsWithAShare) {
  const PolicyComponent uniform{1, "", UniformSource{}};
  const PolicyComponent window{1, "", Window(0, 5)};
  const PolicyComponent top{1, "", Window(0, 5, NearestPick::kTop)};
  PolicyComponent unused = top;
  unused.share = 0;
  EXPECT_EQ(LawOf(Policy{{uniform, unused}}), LawKind::kExact);
  EXPECT_EQ(LawOf(Policy{{uniform, window}}), LawKind::kConditional);
  EXPECT_EQ(LawOf(Policy{{top, window, uniform}}), LawKind::kNone);
}

}  // namespace
}  // namespace negatron
