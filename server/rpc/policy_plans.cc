// SPDX-License-Identifier: Apache-2.0
// Arms and turns of policies, and policies as messages.
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "server/rpc/policy_conversion.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

// What errors are named by while a name is missing.
constexpr char kUnnamed[] = "unnamed";

// Whether the message has anything that is refused beside arms or turns.
bool HasRecipe(v1::Policy wire) {
  wire.clear_rotation();
  wire.clear_experiment();
  return wire.ByteSizeLong() > 0;
}

void CheckAlone(const v1::Policy& wire, const std::string& path, const char* field,
                Violations* violations) {
  CheckKnown(wire, path, violations);
  if (HasRecipe(wire)) {
    violations->Add(absl::StrCat(path, ".", field), "is refused together with other fields");
  }
}

void ReadCycle(const v1::Rotation& wire, const std::string& path, PolicyRotation* rotation,
               Violations* violations) {
  switch (wire.cycle_case()) {
    case v1::Rotation::kCycleCount:
      rotation->cycle_count = wire.cycle_count();
      if (wire.cycle_count() == 0)
        violations->Add(path + ".cycle_count", "must be in [1, 1000000]");
      break;
    case v1::Rotation::kPeriod: {
      const int64_t before = violations->count();
      rotation->period_micros = ReadDuration(wire.period(), path + ".period", violations);
      if (rotation->period_micros == 0 && violations->count() == before) {
        violations->Add(path + ".period", "must be one second to 36,500 days");
      }
      break;
    }
    case v1::Rotation::CYCLE_NOT_SET:
      violations->Add(path + ".cycle", "is required: cycle_count or period");
      break;
  }
  // One that is wrong is a rotation all the same.
  if (!rotation->is_rotation()) rotation->cycle_count = 1;
}

// `path` is that of the policy.
PolicyRotation ReadRotation(const v1::Policy& wire, const std::string& path,
                            Violations* violations) {
  PolicyRotation rotation;
  if (wire.has_experiment()) {
    violations->Add(path + ".experiment", "is refused in an arm, and in a turn");
  }
  if (!wire.has_rotation()) {
    rotation.turns.emplace_back().policy = ReadRecipe(wire, path, violations);
    return rotation;
  }
  CheckAlone(wire, path, "rotation", violations);
  const std::string field = path + ".rotation";
  CheckKnown(wire.rotation(), field, violations);
  ReadCycle(wire.rotation(), field, &rotation, violations);
  for (const v1::RotationTurn& turn : wire.rotation().turns()) {
    const std::string turn_path = absl::StrCat(field, ".turns[", rotation.turns.size(), "]");
    CheckKnown(turn, turn_path, violations);
    const std::string policy_path = turn_path + ".policy";
    if (IsPlan(turn.policy())) violations->Add(policy_path, "must have components alone");
    rotation.turns.push_back({turn.length(), ReadRecipe(turn.policy(), policy_path, violations)});
  }
  return rotation;
}

void WriteSchedule(const Schedule& schedule, v1::Schedule* wire) {
  wire->set_interpolation(static_cast<v1::Interpolation>(schedule.interpolation));
  for (const SchedulePoint& point : schedule.points) {
    v1::SchedulePoint* const out = wire->add_points();
    out->set_progress(point.progress);
    out->set_value(point.value);
  }
}

void WriteMicros(int64_t micros, google::protobuf::Duration* wire) {
  WriteDuration(absl::Microseconds(micros), wire);
}

// Enumerators have the numbers of those of the proto.
v1::NearestAnchor ToWire(NearestAnchor anchor) { return static_cast<v1::NearestAnchor>(anchor); }

// The bounds on scores, of a NearestSource or of ScoreBounds.
template <typename Bounds, typename Wire>
void WriteBounds(const Bounds& bounds, Wire* wire) {
  if (bounds.min_score) wire->set_min_score(*bounds.min_score);
  if (bounds.max_score) wire->set_max_score(*bounds.max_score);
  if (bounds.margin) wire->set_margin(*bounds.margin);
  if (bounds.relative_margin) wire->set_relative_margin(*bounds.relative_margin);
}

// Writes a source into a component, or the base of `dynamic` into it.
template <typename Parent>
struct SourceWriter {
  Parent* parent;

  void operator()(const UniformSource& uniform) const {
    parent->mutable_uniform()->set_by_base_weight(uniform.by_base_weight);
  }
  void operator()(const PopularitySource& popularity) const {
    v1::PopularitySource* const wire = parent->mutable_popularity();
    if (popularity.alpha != 1) wire->set_alpha(popularity.alpha);
    if (popularity.half_life_micros) {
      WriteMicros(*popularity.half_life_micros, wire->mutable_half_life());
    }
    if (popularity.window_micros != 0) {
      WriteMicros(popularity.window_micros, wire->mutable_window());
    }
    if (popularity.cohort) {
      wire->set_cohort(*popularity.cohort);
    } else {
      wire->set_within_cohort(popularity.within_cohort);
    }
  }
  void operator()(const ExposureSource& exposure) const {
    v1::ExposureSource* const wire = parent->mutable_exposure();
    if (exposure.half_life_micros) {
      WriteMicros(*exposure.half_life_micros, wire->mutable_half_life());
    }
    wire->set_max_importance_weight(exposure.max_importance_weight);
  }
  void operator()(const MinedSource& mined) const {
    v1::MinedSource* const wire = parent->mutable_mined();
    if (mined.half_life_micros) WriteMicros(*mined.half_life_micros, wire->mutable_half_life());
  }
  void operator()(const NearestSource& nearest) const {
    v1::NearestSource* const wire = parent->mutable_nearest();
    wire->set_anchor(ToWire(nearest.anchor));
    wire->set_rank_begin(nearest.rank_begin);
    wire->set_rank_end(nearest.rank_end);
    wire->set_pick(static_cast<v1::NearestPick>(nearest.pick));
    wire->set_temperature(nearest.temperature);
    WriteBounds(nearest, wire);
    if (nearest.noise != 0) wire->set_noise(nearest.noise);
    if (nearest.rank_begin_schedule) {
      WriteSchedule(*nearest.rank_begin_schedule, wire->mutable_rank_begin_schedule());
    }
    if (nearest.rank_end_schedule) {
      WriteSchedule(*nearest.rank_end_schedule, wire->mutable_rank_end_schedule());
    }
    if (nearest.temperature_schedule) {
      WriteSchedule(*nearest.temperature_schedule, wire->mutable_temperature_schedule());
    }
    if (nearest.noise_schedule) {
      WriteSchedule(*nearest.noise_schedule, wire->mutable_noise_schedule());
    }
  }
  void operator()(const AdversarialSource& adversarial) const {
    v1::AdversarialSource* const wire = parent->mutable_adversarial();
    wire->set_anchor(ToWire(adversarial.anchor));
    wire->set_temperature(adversarial.temperature);
    if (adversarial.temperature_schedule) {
      WriteSchedule(*adversarial.temperature_schedule, wire->mutable_temperature_schedule());
    }
  }
  void operator()(const DynamicSource& dynamic) const {
    v1::DynamicSource* const wire = parent->mutable_dynamic();
    std::visit(SourceWriter<v1::DynamicSource>{wire}, dynamic.base);
    wire->set_anchor(ToWire(dynamic.anchor));
    wire->set_pool_size(dynamic.pool_size);
    wire->set_pick(static_cast<v1::DynamicPick>(dynamic.pick));
    wire->set_top_count(dynamic.top_count);
    wire->set_temperature(dynamic.temperature);
    if (dynamic.target) {
      wire->mutable_target()->set_alpha(dynamic.target->alpha);
      wire->mutable_target()->set_beta(dynamic.target->beta);
      wire->mutable_target()->set_p(dynamic.target->p);
    }
    if (dynamic.temperature_schedule) {
      WriteSchedule(*dynamic.temperature_schedule, wire->mutable_temperature_schedule());
    }
  }
};

void WriteFilters(const PolicyComponent& component, v1::PolicyComponent* wire) {
  const CategoryFilter& filter = component.category_filter;
  if (!filter.empty()) {
    v1::CategoryFilter* const out = wire->mutable_category_filter();
    out->mutable_any_of()->Assign(filter.any_of.begin(), filter.any_of.end());
    out->mutable_all_of()->Assign(filter.all_of.begin(), filter.all_of.end());
    out->mutable_none_of()->Assign(filter.none_of.begin(), filter.none_of.end());
  }
  if (component.plausibility) {
    v1::Plausibility* const out = wire->mutable_plausibility();
    out->set_min_mass(component.plausibility->min_mass);
    if (component.plausibility->half_life_micros) {
      WriteMicros(*component.plausibility->half_life_micros, out->mutable_half_life());
    }
    out->set_min_positive_count(component.plausibility->min_positive_count);
    out->set_min_exposure_count(component.plausibility->min_exposure_count);
  }
  if (component.score_bounds) {
    wire->mutable_score_bounds()->set_anchor(ToWire(component.score_bounds->anchor));
    WriteBounds(*component.score_bounds, wire->mutable_score_bounds());
  }
}

void WriteGuards(const Policy& policy, v1::Policy* wire) {
  if (!policy.ExcludesUncertain()) wire->set_uncertain_rule(v1::UNCERTAIN_RULE_KEEP);
  if (policy.history_horizon_micros != 0) {
    WriteMicros(policy.history_horizon_micros, wire->mutable_history_horizon());
  }
  if (policy.min_distance) {
    wire->mutable_min_distance()->set_distance(policy.min_distance->distance);
    wire->mutable_min_distance()->set_history_count(policy.min_distance->history_count);
  }
  for (const CategoryLimit& limit : policy.category_limits) {
    v1::CategoryLimit* const out = wire->add_category_limits();
    out->set_category(limit.category);
    out->set_max_count(limit.max_count);
  }
  if (policy.fallback) WriteComponent(*policy.fallback, wire->mutable_fallback());
}

void WriteRecipe(const Policy& policy, v1::Policy* wire) {
  for (const PolicyComponent& component : policy.components) {
    WriteComponent(component, wire->add_components());
  }
  wire->set_unique(policy.unique);
  wire->set_category_cap(policy.category_cap);
  if (policy.positive_floor != Policy().positive_floor) {
    wire->set_positive_floor(policy.positive_floor);
  }
  WriteGuards(policy, wire);
}

void WriteRotation(const PolicyRotation& rotation, v1::Policy* wire) {
  if (!rotation.is_rotation()) return WriteRecipe(rotation.turns.front().policy, wire);
  v1::Rotation* const out = wire->mutable_rotation();
  if (rotation.cycle_count != 0) {
    out->set_cycle_count(static_cast<int32_t>(rotation.cycle_count));
  } else {
    WriteMicros(rotation.period_micros, out->mutable_period());
  }
  for (const PolicyTurn& turn : rotation.turns) {
    v1::RotationTurn* const next = out->add_turns();
    next->set_length(turn.length);
    WriteRecipe(turn.policy, next->mutable_policy());
  }
}

}  // namespace

bool IsPlan(const v1::Policy& wire) { return wire.has_rotation() || wire.has_experiment(); }

PolicyPlan ReadPlan(const v1::Policy& wire, Violations* violations) {
  PolicyPlan plan;
  if (!wire.has_experiment()) {
    plan.arms.emplace_back().rotation = ReadRotation(wire, "policy", violations);
  } else {
    const v1::Experiment& experiment = wire.experiment();
    const std::string path = "policy.experiment";
    if (wire.has_rotation()) violations->Add("policy.rotation", "is refused with `experiment`");
    CheckAlone(wire, "policy", "experiment", violations);
    CheckKnown(experiment, path, violations);
    plan.experiment = experiment.name();
    if (plan.experiment.empty()) {
      violations->Add(path + ".name", "is required");
      plan.experiment = kUnnamed;
    }
    for (const v1::ExperimentArm& arm : experiment.arms()) {
      const std::string arm_path = absl::StrCat(path, ".arms[", plan.arms.size(), "]");
      CheckKnown(arm, arm_path, violations);
      plan.arms.push_back(
          {arm.name(), arm.weight(), ReadRotation(arm.policy(), arm_path + ".policy", violations)});
    }
  }
  CheckPlan(plan, violations);
  return plan;
}

void WriteComponent(const PolicyComponent& component, v1::PolicyComponent* wire) {
  wire->set_share(component.share);
  wire->set_category(component.category);
  if (component.share_schedule) {
    WriteSchedule(*component.share_schedule, wire->mutable_share_schedule());
  }
  std::visit(SourceWriter<v1::PolicyComponent>{wire}, component.source);
  WriteFilters(component, wire);
}

void WritePlan(const PolicyPlan& plan, v1::Policy* wire) {
  if (!plan.is_experiment()) return WriteRotation(plan.arms.front().rotation, wire);
  wire->mutable_experiment()->set_name(plan.experiment);
  for (const PolicyArm& arm : plan.arms) {
    v1::ExperimentArm* const out = wire->mutable_experiment()->add_arms();
    out->set_name(arm.name);
    out->set_weight(arm.weight);
    WriteRotation(arm.rotation, out->mutable_policy());
  }
}

}  // namespace negatron
