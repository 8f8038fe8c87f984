// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/policy_conversion.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "server/rpc/times.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

std::optional<Schedule> ReadSchedule(bool is_set, const v1::Schedule& wire, const std::string& path,
                                     Violations* violations) {
  if (!is_set) return std::nullopt;
  Schedule schedule;
  CheckKnown(wire, path, violations);
  switch (wire.interpolation()) {
    case v1::INTERPOLATION_UNSPECIFIED:
    case v1::INTERPOLATION_LINEAR:
      schedule.interpolation = Interpolation::kLinear;
      break;
    case v1::INTERPOLATION_COSINE:
      schedule.interpolation = Interpolation::kCosine;
      break;
    case v1::INTERPOLATION_STEPS:
      schedule.interpolation = Interpolation::kSteps;
      break;
    default:
      violations->Add(absl::StrCat(path, ".interpolation"), "is not a known interpolation");
  }
  for (int i = 0; i < wire.points_size(); ++i) {
    CheckKnown(wire.points(i), absl::StrCat(path, ".points[", i, "]"), violations);
    schedule.points.push_back({wire.points(i).progress(), wire.points(i).value()});
  }
  return schedule;
}

// Of a message that may have a temperature.
template <typename Source>
std::optional<Schedule> ReadTemperatureSchedule(const Source& wire, const std::string& path,
                                                Violations* violations) {
  return ReadSchedule(wire.has_temperature_schedule(), wire.temperature_schedule(),
                      absl::StrCat(path, ".temperature_schedule"), violations);
}

// Of two messages that bound scores.
template <typename Wire, typename Bounds>
void ReadBounds(const Wire& wire, Bounds* bounds) {
  if (wire.has_min_score()) bounds->min_score = wire.min_score();
  if (wire.has_max_score()) bounds->max_score = wire.max_score();
  if (wire.has_margin()) bounds->margin = wire.margin();
  if (wire.has_relative_margin()) bounds->relative_margin = wire.relative_margin();
}

NearestSource ReadNearest(const v1::NearestSource& wire, const std::string& path,
                          Violations* violations) {
  NearestSource nearest;
  CheckKnown(wire, path, violations);
  nearest.anchor = ReadAnchor(wire.anchor(), absl::StrCat(path, ".anchor"), violations);
  nearest.rank_begin = wire.rank_begin();
  nearest.rank_end = wire.rank_end();
  switch (wire.pick()) {
    case v1::NEAREST_PICK_UNSPECIFIED:
    case v1::NEAREST_PICK_UNIFORM:
      nearest.pick = NearestPick::kUniform;
      break;
    case v1::NEAREST_PICK_SOFTMAX:
      nearest.pick = NearestPick::kSoftmax;
      break;
    case v1::NEAREST_PICK_TOP:
      nearest.pick = NearestPick::kTop;
      break;
    default:
      violations->Add(absl::StrCat(path, ".pick"), "is not a known pick");
  }
  nearest.temperature = wire.temperature();
  ReadBounds(wire, &nearest);
  nearest.noise = wire.noise();
  nearest.rank_begin_schedule =
      ReadSchedule(wire.has_rank_begin_schedule(), wire.rank_begin_schedule(),
                   absl::StrCat(path, ".rank_begin_schedule"), violations);
  nearest.rank_end_schedule = ReadSchedule(wire.has_rank_end_schedule(), wire.rank_end_schedule(),
                                           absl::StrCat(path, ".rank_end_schedule"), violations);
  nearest.temperature_schedule = ReadTemperatureSchedule(wire, path, violations);
  nearest.noise_schedule = ReadSchedule(wire.has_noise_schedule(), wire.noise_schedule(),
                                        absl::StrCat(path, ".noise_schedule"), violations);
  return nearest;
}

// An optional half-life, of a message that may have one.
template <typename Source>
std::optional<int64_t> ReadHalfLife(const Source& wire, const std::string& path,
                                    Violations* violations) {
  if (!wire.has_half_life()) return std::nullopt;
  return ReadDuration(wire.half_life(), absl::StrCat(path, ".half_life"), violations);
}

PopularitySource ReadPopularity(const v1::PopularitySource& wire, const std::string& path,
                                Violations* violations) {
  PopularitySource popularity;
  CheckKnown(wire, path, violations);
  if (wire.has_alpha()) popularity.alpha = wire.alpha();
  popularity.half_life_micros = ReadHalfLife(wire, path, violations);
  if (wire.has_window()) {
    const std::string field = absl::StrCat(path, ".window");
    const int64_t before = violations->count();
    popularity.window_micros = ReadDuration(wire.window(), field, violations);
    // In the policy, 0 stands for a window that is unset.
    if (popularity.window_micros == 0 && violations->count() == before) {
      violations->Add(field, "must be unset, or one minute to 36,500 days");
    }
  }
  popularity.within_cohort = wire.within_cohort();
  if (wire.has_cohort()) {
    if (wire.within_cohort()) {
      violations->Add(absl::StrCat(path, ".cohort"), "is refused together with `within_cohort`");
    }
    if (wire.cohort() < 0 || wire.cohort() > kMaxCohort) {
      violations->Add(absl::StrCat(path, ".cohort"),
                      absl::StrCat("must be in [0, ", kMaxCohort, "]"));
    }
    popularity.within_cohort = true;
    popularity.cohort = static_cast<uint8_t>(wire.cohort());
  }
  return popularity;
}

DynamicPick ReadPick(v1::DynamicPick wire, const std::string& path, Violations* violations) {
  switch (wire) {
    case v1::DYNAMIC_PICK_UNSPECIFIED:
    case v1::DYNAMIC_PICK_TOP:
      return DynamicPick::kTop;
    case v1::DYNAMIC_PICK_UNIFORM:
      return DynamicPick::kUniform;
    case v1::DYNAMIC_PICK_SOFTMAX:
      return DynamicPick::kSoftmax;
    case v1::DYNAMIC_PICK_AHNS:
      return DynamicPick::kAhns;
    default:
      violations->Add(absl::StrCat(path, ".pick"), "is not a known pick");
      return DynamicPick::kTop;
  }
}

DynamicSource ReadDynamic(const v1::DynamicSource& wire, const std::string& path,
                          Violations* violations) {
  DynamicSource dynamic;
  CheckKnown(wire, path, violations);
  if (wire.has_popularity()) {
    dynamic.base = ReadPopularity(wire.popularity(), absl::StrCat(path, ".popularity"), violations);
  } else {
    CheckKnown(wire.uniform(), absl::StrCat(path, ".uniform"), violations);
    dynamic.base = UniformSource{wire.uniform().by_base_weight()};
  }
  dynamic.anchor = ReadAnchor(wire.anchor(), absl::StrCat(path, ".anchor"), violations);
  dynamic.pool_size = wire.pool_size();
  dynamic.pick = ReadPick(wire.pick(), path, violations);
  dynamic.top_count = wire.top_count();
  dynamic.temperature = wire.temperature();
  dynamic.temperature_schedule = ReadTemperatureSchedule(wire, path, violations);
  if (wire.has_target()) {
    const v1::AhnsTarget& target = wire.target();
    CheckKnown(target, absl::StrCat(path, ".target"), violations);
    dynamic.target = AhnsTarget{target.alpha(), target.beta(), target.p()};
  }
  return dynamic;
}

void ReadSource(const v1::PolicyComponent& wire, const std::string& path, PolicyComponent* out,
                Violations* violations) {
  switch (wire.source_case()) {
    case v1::PolicyComponent::kUniform:
      CheckKnown(wire.uniform(), absl::StrCat(path, ".uniform"), violations);
      out->source = UniformSource{wire.uniform().by_base_weight()};
      break;
    case v1::PolicyComponent::kPopularity:
      out->source =
          ReadPopularity(wire.popularity(), absl::StrCat(path, ".popularity"), violations);
      break;
    case v1::PolicyComponent::kNearest:
      out->source = ReadNearest(wire.nearest(), absl::StrCat(path, ".nearest"), violations);
      break;
    case v1::PolicyComponent::kExposure: {
      const std::string source_path = absl::StrCat(path, ".exposure");
      CheckKnown(wire.exposure(), source_path, violations);
      out->source = ExposureSource{ReadHalfLife(wire.exposure(), source_path, violations),
                                   wire.exposure().max_importance_weight()};
      break;
    }
    case v1::PolicyComponent::kMined: {
      const std::string source_path = absl::StrCat(path, ".mined");
      CheckKnown(wire.mined(), source_path, violations);
      out->source = MinedSource{ReadHalfLife(wire.mined(), source_path, violations)};
      break;
    }
    case v1::PolicyComponent::kAdversarial: {
      const std::string source_path = absl::StrCat(path, ".adversarial");
      const v1::AdversarialSource& adversarial = wire.adversarial();
      CheckKnown(adversarial, source_path, violations);
      out->source = AdversarialSource{
          ReadAnchor(adversarial.anchor(), absl::StrCat(source_path, ".anchor"), violations),
          adversarial.temperature(), ReadTemperatureSchedule(adversarial, source_path, violations)};
      break;
    }
    case v1::PolicyComponent::kDynamic:
      out->source = ReadDynamic(wire.dynamic(), absl::StrCat(path, ".dynamic"), violations);
      break;
    case v1::PolicyComponent::SOURCE_NOT_SET:
      violations->Add(absl::StrCat(path, ".source"),
                      "is required: uniform, popularity, nearest, exposure, mined, adversarial or "
                      "dynamic");
      break;
  }
}

void ReadFilters(const v1::PolicyComponent& wire, const std::string& path, PolicyComponent* out,
                 Violations* violations) {
  const auto read_names = [](const auto& names, std::vector<std::string>* list) {
    list->assign(names.begin(), names.end());
  };
  CheckKnown(wire.category_filter(), absl::StrCat(path, ".category_filter"), violations);
  read_names(wire.category_filter().any_of(), &out->category_filter.any_of);
  read_names(wire.category_filter().all_of(), &out->category_filter.all_of);
  read_names(wire.category_filter().none_of(), &out->category_filter.none_of);
  if (wire.has_plausibility()) {
    const std::string field = absl::StrCat(path, ".plausibility");
    CheckKnown(wire.plausibility(), field, violations);
    out->plausibility = Plausibility{
        wire.plausibility().min_mass(), ReadHalfLife(wire.plausibility(), field, violations),
        wire.plausibility().min_positive_count(), wire.plausibility().min_exposure_count()};
  }
  if (!wire.has_score_bounds()) return;
  const v1::ScoreBounds& bounds = wire.score_bounds();
  const std::string field = absl::StrCat(path, ".score_bounds");
  CheckKnown(bounds, field, violations);
  out->score_bounds =
      ScoreBounds{ReadAnchor(bounds.anchor(), absl::StrCat(field, ".anchor"), violations)};
  ReadBounds(bounds, &*out->score_bounds);
}

PolicyComponent ReadComponent(const v1::PolicyComponent& wire, const std::string& path,
                              Violations* violations) {
  PolicyComponent component;
  component.share = wire.share();
  component.share_schedule = ReadSchedule(wire.has_share_schedule(), wire.share_schedule(),
                                          absl::StrCat(path, ".share_schedule"), violations);
  CheckKnown(wire, path, violations);
  component.category = wire.category();
  ReadSource(wire, path, &component, violations);
  ReadFilters(wire, path, &component, violations);
  return component;
}

// What rows must not get beside their exclusions, and what they get instead.
void ReadGuards(const v1::Policy& wire, const std::string& path, Policy* policy,
                Violations* violations) {
  switch (wire.uncertain_rule()) {
    case v1::UNCERTAIN_RULE_UNSPECIFIED:
    case v1::UNCERTAIN_RULE_EXCLUDE:
      policy->uncertain_rule = UncertainRule::kExclude;
      break;
    case v1::UNCERTAIN_RULE_KEEP:
      policy->uncertain_rule = UncertainRule::kKeep;
      break;
    default:
      violations->Add(path + ".uncertain_rule", "is not a known rule");
  }
  if (wire.has_min_distance()) {
    CheckKnown(wire.min_distance(), path + ".min_distance", violations);
    policy->min_distance =
        MinDistance{wire.min_distance().distance(), wire.min_distance().history_count()};
  }
  for (int i = 0; i < wire.category_limits_size(); ++i) {
    const v1::CategoryLimit& limit = wire.category_limits(i);
    CheckKnown(limit, absl::StrCat(path, ".category_limits[", i, "]"), violations);
    policy->category_limits.push_back({limit.category(), limit.max_count()});
  }
  if (wire.has_fallback()) {
    policy->fallback = ReadComponent(wire.fallback(), path + ".fallback", violations);
  }
  if (wire.has_history_horizon()) {
    policy->history_horizon_micros =
        ReadDuration(wire.history_horizon(), path + ".history_horizon", violations);
  }
}

}  // namespace

void CheckKnown(const google::protobuf::Message& message, const std::string& path,
                Violations* violations) {
  if (message.GetReflection()->GetUnknownFields(message).empty()) return;
  violations->Add(path, "has a field that this server does not know");
}

NearestAnchor ReadAnchor(v1::NearestAnchor wire, absl::string_view field, Violations* violations) {
  switch (wire) {
    case v1::NEAREST_ANCHOR_UNSPECIFIED:
    case v1::NEAREST_ANCHOR_QUERY:
      return NearestAnchor::kQuery;
    case v1::NEAREST_ANCHOR_POSITIVE:
      return NearestAnchor::kPositive;
    case v1::NEAREST_ANCHOR_USER:
      return NearestAnchor::kUser;
    default:
      violations->Add(field, "is not a known anchor");
      return NearestAnchor::kQuery;
  }
}

Policy ReadRecipe(const v1::Policy& wire, const std::string& policy_path, Violations* violations) {
  Policy policy;
  CheckKnown(wire, policy_path, violations);
  policy.components.reserve(static_cast<size_t>(wire.components_size()));
  for (int i = 0; i < wire.components_size(); ++i) {
    const v1::PolicyComponent& component = wire.components(i);
    policy.components.push_back(
        ReadComponent(component, absl::StrCat(policy_path, ".components[", i, "]"), violations));
  }
  policy.unique = wire.unique();
  policy.category_cap = wire.category_cap();
  if (wire.has_positive_floor()) policy.positive_floor = wire.positive_floor();
  ReadGuards(wire, policy_path, &policy, violations);
  return policy;
}

Policy ReadPolicy(const v1::Policy& wire, Violations* violations) {
  Policy policy = ReadRecipe(wire, "policy", violations);
  CheckPolicy(policy, violations);
  return policy;
}

}  // namespace negatron
