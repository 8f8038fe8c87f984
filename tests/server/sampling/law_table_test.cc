// SPDX-License-Identifier: Apache-2.0
// Which law is reported for every source under every filter. That it is the law that is drawn
// from is the business of the tests of each filter and of each source.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/sampling/policy.h"

namespace negatron {
namespace {

constexpr LawKind kE = LawKind::kExact;
constexpr LawKind kC = LawKind::kConditional;
constexpr LawKind kN = LawKind::kNone;
constexpr LawKind kR = LawKind::kRowConstant;

DynamicSource Dynamic(DynamicPick pick) {
  DynamicSource dynamic;
  dynamic.pool_size = 8;
  dynamic.pick = pick;
  return dynamic;
}

struct NamedFilter {
  const char* name;
  void (*set)(Policy*);
};

const NamedFilter kFilters[] = {
    {"nothing", [](Policy*) {}},
    {"horizon", [](Policy* policy) { policy->history_horizon_micros = 1; }},
    {"category", [](Policy* policy) { policy->components[0].category = "a"; }},
    {"unique", [](Policy* policy) { policy->unique = true; }},
    {"category limit",
     [](Policy* policy) {
       policy->category_limits = {{"a", 1}};
     }},
    {"kept distance",
     [](Policy* policy) {
       policy->min_distance = MinDistance{1, 0};
       policy->uncertain_rule = UncertainRule::kKeep;
     }},
    {"distance",
     [](Policy* policy) {
       policy->min_distance = MinDistance{1, 0};
     }},
    {"category filter",
     [](Policy* policy) { policy->components[0].category_filter.none_of = {"a"}; }},
    {"plausibility", [](Policy* policy) { policy->components[0].plausibility = Plausibility{1}; }},
    {"exposures",
     [](Policy* policy) {
       policy->components[0].plausibility = Plausibility{0, std::nullopt, 0, 1};
     }},
    {"score bounds", [](Policy* policy) { policy->components[0].score_bounds.emplace(); }},
};
constexpr size_t kIndexed = 6;  // The filters that have an index, or refuse nothing.

struct Line {
  const char* name;
  SourceSpec source;
  LawKind plain;    // Also under what has an index.
  LawKind guarded;  // Under the others, in a large catalogue; in a small one as `plain`.
};

std::vector<Line> Lines() {
  const NearestAnchor query = NearestAnchor::kQuery;
  PopularitySource flat;
  flat.alpha = 0.75;
  return {{"uniform", UniformSource{}, kE, kR},
          {"uniform by weight", UniformSource{true}, kE, kR},
          {"popularity", PopularitySource{}, kE, kR},
          {"popularity with exponent", flat, kE, kR},
          {"exposure", ExposureSource{}, kE, kE},
          {"mined", MinedSource{}, kE, kE},
          {"nearest uniform", NearestSource{query, 0, 5, NearestPick::kUniform}, kC, kC},
          {"nearest softmax", NearestSource{query, 0, 5, NearestPick::kSoftmax, 1}, kC, kC},
          {"nearest top", NearestSource{query, 0, 5, NearestPick::kTop}, kN, kN},
          {"adversarial", AdversarialSource{query, 1}, kE, kE},
          {"dynamic uniform", Dynamic(DynamicPick::kUniform), kC, kC},
          {"dynamic softmax", Dynamic(DynamicPick::kSoftmax), kC, kC},
          {"dynamic top", Dynamic(DynamicPick::kTop), kN, kN},
          {"dynamic ahns", Dynamic(DynamicPick::kAhns), kN, kN}};
}

TEST(LawTableTest, EverySourceUnderEveryFilter) {
  for (const Line& line : Lines()) {
    for (size_t f = 0; f < std::size(kFilters); ++f) {
      SCOPED_TRACE(std::string(line.name) + " under " + kFilters[f].name);
      Policy policy{{{1, "", line.source}}};
      kFilters[f].set(&policy);
      const PolicyLaws small = LawsOf(policy, kMaxEnumeratedItems);
      EXPECT_EQ(small.components[0], line.plain);
      EXPECT_EQ(small.mixture, line.plain);
      const PolicyLaws large = LawsOf(policy, kMaxEnumeratedItems + 1);
      EXPECT_EQ(large.components[0], f < kIndexed ? line.plain : line.guarded);
      EXPECT_EQ(large.mixture, f < kIndexed ? line.plain : line.guarded);
    }
  }
}

// Mixtures of two, of every kind of law.
TEST(LawTableTest, MixturesHaveTheWeakestLawAndUnknownFactorsDoNotMix) {
  PolicyComponent exact{1, "", UniformSource{}};
  PolicyComponent conditional{1, "", Dynamic(DynamicPick::kUniform)};
  PolicyComponent none{1, "", Dynamic(DynamicPick::kTop)};
  PolicyComponent constant = exact;
  constant.plausibility = Plausibility{1};
  const PolicyComponent* const parts[] = {&exact, &conditional, &none, &constant};
  const LawKind expected[4][4] = {
      {kE, kC, kN, kN}, {kC, kC, kN, kN}, {kN, kN, kN, kN}, {kN, kN, kN, kN}};
  for (size_t a = 0; a < 4; ++a) {
    for (size_t b = 0; b < 4; ++b) {
      const PolicyLaws laws = LawsOf(Policy{{*parts[a], *parts[b]}}, 1000000);
      EXPECT_EQ(laws.mixture, expected[a][b]) << a << " " << b;
      PolicyComponent unused = *parts[b];
      unused.share = 0;
      const LawKind alone = LawsOf(Policy{{*parts[a]}}, 1000000).mixture;
      EXPECT_EQ(LawsOf(Policy{{*parts[a], unused}}, 1000000).mixture, alone) << a << " " << b;
    }
  }
}

TEST(LawTableTest, AFallbackMixesWithNothing) {
  Policy policy{{{1, "", UniformSource{}}}};
  policy.fallback = PolicyComponent{0, "", PopularitySource{}};
  EXPECT_EQ(LawsOf(policy, 1000000).mixture, kE);
  policy.fallback->plausibility = Plausibility{1};
  EXPECT_EQ(LawsOf(policy, 1000000).fallback, kR);
  EXPECT_EQ(LawsOf(policy, 1000000).mixture, kR);
  EXPECT_EQ(LawsOf(policy, 1000).mixture, kE);
  policy.components[0].source = Dynamic(DynamicPick::kTop);
  EXPECT_EQ(LawsOf(policy, 1000000).mixture, kN);
}

}  // namespace
}  // namespace negatron
