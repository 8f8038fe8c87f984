// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_POLICY_H_
#define NEGATRON_SERVER_SAMPLING_POLICY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "server/sampling/outcomes.h"
#include "server/sampling/schedule.h"
#include "server/sampling/source_specs.h"
#include "storage/base/status.h"

namespace negatron {

// Categories that items must have and must not. Names that no item has are no error.
struct CategoryFilter {
  std::vector<std::string> any_of = {};  // Empty: none is demanded.
  std::vector<std::string> all_of = {};
  std::vector<std::string> none_of = {};

  bool empty() const { return any_of.empty() && all_of.empty() && none_of.empty(); }

  friend bool operator==(const CategoryFilter&, const CategoryFilter&) = default;
};
inline constexpr size_t kMaxFilterCategories = 64;  // Of one filter.

// How well items must be known at t.
struct Plausibility {
  double min_mass = 0;                                     // Finite, not negative.
  std::optional<int64_t> half_life_micros = std::nullopt;  // As for PopularitySource.
  int64_t min_positive_count = 0;                          // Not negative.
  int64_t min_exposure_count = 0;                          // Not negative.

  friend bool operator==(const Plausibility&, const Plausibility&) = default;
};

// Only items whose score against an anchor is within bounds, as for NearestSource.
struct ScoreBounds {
  NearestAnchor anchor = NearestAnchor::kQuery;
  std::optional<double> min_score = std::nullopt;
  std::optional<double> max_score = std::nullopt;
  std::optional<double> margin = std::nullopt;
  std::optional<double> relative_margin = std::nullopt;

  bool HasMargin() const { return margin.has_value() || relative_margin.has_value(); }

  friend bool operator==(const ScoreBounds&, const ScoreBounds&) = default;
};

struct PolicyComponent {
  double share = 0;      // Not negative, finite.
  std::string category;  // Only items that have it; empty: all.
  SourceSpec source;
  CategoryFilter category_filter = {};
  std::optional<Plausibility> plausibility = std::nullopt;
  std::optional<ScoreBounds> score_bounds = std::nullopt;  // Not of NearestSource.
  std::optional<Schedule> share_schedule = std::nullopt;   // As for NearestSource.

  // What no index knows.
  bool HasFilters() const {
    return !category_filter.empty() || plausibility.has_value() || score_bounds.has_value();
  }
  SourceKind kind() const { return static_cast<SourceKind>(source.index()); }

  friend bool operator==(const PolicyComponent&, const PolicyComponent&) = default;
};

// At most so many items of a category in a row.
struct CategoryLimit {
  std::string category;
  int max_count = 0;  // Positive.

  friend bool operator==(const CategoryLimit&, const CategoryLimit&) = default;
};
inline constexpr size_t kMaxCategoryLimits = 64;

// What to do with items that may be positives of the row.
enum class UncertainRule : uint8_t { kExclude = 1, kKeep = 2 };

inline constexpr int kMaxNearHistory = 16;

// Items that are nearer than `distance` to a positive of the row are uncertain; see Nearness.
struct MinDistance {
  double distance = 0;    // Positive, finite.
  int history_count = 0;  // Of the user's newest positives before t, in [0, kMaxNearHistory].

  friend bool operator==(const MinDistance&, const MinDistance&) = default;
};

// Where the catalogue has at most this many items, what a row may get beside guards is
// enumerated for `uniform` and `popularity`: their law is then exact.
inline constexpr int64_t kMaxEnumeratedItems = 4096;

// A recipe. Shares need not sum to 1.
struct Policy {
  std::vector<PolicyComponent> components;  // 1 to kMaxComponents.
  bool unique = false;                      // No item twice in a row.
  int category_cap = 0;                     // Items of a category in a row; 0: any number.
  // Part of the uniform law in the law of positives, in [0, 1).
  double positive_floor = 1e-3;
  UncertainRule uncertain_rule = UncertainRule::kExclude;
  // What the row's user chooses in [t, t + it] is uncertain; 0: nothing is for that.
  int64_t history_horizon_micros = 0;
  std::optional<MinDistance> min_distance = std::nullopt;
  std::vector<CategoryLimit> category_limits = {};  // Of distinct categories.
  // What rows get that would be short or empty; uniform or popularity, its share is not used.
  std::optional<PolicyComponent> fallback = std::nullopt;

  // A draw does not depend on what else its row has.
  bool IsWithRepetition() const { return !unique && !HasCaps(); }
  bool HasCaps() const { return category_cap > 0 || !category_limits.empty(); }
  bool ExcludesUncertain() const { return uncertain_rule == UncertainRule::kExclude; }
  // How far ahead of its time a row excludes what its user chooses.
  int64_t ExcludedHorizon() const { return ExcludesUncertain() ? history_horizon_micros : 0; }
  // Whether rows refuse the component items that no index knows.
  bool Guards(const PolicyComponent& component) const;
  bool NeedsQueries() const;
  bool NeedsEmbeddings() const;

  friend bool operator==(const Policy&, const Policy&) = default;
};

// What the probabilities of a policy mean in a catalogue of some size.
struct PolicyLaws {
  std::vector<LawKind> components;     // Of `log_q_source`.
  LawKind fallback = LawKind::kExact;  // The same.
  // Of `log_q`, over the components with a share: EXACT if every one is, NONE if any is or
  // if ROW_CONSTANT is mixed with another, ROW_CONSTANT if it is the only one, else CONDITIONAL.
  // The fallback, which mixes with none, can only make EXACT ROW_CONSTANT.
  LawKind mixture = LawKind::kExact;
};

PolicyLaws LawsOf(const Policy& policy, int64_t item_count);

// Adds all that is wrong with the policy, with field paths below `path`.
void CheckPolicy(const Policy& policy, Violations* violations, absl::string_view path = "policy");

bool HasSchedules(const PolicyComponent& component);
bool HasSchedules(const Policy& policy);

// A good policy with numbers in the place of its schedules, as they are at `progress`, in [0, 1].
Policy AtProgress(Policy policy, double progress);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_POLICY_H_
