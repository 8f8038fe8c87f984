// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/policy.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

#include "storage/model/limits.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

// What a source scores items against; none if it does not score them.
std::optional<NearestAnchor> AnchorOf(const SourceSpec& source) {
  if (const auto* nearest = std::get_if<NearestSource>(&source)) return nearest->anchor;
  if (const auto* adversarial = std::get_if<AdversarialSource>(&source)) return adversarial->anchor;
  if (const auto* dynamic = std::get_if<DynamicSource>(&source)) return dynamic->anchor;
  return std::nullopt;
}

void CheckSize(double size, const std::string& field, Violations* violations) {
  if (!(size >= 0 && std::isfinite(size))) {
    violations->Add(field, "must be finite and not negative");
  }
}

// The bounds on scores and margins, of a NearestSource or ScoreBounds.
template <typename Bounds>
void CheckBounds(const Bounds& bounds, const std::string& path, Violations* violations) {
  const auto check_finite = [&](const std::optional<double>& bound, const char* field) {
    if (bound.has_value() && !std::isfinite(*bound))
      violations->Add(path + field, "must be finite");
  };
  check_finite(bounds.min_score, "min_score");
  check_finite(bounds.max_score, "max_score");
  const bool both = bounds.min_score.has_value() && bounds.max_score.has_value();
  if (both && std::isfinite(*bounds.min_score) && std::isfinite(*bounds.max_score) &&
      *bounds.max_score < *bounds.min_score) {
    violations->Add(path + "max_score", "must not be below min_score");
  }
  CheckSize(bounds.margin.value_or(0), path + "margin", violations);
  CheckSize(bounds.relative_margin.value_or(0), path + "relative_margin", violations);
}

void CheckNearest(const NearestSource& nearest, const std::string& path, Violations* violations) {
  if (nearest.rank_end < 1 || nearest.rank_end > kMaxRank) {
    violations->Add(path + "rank_end", absl::StrCat("must be in [1, ", kMaxRank, "]"));
  }
  if (nearest.rank_begin < 0 || nearest.rank_begin >= std::max(nearest.rank_end, 1)) {
    violations->Add(path + "rank_begin", "must be in [0, rank_end)");
  }
  const bool softmax = nearest.pick == NearestPick::kSoftmax;
  if (softmax && !(nearest.temperature > 0 && std::isfinite(nearest.temperature))) {
    violations->Add(path + "temperature", "must be positive and finite for a softmax");
  }
  if (!softmax && nearest.temperature != 0) {
    violations->Add(path + "temperature", "only a softmax has a temperature");
  }
  CheckBounds(nearest, path, violations);
  CheckSize(nearest.noise, path + "noise", violations);
}

// What is wrong with the pool and the pick.
void CheckDynamic(const DynamicSource& dynamic, const std::string& path, Violations* violations) {
  const bool sized = dynamic.pool_size >= 1 && dynamic.pool_size <= kMaxPoolSize;
  if (!sized) {
    violations->Add(path + "pool_size", absl::StrCat("must be in [1, ", kMaxPoolSize, "]"));
  }
  const DynamicPick pick = dynamic.pick;
  const bool takes_top = pick == DynamicPick::kTop || pick == DynamicPick::kUniform;
  if (!takes_top && dynamic.top_count != 0) {
    violations->Add(path + "top_count", "only the picks top and uniform have one");
  }
  if (takes_top && (dynamic.top_count < 1 || (sized && dynamic.top_count > dynamic.pool_size))) {
    violations->Add(path + "top_count", "must be in [1, pool_size]");
  }
  const bool softmax = pick == DynamicPick::kSoftmax;
  if (softmax && !(dynamic.temperature > 0 && std::isfinite(dynamic.temperature))) {
    violations->Add(path + "temperature", "must be positive and finite for a softmax");
  }
  if (!softmax && dynamic.temperature != 0) {
    violations->Add(path + "temperature", "only a softmax has a temperature");
  }
  if ((pick == DynamicPick::kAhns) != dynamic.target.has_value()) {
    violations->Add(path + "target", dynamic.target.has_value() ? "only the pick AHNS has a target"
                                                                : "the pick AHNS needs one");
  }
  if (!dynamic.target.has_value()) return;
  const auto check_finite = [&](double number, const char* field) {
    if (!std::isfinite(number)) violations->Add(path + field, "must be finite");
  };
  check_finite(dynamic.target->alpha, "target.alpha");
  check_finite(dynamic.target->beta, "target.beta");
  check_finite(dynamic.target->p, "target.p");
}

constexpr double kMaxAlpha = 4;

void CheckHalfLife(const std::optional<int64_t>& half_life, const std::string& path,
                   Violations* violations) {
  if (half_life.has_value() && !IsHalfLife(*half_life)) {
    violations->Add(path + "half_life", "must be 0 s (no decay), or one minute to 36,500 days");
  }
}

// What is wrong with the parameters of a source; `path` ends with its name and a dot.
struct SourceChecker {
  const std::string& path;
  Violations* violations;

  void operator()(const UniformSource&) const {}
  void operator()(const PopularitySource& popularity) const {
    // Written so that NaN fails.
    if (!(popularity.alpha > 0 && popularity.alpha <= kMaxAlpha)) {
      violations->Add(path + "alpha", "must be in (0, 4]");
    }
    CheckHalfLife(popularity.half_life_micros, path, violations);
    if (!IsWindow(popularity.window_micros)) {
      violations->Add(path + "window", "must be unset, or one minute to 36,500 days");
    }
  }
  void operator()(const NearestSource& nearest) const { CheckNearest(nearest, path, violations); }
  void operator()(const ExposureSource& exposure) const {
    CheckHalfLife(exposure.half_life_micros, path, violations);
    const double clip = exposure.max_importance_weight;
    if (clip != 0 && !(clip >= 1 && std::isfinite(clip))) {
      violations->Add(path + "max_importance_weight", "must be 0, or finite and at least 1");
    }
  }
  void operator()(const MinedSource& mined) const {
    CheckHalfLife(mined.half_life_micros, path, violations);
  }
  void operator()(const AdversarialSource& adversarial) const {
    if (!(adversarial.temperature > 0 && std::isfinite(adversarial.temperature))) {
      violations->Add(path + "temperature", "must be positive and finite");
    }
  }
  void operator()(const DynamicSource& dynamic) const {
    const bool uniform = std::holds_alternative<UniformSource>(dynamic.base);
    const std::string base_path = path + (uniform ? "uniform." : "popularity.");
    std::visit(SourceChecker{base_path, violations}, dynamic.base);
    CheckDynamic(dynamic, path, violations);
  }
};

void CheckName(const std::string& name, const std::string& field, Violations* violations) {
  const absl::string_view problem = CategoryProblem(name);
  if (!problem.empty()) violations->Add(field, problem);
}

void CheckFilters(const PolicyComponent& component, const std::string& path,
                  Violations* violations) {
  const auto check_names = [&](const std::vector<std::string>& names, const char* list) {
    for (size_t i = 0; i < names.size(); ++i) {
      CheckName(names[i], absl::StrCat(path, "category_filter.", list, "[", i, "]"), violations);
    }
  };
  const CategoryFilter& filter = component.category_filter;
  check_names(filter.any_of, "any_of");
  check_names(filter.all_of, "all_of");
  check_names(filter.none_of, "none_of");
  if (filter.any_of.size() + filter.all_of.size() + filter.none_of.size() > kMaxFilterCategories) {
    violations->Add(path + "category_filter",
                    absl::StrCat("at most ", kMaxFilterCategories, " categories"));
  }
  if (component.plausibility.has_value()) {
    CheckSize(component.plausibility->min_mass, path + "plausibility.min_mass", violations);
    CheckHalfLife(component.plausibility->half_life_micros, path + "plausibility.", violations);
    if (component.plausibility->min_positive_count < 0) {
      violations->Add(path + "plausibility.min_positive_count", "must not be negative");
    }
  }
  if (!component.score_bounds.has_value()) return;
  if (component.kind() == SourceKind::kNearest) {
    violations->Add(path + "score_bounds", "`nearest` has bounds of its own");
  }
  CheckBounds(*component.score_bounds, path + "score_bounds.", violations);
}

// All but the share. `path` ends with a dot.
void CheckComponent(const PolicyComponent& component, const std::string& path,
                    Violations* violations) {
  if (!component.category.empty()) CheckName(component.category, path + "category", violations);
  const std::string_view name = SourceName(component.kind());
  const std::string source_path =
      absl::StrCat(path, absl::string_view(name.data(), name.size()), ".");
  std::visit(SourceChecker{source_path, violations}, component.source);
  CheckFilters(component, path, violations);
}

// What rows must not get, and what they get instead.
void CheckGuards(const Policy& policy, Violations* violations) {
  if (policy.min_distance.has_value()) {
    const auto& [distance, history_count] = *policy.min_distance;
    if (!(distance > 0 && std::isfinite(distance))) {
      violations->Add("policy.min_distance.distance", "must be positive and finite");
    }
    if (history_count < 0 || history_count > kMaxNearHistory) {
      violations->Add("policy.min_distance.history_count",
                      absl::StrCat("must be in [0, ", kMaxNearHistory, "]"));
    }
  }
  if (policy.history_horizon_micros < 0 || policy.history_horizon_micros > kMaxWindowMicros) {
    violations->Add("policy.history_horizon", "must be 0 s to 36,500 days");
  }
  const auto& limits = policy.category_limits;
  if (limits.size() > kMaxCategoryLimits) {
    violations->Add("policy.category_limits", absl::StrCat("at most ", kMaxCategoryLimits));
    return;
  }
  for (size_t i = 0; i < limits.size(); ++i) {
    const std::string path = absl::StrCat("policy.category_limits[", i, "].");
    CheckName(limits[i].category, path + "category", violations);
    for (size_t other = 0; other < i; ++other) {
      if (limits[other].category != limits[i].category) continue;
      violations->Add(path + "category", "comes twice");
      break;
    }
    if (limits[i].max_count < 1) violations->Add(path + "max_count", "must be at least 1");
  }
  if (!policy.fallback.has_value()) return;
  if (policy.fallback->share != 0) {
    violations->Add("policy.fallback.share", "a fallback has none");
  }
  const SourceKind kind = policy.fallback->kind();
  if (kind != SourceKind::kUniform && kind != SourceKind::kPopularity) {
    violations->Add("policy.fallback.source", "must be uniform or popularity");
  }
  CheckComponent(*policy.fallback, "policy.fallback.", violations);
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

void CheckPolicy(const Policy& policy, Violations* violations) {
  const size_t count = policy.components.size();
  if (count < 1 || count > kMaxComponents) {
    violations->Add("policy.components", absl::StrCat("must be 1 to ", kMaxComponents));
    return;
  }
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const PolicyComponent& component = policy.components[i];
    const std::string path = absl::StrCat("policy.components[", i, "].");
    if (!(component.share >= 0 && std::isfinite(component.share))) {
      violations->Add(path + "share", "must be finite and not negative");
    } else {
      sum += component.share;
    }
    CheckComponent(component, path, violations);
  }
  if (policy.category_cap < 0) {
    violations->Add("policy.category_cap", "must be 0 (none), or positive");
  }
  if (!(policy.positive_floor >= 0 && policy.positive_floor < 1)) {
    violations->Add("policy.positive_floor", "must be in [0, 1)");
  }
  CheckGuards(policy, violations);
  if (violations->empty() && !(sum > 0 && std::isfinite(sum))) {
    violations->Add("policy.components", "the sum of shares must be positive and finite");
  }
}

}  // namespace negatron
