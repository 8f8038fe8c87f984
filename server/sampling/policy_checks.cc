// SPDX-License-Identifier: Apache-2.0
// What may be wrong with a policy.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "server/sampling/policy.h"
#include "storage/model/limits.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr ValueRange kNotNegative{0, kLargest, false, "finite and not negative"};
constexpr ValueRange kPositive{0, kLargest, true, "positive and finite"};

// What is wrong with the schedule of a field; `also_set`: the plain field is set beside it. Returns
// whether there is one: then there is nothing to be said of the plain field.
bool CheckScheduled(const std::optional<Schedule>& schedule, bool also_set, const ValueRange& range,
                    const std::string& field, Violations* violations) {
  if (!schedule.has_value()) return false;
  if (also_set) violations->Add(field + "_schedule", "is refused together with the plain field");
  CheckSchedule(*schedule, range, field + "_schedule", violations);
  return true;
}

// What is wrong with a temperature that only a softmax has.
void CheckTemperature(double temperature, const std::optional<Schedule>& schedule, bool softmax,
                      const std::string& path, Violations* violations) {
  const std::string field = path + "temperature";
  if (!softmax && (temperature != 0 || schedule.has_value())) {
    violations->Add(temperature != 0 ? field : field + "_schedule",
                    "only a softmax has a temperature");
    return;
  }
  if (CheckScheduled(schedule, temperature != 0, kPositive, field, violations)) return;
  if (softmax && !(temperature > 0 && std::isfinite(temperature))) {
    violations->Add(field, "must be positive and finite for a softmax");
  }
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

// A rank as the schedule that it is, or that stands in its place.
Schedule RankSchedule(int rank, const std::optional<Schedule>& schedule) {
  return schedule.value_or(Schedule{Interpolation::kSteps, {{0, static_cast<double>(rank)}}});
}

// A window whose begin or end moves.
void CheckMovingWindow(const NearestSource& nearest, const std::string& path,
                       Violations* violations) {
  static const ValueRange kBegins{0, kMaxRank - 1, false, "in [0, 9999]"};
  static const ValueRange kEnds{1, kMaxRank, false, "in [1, 10000]"};
  const int64_t before = violations->count();
  const auto check = [&](const std::optional<Schedule>& schedule, int rank, const ValueRange& range,
                         const std::string& field) {
    if (CheckScheduled(schedule, rank != 0, range, field, violations)) return;
    if (!(rank >= range.least && rank <= range.most)) {
      violations->Add(field, absl::StrCat("must be ", range.text));
    }
  };
  check(nearest.rank_end_schedule, nearest.rank_end, kEnds, path + "rank_end");
  check(nearest.rank_begin_schedule, nearest.rank_begin, kBegins, path + "rank_begin");
  if (violations->count() == before &&
      !IsBelow(RankSchedule(nearest.rank_begin, nearest.rank_begin_schedule),
               RankSchedule(nearest.rank_end, nearest.rank_end_schedule))) {
    violations->Add(
        path + (nearest.rank_end_schedule.has_value() ? "rank_end_schedule" : "rank_end"),
        "must be above rank_begin at every progress");
  }
}

void CheckNearest(const NearestSource& nearest, const std::string& path, Violations* violations) {
  if (nearest.rank_begin_schedule.has_value() || nearest.rank_end_schedule.has_value()) {
    CheckMovingWindow(nearest, path, violations);
  } else {
    if (nearest.rank_end < 1 || nearest.rank_end > kMaxRank) {
      violations->Add(path + "rank_end", absl::StrCat("must be in [1, ", kMaxRank, "]"));
    }
    if (nearest.rank_begin < 0 || nearest.rank_begin >= std::max(nearest.rank_end, 1)) {
      violations->Add(path + "rank_begin", "must be in [0, rank_end)");
    }
  }
  CheckTemperature(nearest.temperature, nearest.temperature_schedule,
                   nearest.pick == NearestPick::kSoftmax, path, violations);
  CheckBounds(nearest, path, violations);
  if (!CheckScheduled(nearest.noise_schedule, nearest.noise != 0, kNotNegative, path + "noise",
                      violations)) {
    CheckSize(nearest.noise, path + "noise", violations);
  }
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
  CheckTemperature(dynamic.temperature, dynamic.temperature_schedule, pick == DynamicPick::kSoftmax,
                   path, violations);
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
    if (CheckScheduled(adversarial.temperature_schedule, adversarial.temperature != 0, kPositive,
                       path + "temperature", violations)) {
      return;
    }
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
    if (component.plausibility->min_exposure_count < 0) {
      violations->Add(path + "plausibility.min_exposure_count", "must not be negative");
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
void CheckGuards(const Policy& policy, absl::string_view policy_path, Violations* violations) {
  const auto field = [&](absl::string_view name) { return absl::StrCat(policy_path, ".", name); };
  if (policy.min_distance.has_value()) {
    const auto& [distance, history_count] = *policy.min_distance;
    if (!(distance > 0 && std::isfinite(distance))) {
      violations->Add(field("min_distance.distance"), "must be positive and finite");
    }
    if (history_count < 0 || history_count > kMaxNearHistory) {
      violations->Add(field("min_distance.history_count"),
                      absl::StrCat("must be in [0, ", kMaxNearHistory, "]"));
    }
  }
  if (policy.history_horizon_micros < 0 || policy.history_horizon_micros > kMaxWindowMicros) {
    violations->Add(field("history_horizon"), "must be 0 s to 36,500 days");
  }
  const auto& limits = policy.category_limits;
  if (limits.size() > kMaxCategoryLimits) {
    violations->Add(field("category_limits"), absl::StrCat("at most ", kMaxCategoryLimits));
    return;
  }
  for (size_t i = 0; i < limits.size(); ++i) {
    const std::string path = field(absl::StrCat("category_limits[", i, "]."));
    CheckName(limits[i].category, path + "category", violations);
    for (size_t other = 0; other < i; ++other) {
      if (limits[other].category != limits[i].category) continue;
      violations->Add(path + "category", "comes twice");
      break;
    }
    if (limits[i].max_count < 1) violations->Add(path + "max_count", "must be at least 1");
  }
  if (!policy.fallback.has_value()) return;
  if (policy.fallback->share != 0 || policy.fallback->share_schedule.has_value()) {
    violations->Add(field("fallback.share"), "a fallback has none");
  }
  const SourceKind kind = policy.fallback->kind();
  if (kind != SourceKind::kUniform && kind != SourceKind::kPopularity) {
    violations->Add(field("fallback.source"), "must be uniform or popularity");
  }
  CheckComponent(*policy.fallback, field("fallback."), violations);
}

// Whether the sum of the shares, each good, is positive and finite at every progress. None is
// negative, and each goes monotonously from point to point: a sum that is 0 anywhere is so at a
// point, or all the way between two.
bool HasPositiveSum(const Policy& policy) {
  std::vector<double> places = {0, 1};
  for (const PolicyComponent& component : policy.components) {
    if (!component.share_schedule.has_value()) continue;
    for (const SchedulePoint& point : component.share_schedule->points) {
      places.push_back(point.progress);
    }
  }
  std::sort(places.begin(), places.end());
  const size_t points = places.size();
  for (size_t i = 1; i < points; ++i) {
    places.push_back(places[i - 1] + (places[i] - places[i - 1]) / 2);
  }
  return std::all_of(places.begin(), places.end(), [&](double progress) {
    double sum = 0;
    for (const PolicyComponent& component : policy.components) {
      const std::optional<Schedule>& schedule = component.share_schedule;
      sum += schedule.has_value() ? schedule->At(progress) : component.share;
    }
    return sum > 0 && std::isfinite(sum);
  });
}

}  // namespace

void CheckPolicy(const Policy& policy, Violations* violations, absl::string_view policy_path) {
  const auto field = [&](absl::string_view name) { return absl::StrCat(policy_path, ".", name); };
  const size_t count = policy.components.size();
  const bool counted = count >= 1 && count <= kMaxComponents;
  if (!counted) violations->Add(field("components"), absl::StrCat("must be 1 to ", kMaxComponents));
  bool good_shares = true;
  for (size_t i = 0; i < std::min<size_t>(count, kMaxComponents); ++i) {
    const PolicyComponent& component = policy.components[i];
    const std::string path = field(absl::StrCat("components[", i, "]."));
    const int64_t before = violations->count();
    if (!CheckScheduled(component.share_schedule, component.share != 0, kNotNegative,
                        path + "share", violations) &&
        !(component.share >= 0 && std::isfinite(component.share))) {
      violations->Add(path + "share", "must be finite and not negative");
    }
    good_shares &= violations->count() == before;
    CheckComponent(component, path, violations);
  }
  if (policy.category_cap < 0) {
    violations->Add(field("category_cap"), "must be 0 (none), or positive");
  }
  if (!(policy.positive_floor >= 0 && policy.positive_floor < 1)) {
    violations->Add(field("positive_floor"), "must be in [0, 1)");
  }
  CheckGuards(policy, policy_path, violations);
  if (counted && good_shares && !HasPositiveSum(policy)) {
    violations->Add(field("components"),
                    "the sum of shares must be positive and finite, at every progress");
  }
}

}  // namespace negatron
