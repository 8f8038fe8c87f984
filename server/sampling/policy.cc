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

// The bounds on scores, margins and noise.
void CheckScores(const NearestSource& nearest, const std::string& path, Violations* violations) {
  const auto check_finite = [&](const std::optional<double>& bound, const char* field) {
    if (bound.has_value() && !std::isfinite(*bound))
      violations->Add(path + field, "must be finite");
  };
  check_finite(nearest.min_score, "min_score");
  check_finite(nearest.max_score, "max_score");
  const bool both = nearest.min_score.has_value() && nearest.max_score.has_value();
  if (both && std::isfinite(*nearest.min_score) && std::isfinite(*nearest.max_score) &&
      *nearest.max_score < *nearest.min_score) {
    violations->Add(path + "max_score", "must not be below min_score");
  }
  const auto check_size = [&](double size, const char* field) {
    if (!(size >= 0 && std::isfinite(size))) {
      violations->Add(path + field, "must be finite and not negative");
    }
  };
  check_size(nearest.margin.value_or(0), "margin");
  check_size(nearest.relative_margin.value_or(0), "relative_margin");
  check_size(nearest.noise, "noise");
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
  CheckScores(nearest, path, violations);
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

}  // namespace

bool Policy::NeedsQueries() const {
  return std::any_of(components.begin(), components.end(), [](const PolicyComponent& component) {
    return component.share > 0 && AnchorOf(component.source) == NearestAnchor::kQuery;
  });
}

bool Policy::NeedsEmbeddings() const {
  return std::any_of(components.begin(), components.end(), [](const PolicyComponent& component) {
    return component.share > 0 && AnchorOf(component.source).has_value();
  });
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

LawKind LawOf(const PolicyComponent& component) {
  if (const auto* nearest = std::get_if<NearestSource>(&component.source)) {
    return nearest->pick == NearestPick::kTop ? LawKind::kNone : LawKind::kConditional;
  }
  if (const auto* dynamic = std::get_if<DynamicSource>(&component.source)) {
    return dynamic->HasLaw() ? LawKind::kConditional : LawKind::kNone;
  }
  return LawKind::kExact;
}

LawKind LawOf(const Policy& policy) {
  LawKind law = LawKind::kExact;
  for (const PolicyComponent& component : policy.components) {
    if (component.share > 0) law = std::max(law, LawOf(component));
  }
  return law;
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
    if (!component.category.empty()) {
      const absl::string_view problem = CategoryProblem(component.category);
      if (!problem.empty()) violations->Add(path + "category", problem);
    }
    const std::string_view name = SourceName(component.kind());
    const std::string source_path =
        absl::StrCat(path, absl::string_view(name.data(), name.size()), ".");
    std::visit(SourceChecker{source_path, violations}, component.source);
  }
  if (policy.category_cap < 0) {
    violations->Add("policy.category_cap", "must be 0 (none), or positive");
  }
  if (!(policy.positive_floor >= 0 && policy.positive_floor < 1)) {
    violations->Add("policy.positive_floor", "must be in [0, 1)");
  }
  if (violations->empty() && !(sum > 0 && std::isfinite(sum))) {
    violations->Add("policy.components", "the sum of shares must be positive and finite");
  }
}

}  // namespace negatron
