// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SERVER_ENGINE_POLICY_SAMPLES_H_
#define NEGATRON_TESTS_SERVER_ENGINE_POLICY_SAMPLES_H_

#include <vector>

#include "server/sampling/policy_plan.h"

namespace negatron {

// Good plans that between them use every field. A golden file holds their bytes: never change one,
// add more.
inline std::vector<PolicyPlan> SamplePlans() {
  const Schedule linear{Interpolation::kLinear, {{0, 1}, {1, 0.25}}};
  const Schedule cosine{Interpolation::kCosine, {{0.5, 10}}};
  const Schedule steps{Interpolation::kSteps, {{0, 100}, {0.125, 50}, {1, 25}}};

  NearestSource nearest{NearestAnchor::kPositive, 3, 40, NearestPick::kSoftmax, 0.5};
  nearest.min_score = -1;
  nearest.max_score = 2;
  nearest.margin = 0;
  nearest.relative_margin = 0.125;
  nearest.noise = 0.75;
  NearestSource moving;
  moving.pick = NearestPick::kSoftmax;
  moving.rank_begin_schedule = linear;
  moving.rank_end_schedule = steps;
  moving.temperature_schedule = cosine;
  moving.noise_schedule = linear;
  NearestSource top{NearestAnchor::kQuery, 0, 10000, NearestPick::kTop};
  AdversarialSource softer;
  softer.temperature_schedule = linear;
  DynamicSource ahns{PopularitySource{0.75, 0, 60000000, true}, NearestAnchor::kPositive, 64,
                     DynamicPick::kAhns};
  ahns.target = AhnsTarget{1, -2, 0.5};
  DynamicSource softmax{UniformSource{true}, NearestAnchor::kQuery, 1024, DynamicPick::kSoftmax};
  softmax.temperature_schedule = cosine;

  Policy all;
  all.components = {
      {0.5, "", UniformSource{}},
      {0, "drama", UniformSource{true}},
      {1, "", PopularitySource{}},
      {1, "", PopularitySource{2.5, 3600000000, 86400000000, true}},
      {1, "", nearest},
      {1, "", top},
      {1, "", ExposureSource{3600000000, 10}},
      {1, "", MinedSource{0}},
      {1, "", AdversarialSource{NearestAnchor::kPositive, 0.1}},
      {1, "", DynamicSource{UniformSource{}, NearestAnchor::kQuery, 8, DynamicPick::kUniform, 2}},
      {1, "", ahns}};
  all.unique = true;
  all.category_cap = 3;
  all.positive_floor = 0;
  Policy scheduled;
  scheduled.components = {
      {0, "", moving}, {1, "", softer}, {1, "", softmax}, {1, "", ExposureSource{}}};
  scheduled.components[0].share_schedule = linear;

  PopularitySource of_cohort;
  of_cohort.within_cohort = true;
  of_cohort.cohort = 7;
  Policy guarded;
  guarded.components = {{1, "", UniformSource{}},
                        {1, "", AdversarialSource{NearestAnchor::kUser, 1}}};
  guarded.components[0].category_filter = {{"a"}, {"b", "c"}, {"d"}};
  guarded.components[0].plausibility = Plausibility{0.5, 0, 3};
  guarded.components[0].score_bounds = ScoreBounds{NearestAnchor::kPositive, -1, 1, 0, 0.25};
  guarded.uncertain_rule = UncertainRule::kKeep;
  guarded.history_horizon_micros = 3600000000;
  guarded.min_distance = MinDistance{0.125, 16};
  guarded.category_limits = {{"a", 2}, {"b", 1}};
  guarded.fallback = PolicyComponent{0, "a", of_cohort};

  PolicyPlan plan;
  plan.experiment = "hard-or-not";
  PolicyRotation cycles;
  cycles.cycle_count = 1000000;
  cycles.turns = {{1, all}, {0.5, scheduled}};
  PolicyRotation period;
  period.period_micros = 604800000000;
  period.turns = {{1000000, scheduled}};
  plan.arms = {
      {"a", 1, PolicyPlan::Of(all).arms[0].rotation}, {"b", 2.5, cycles}, {"c", 1, period}};
  PolicyPlan turning;
  turning.arms.emplace_back().rotation = cycles;
  Policy shown;
  shown.components = {{1, "", UniformSource{}}};
  shown.components[0].plausibility = Plausibility{0, std::nullopt, 0, 12};
  return {PolicyPlan::Of(all),     PolicyPlan::Of(scheduled), plan, turning,
          PolicyPlan::Of(guarded), PolicyPlan::Of(shown)};
}

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_ENGINE_POLICY_SAMPLES_H_
