// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/policy.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace negatron {
namespace {

// What a source scores items against; none if it does not score them.
std::optional<NearestAnchor> AnchorOf(const SourceSpec& source) {
  if (const auto* nearest = std::get_if<NearestSource>(&source)) return nearest->anchor;
  if (const auto* adversarial = std::get_if<AdversarialSource>(&source)) return adversarial->anchor;
  if (const auto* dynamic = std::get_if<DynamicSource>(&source)) return dynamic->anchor;
  return std::nullopt;
}

// Whether a component scores against the query, or at all.
bool IsAnchored(const PolicyComponent& component, std::optional<NearestAnchor> anchor) {
  const auto matches = [&](std::optional<NearestAnchor> used) {
    return used.has_value() && (!anchor.has_value() || used == anchor);
  };
  return matches(AnchorOf(component.source)) ||
         (component.score_bounds.has_value() && matches(component.score_bounds->anchor));
}

// Whether any component that may draw scores against this anchor, or, if it is unset, any.
bool AnyIsAnchored(const Policy& policy, std::optional<NearestAnchor> anchor) {
  if (policy.fallback.has_value() && IsAnchored(*policy.fallback, anchor)) return true;
  return std::any_of(policy.components.begin(), policy.components.end(),
                     [anchor](const PolicyComponent& component) {
                       return component.share > 0 && IsAnchored(component, anchor);
                     });
}

}  // namespace

bool Policy::NeedsQueries() const { return AnyIsAnchored(*this, NearestAnchor::kQuery); }

bool Policy::NeedsEmbeddings() const {
  return min_distance.has_value() || AnyIsAnchored(*this, std::nullopt);
}

bool Policy::Guards(const PolicyComponent& component) const {
  return component.HasFilters() || (min_distance.has_value() && ExcludesUncertain());
}

std::string_view SourceName(SourceKind kind) {
  switch (kind) {
    case SourceKind::kUniform:
      return "uniform";
    case SourceKind::kPopularity:
      return "popularity";
    case SourceKind::kNearest:
      return "nearest";
    case SourceKind::kExposure:
      return "exposure";
    case SourceKind::kMined:
      return "mined";
    case SourceKind::kAdversarial:
      return "adversarial";
    case SourceKind::kDynamic:
      return "dynamic";
  }
  return "unknown";
}

namespace {

LawKind LawOf(const Policy& policy, const PolicyComponent& component, int64_t item_count) {
  if (const auto* nearest = std::get_if<NearestSource>(&component.source)) {
    return nearest->pick == NearestPick::kTop ? LawKind::kNone : LawKind::kConditional;
  }
  if (const auto* dynamic = std::get_if<DynamicSource>(&component.source)) {
    return dynamic->HasLaw() ? LawKind::kConditional : LawKind::kNone;
  }
  const SourceKind kind = component.kind();
  const bool proposes = kind == SourceKind::kUniform || kind == SourceKind::kPopularity;
  return proposes && policy.Guards(component) && item_count > kMaxEnumeratedItems
             ? LawKind::kRowConstant
             : LawKind::kExact;
}

// Of one component beside others that have a share.
LawKind Mixed(LawKind a, LawKind b) {
  const bool level_is_unknown = a == LawKind::kRowConstant || b == LawKind::kRowConstant;
  return level_is_unknown ? LawKind::kNone : std::max(a, b);
}

}  // namespace

PolicyLaws LawsOf(const Policy& policy, int64_t item_count) {
  PolicyLaws laws;
  bool is_first = true;
  for (const PolicyComponent& component : policy.components) {
    const LawKind law = LawOf(policy, component, item_count);
    laws.components.push_back(law);
    if (component.share <= 0) continue;
    laws.mixture = is_first ? law : Mixed(laws.mixture, law);
    is_first = false;
  }
  if (!policy.fallback.has_value()) return laws;
  laws.fallback = LawOf(policy, *policy.fallback, item_count);
  if (laws.mixture == LawKind::kExact) laws.mixture = laws.fallback;
  return laws;
}

namespace {

void Resolve(std::optional<Schedule>* schedule, double progress, double* number) {
  if (!schedule->has_value()) return;
  *number = (*schedule)->At(progress);
  schedule->reset();
}

// Puts numbers in the place of the schedules of a source, if it has any.
struct Resolver {
  double progress;

  template <typename Source>
  void operator()(Source&) const {}
  void operator()(NearestSource& nearest) const {
    double begin = nearest.rank_begin, end = nearest.rank_end;
    Resolve(&nearest.rank_begin_schedule, progress, &begin);
    Resolve(&nearest.rank_end_schedule, progress, &end);
    nearest.rank_begin = static_cast<int>(std::floor(begin));
    nearest.rank_end = static_cast<int>(std::ceil(end));
    Resolve(&nearest.temperature_schedule, progress, &nearest.temperature);
    Resolve(&nearest.noise_schedule, progress, &nearest.noise);
  }
  void operator()(AdversarialSource& adversarial) const {
    Resolve(&adversarial.temperature_schedule, progress, &adversarial.temperature);
  }
  void operator()(DynamicSource& dynamic) const {
    Resolve(&dynamic.temperature_schedule, progress, &dynamic.temperature);
  }
};

}  // namespace

bool HasSchedules(const PolicyComponent& component) {
  Policy one;
  one.components.push_back(component);
  return AtProgress(one, 0) != one;
}

bool HasSchedules(const Policy& policy) {
  return std::any_of(policy.components.begin(), policy.components.end(),
                     [](const PolicyComponent& component) { return HasSchedules(component); });
}

Policy AtProgress(Policy policy, double progress) {
  for (PolicyComponent& component : policy.components) {
    Resolve(&component.share_schedule, progress, &component.share);
    std::visit(Resolver{progress}, component.source);
  }
  return policy;
}

}  // namespace negatron
