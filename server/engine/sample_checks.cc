// SPDX-License-Identifier: Apache-2.0
#include "server/engine/sample_checks.h"

#include <algorithm>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"

#include "server/engine/resolve.h"
#include "server/index/vector_table.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

void CheckColumn(int64_t length, const SampleRequest& request, absl::string_view field,
                 Violations* violations) {
  if (length == request.row_count) return;
  violations->Add(field, absl::StrCat("has ", length, " entries for ", request.row_count, " rows"));
}

void CheckSplits(const SampleRequest& request, Violations* violations) {
  const std::vector<int64_t>& splits = request.exclusion_splits;
  const int64_t count = request.exclusions->size();
  if (static_cast<int64_t>(splits.size()) != request.row_count + 1 || splits.front() != 0 ||
      splits.back() != count || !std::is_sorted(splits.begin(), splits.end())) {
    violations->Add("exclusions.row_splits",
                    absl::StrCat("must have row_count + 1 = ", request.row_count + 1,
                                 " entries, rise from 0, and end at the number of ids, ", count));
  }
}

void CheckTimes(const SampleRequest& request, Violations* violations) {
  if (!request.as_of.empty()) {
    CheckColumn(static_cast<int64_t>(request.as_of.size()), request, "as_of_micros", violations);
    if (request.default_as_of) violations->Add("as_of_time", "as_of_micros is given as well");
  }
  if (request.default_as_of && !IsEventTime(*request.default_as_of)) {
    violations->Add("as_of_time", "must be in the years 1 to 9999");
  }
  for (size_t i = 0; i < request.as_of.size(); ++i) {
    if (!IsEventTime(request.as_of[i])) {
      violations->AddRow("as_of_micros", static_cast<int64_t>(i),
                         "must be microseconds since the Unix epoch, in the years 1 to 9999");
    }
  }
}

void CheckShape(const SampleRequest& request, int64_t max_cells, Violations* violations) {
  if (request.row_count < 1) {
    violations->Add("row_count", "must be at least 1, or implied by a column");
  }
  if (request.negative_count < 1) violations->Add("negative_count", "must be at least 1");
  if (request.row_count > kMaxDraws || request.negative_count > kMaxDraws ||
      request.row_count * request.negative_count > max_cells) {
    violations->Add("negative_count", absl::StrCat("rows * negative_count is at most ", max_cells));
  }
}

void CheckFreshness(const SampleRequest& request, Violations* violations) {
  if (request.min_model_version < 0) {
    violations->Add("min_model_version", "must not be negative");
  }
  if (request.max_staleness_micros.value_or(1) <= 0) {
    violations->Add("max_staleness", "must be positive");
  }
  if (request.staleness_as_of && !IsEventTime(*request.staleness_as_of)) {
    violations->Add("staleness_as_of_time", "must be in the years 1 to 9999");
  }
}

// What a component asks of the collection's settings.
void CheckAgainst(const CollectionRecord& settings, const PolicyComponent& component,
                  const std::string& path, Violations* violations) {
  const auto* popularity = std::get_if<PopularitySource>(&component.source);
  const auto* dynamic = std::get_if<DynamicSource>(&component.source);
  if (dynamic != nullptr) popularity = std::get_if<PopularitySource>(&dynamic->base);
  if (popularity == nullptr || !popularity->within_cohort || settings.cohort_popularity) return;
  violations->Add(absl::StrCat(path, dynamic == nullptr ? "" : ".dynamic", ".popularity.",
                               popularity->cohort.has_value() ? "cohort" : "within_cohort"),
                  "the collection has no cohort_popularity");
}

void CheckComponents(const CollectionRecord& settings, const Policy& policy,
                     const std::string& path, Violations* violations) {
  for (size_t i = 0; i < policy.components.size(); ++i) {
    CheckAgainst(settings, policy.components[i], absl::StrCat(path, ".components[", i, "]"),
                 violations);
  }
  if (policy.fallback.has_value()) {
    CheckAgainst(settings, *policy.fallback, path + ".fallback", violations);
  }
}

// What a shared block cannot do: it belongs to no row, and its law is told without what rows
// refuse.
void CheckSharedPolicy(const Policy& policy, const std::string& path, Violations* violations) {
  const auto refuse = [&](bool has, const std::string& field, const char* why) {
    if (has) violations->Add(field, why);
  };
  refuse(policy.unique, path + ".unique", "a shared block cannot be unique");
  refuse(policy.category_cap != 0, path + ".category_cap", "a shared block has no caps");
  refuse(!policy.category_limits.empty(), path + ".category_limits", "a shared block has no caps");
  refuse(policy.fallback.has_value(), path + ".fallback", "a shared block has no rows to fill");
  const bool has_uncertain = policy.history_horizon_micros > 0 || policy.min_distance.has_value();
  refuse(has_uncertain && !policy.ExcludesUncertain(), path + ".uncertain_rule",
         "a shared block has no tags for what it keeps");
  for (size_t i = 0; i < policy.components.size(); ++i) {
    const PolicyComponent& component = policy.components[i];
    const std::string component_path = absl::StrCat(path, ".components[", i, "]");
    const auto* popularity = std::get_if<PopularitySource>(&component.source);
    if (popularity != nullptr) {
      refuse(popularity->within_cohort && !popularity->cohort.has_value(),
             component_path + ".popularity.within_cohort", "a shared block belongs to no cohort");
    } else {
      refuse(component.kind() != SourceKind::kUniform, component_path + ".source",
             "a shared block is drawn from uniform and popularity");
    }
    refuse(component.score_bounds.has_value(), component_path + ".score_bounds",
           "a shared block is drawn before there is a row's anchor to score against");
  }
}

// The policy that comes with a request, if one does.
void CheckInline(const SampleRequest& request, const CollectionRecord& settings,
                 Violations* violations) {
  if (!request.policy_name.empty()) return;
  if (request.plan != nullptr) {
    CheckPlan(*request.plan, violations);
    CheckAgainst(settings, *request.plan, violations);
  } else {
    CheckPolicy(request.policy, violations);
    CheckComponents(settings, request.policy, "policy", violations);
  }
}

absl::Status CheckRows(const SampleRequest& request, const CollectionRecord& settings,
                       int64_t max_cells) {
  Violations violations;
  CheckShape(request, max_cells, &violations);
  CheckInline(request, settings, &violations);
  // Written so that NaN fails.
  if (request.progress && !(*request.progress >= 0 && *request.progress <= 1)) {
    violations.Add("progress", "must be in [0, 1]");
  }
  if (request.progress && !request.controller_id.empty()) {
    violations.Add("controller", "is refused together with `progress`");
  }
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  if (request.users) {
    CheckColumn(request.users->size(), request, "user_ids", &violations);
    CheckIds(*request.users, settings.user_id_type, "user_ids", &violations);
  }
  if (request.positives) {
    CheckColumn(request.positives->size(), request, "positive_ids", &violations);
    CheckIds(*request.positives, settings.item_id_type, "positive_ids", &violations);
  }
  if (request.exclusions) {
    CheckSplits(request, &violations);
    CheckIds(*request.exclusions, settings.item_id_type, "exclusions.ids", &violations);
  }
  if (!request.cohorts.empty()) {
    CheckColumn(static_cast<int64_t>(request.cohorts.size()), request, "cohorts", &violations);
  }
  if (!request.row_keys.empty()) {
    CheckColumn(static_cast<int64_t>(request.row_keys.size()), request, "row_keys", &violations);
  }
  CheckTimes(request, &violations);
  CheckFreshness(request, &violations);
  return violations.ToStatus();
}

absl::Status NoEmbeddings(absl::string_view message) {
  return WithReason(absl::FailedPreconditionError(message), "EMBEDDINGS_NOT_CONFIGURED");
}

}  // namespace

absl::Status CheckRequest(const SampleRequest& request, const CollectionRecord& settings) {
  return CheckRows(request, settings, kMaxDraws);
}

absl::Status CheckRequest(const SharedRequest& request, const CollectionRecord& settings) {
  NEGATRON_RETURN_IF_ERROR(CheckRows(request.rows, settings, kMaxSharedCells));
  Violations violations;
  if (request.negatives_time && !IsEventTime(*request.negatives_time)) {
    violations.Add("negatives_time", "must be in the years 1 to 9999");
  }
  return violations.ToStatus();
}

void CheckAgainst(const CollectionRecord& settings, const PolicyPlan& plan,
                  Violations* violations) {
  ForEachPolicy(plan, "policy", [&](const Policy& policy, const std::string& path) {
    CheckComponents(settings, policy, path, violations);
  });
}

absl::Status CheckShared(const PolicyPlan& plan) {
  Violations violations;
  if (plan.is_experiment()) {
    violations.Add("policy.experiment", "a shared block is the same for all users");
  }
  ForEachPolicy(plan, "policy", [&](const Policy& policy, const std::string& path) {
    CheckSharedPolicy(policy, path, &violations);
  });
  return violations.ToStatus();
}

absl::Status CheckRequest(const CandidateRequest& request, const CollectionRecord& settings) {
  const SampleRequest& sample = request.sample;
  NEGATRON_RETURN_IF_ERROR(CheckRequest(sample, settings));
  if (!settings.embedding.has_value()) {
    return NoEmbeddings("candidates have scores and the collection has no embedding_settings");
  }
  Violations violations;
  if (request.anchor == NearestAnchor::kQuery && sample.queries.empty()) {
    violations.Add("queries", "is required: candidates are scored against them");
  }
  if (request.anchor == NearestAnchor::kUser && !sample.users) {
    violations.Add("user_ids", "is required: candidates are scored against their embeddings");
  }
  if (request.anchor == NearestAnchor::kPositive && !sample.positives) {
    violations.Add("positive_ids", "is required: candidates are scored against their embeddings");
  } else if (request.want_positive_vectors && !sample.positives) {
    violations.Add("positive_ids", "is required: their embeddings are asked for");
  }
  const int64_t a_row = (request.want_candidate_vectors ? sample.negative_count : 0) +
                        (request.want_positive_vectors ? 1 : 0);
  const int64_t values = std::max(settings.embedding->dimension, kMinVectorValues);
  if (sample.row_count * a_row * values > kMaxCandidateValues) {
    violations.Add("negative_count",
                   absl::StrCat(sample.row_count, " rows of ", a_row, " vectors of ", values,
                                " values pass the limit of ", kMaxCandidateValues,
                                " values a call; send the batch in several calls"));
  }
  return violations.ToStatus();
}

absl::Status PrepareQueries(const SampleRequest& request, const Policy& policy,
                            const CollectionRecord& settings, std::vector<float>* queries) {
  if (policy.NeedsEmbeddings() && !settings.embedding.has_value()) {
    return NoEmbeddings(
        "the policy draws by embeddings and the collection has no embedding_settings");
  }
  if (request.queries.empty()) {
    if (!policy.NeedsQueries()) return absl::OkStatus();
    return InvalidField("queries", "a component of the policy is anchored on them");
  }
  if (!settings.embedding.has_value()) {
    return NoEmbeddings("queries: the collection has no embedding_settings");
  }
  const int dimension = settings.embedding->dimension;
  if (request.query_columns != dimension) {
    return InvalidField("queries.column_count", absl::StrCat("is ", request.query_columns,
                                                             "; the collection has ", dimension));
  }
  if (static_cast<int64_t>(request.queries.size()) != request.row_count * dimension) {
    return InvalidField("queries.row_count",
                        absl::StrCat("there are ", request.row_count, " rows"));
  }
  *queries = request.queries;
  Violations violations;
  for (int64_t r = 0; r < request.row_count; ++r) {
    const std::string_view problem = PrepareVector(
        settings.embedding->metric, std::span<float>(*queries).subspan(r * dimension, dimension));
    if (!problem.empty()) {
      violations.AddRow("queries", r, absl::string_view(problem.data(), problem.size()));
    }
  }
  return violations.ToStatus();
}

}  // namespace negatron
