// SPDX-License-Identifier: Apache-2.0
#include "server/engine/write_checks.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"

#include "server/engine/policy_codec.h"
#include "server/engine/resolve.h"
#include "server/engine/sample_checks.h"
#include "server/index/vector_table.h"
#include "storage/base/fingerprint.h"
#include "storage/base/philox.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

void CheckCommon(const IdBatch& ids, const WriteOptions& options, absl::string_view ids_field,
                 Violations* violations) {
  if (ids.size() > kMaxBatchRows) {
    violations->Add(ids_field, absl::StrCat("at most ", kMaxBatchRows, " rows a call"));
  }
  const absl::string_view problem = RequestIdProblem(options.request_id);
  if (!problem.empty()) violations->Add("request_id", problem);
}

void CheckLength(int64_t length, int64_t rows, absl::string_view field, Violations* violations) {
  if (length == rows) return;
  violations->Add(field, absl::StrCat("has ", length, " entries for ", rows, " rows"));
}

// A column that may be empty, and must be if it is not in the mask.
template <typename T>
void CheckColumn(const std::vector<T>& column, bool in_mask, int64_t rows, absl::string_view field,
                 Violations* violations) {
  if (column.empty()) return;
  if (!in_mask) violations->Add(field, "is given, but not in update_mask");
  CheckLength(static_cast<int64_t>(column.size()), rows, field, violations);
}

void CheckItemProperties(const WriteItemsRequest& request, Violations* violations) {
  const int64_t rows = request.ids.size();
  CheckColumn(request.base_weights, request.mask.base_weight, rows, "base_weights", violations);
  CheckColumn(request.categories, request.mask.categories, rows, "categories", violations);
  CheckColumn(request.attributes, request.mask.attributes, rows, "attributes", violations);
  for (size_t i = 0; i < request.base_weights.size(); ++i) {
    const float weight = request.base_weights[i];
    if (weight >= kMinBaseWeight && weight <= kMaxBaseWeight) continue;
    violations->AddRow("base_weights", static_cast<int64_t>(i), "must be in [1/16, 16]");
  }
  for (size_t i = 0; i < request.categories.size(); ++i) {
    absl::string_view problem;
    for (const std::string& name : request.categories[i]) {
      if (problem.empty()) problem = CategoryProblem(name);
    }
    if (problem.empty()) problem = CategoriesProblem(request.categories[i]);
    if (!problem.empty()) violations->AddRow("categories", static_cast<int64_t>(i), problem);
  }
  for (size_t i = 0; i < request.attributes.size(); ++i) {
    if (request.attributes[i].size() <= kMaxAttributeBytes) continue;
    violations->AddRow("attributes", static_cast<int64_t>(i), "must have at most 1,024 bytes");
  }
}

bool IsEventKind(EventKind kind) {
  return kind == EventKind::kPositive || kind == EventKind::kExposure || kind == EventKind::kMined;
}

void CheckKinds(const std::vector<EventKind>& kinds, int64_t rows, Violations* violations) {
  CheckColumn(kinds, true, rows, "kinds", violations);
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (IsEventKind(kinds[i])) continue;
    violations->AddRow("kinds", static_cast<int64_t>(i), "is not a known kind of event");
  }
}

// Columns that only some kinds of events have.
void CheckKindColumns(const WriteEventsRequest& request, Violations* violations) {
  const int64_t rows = request.items.size();
  CheckKinds(request.kinds, rows, violations);
  CheckColumn(request.propensities, true, rows, "propensities", violations);
  CheckColumn(request.cohorts, true, rows, "cohorts", violations);
  const auto is = [&](size_t row, EventKind kind) {
    return (row < request.kinds.size() ? request.kinds[row] : EventKind::kPositive) == kind;
  };
  for (size_t i = 0; i < request.propensities.size(); ++i) {
    const float propensity = request.propensities[i];
    if (!(propensity >= 0 && propensity <= 1)) {
      violations->AddRow("propensities", static_cast<int64_t>(i), "must be in [0, 1]");
    } else if (propensity != 0 && !is(i, EventKind::kExposure)) {
      violations->AddRow("propensities", static_cast<int64_t>(i), "only exposures have one");
    }
  }
  for (size_t i = 0; i < request.cohorts.size(); ++i) {
    if (request.cohorts[i] == 0 || is(i, EventKind::kPositive)) continue;
    violations->AddRow("cohorts", static_cast<int64_t>(i), "only positives have one");
  }
}

void CheckEventTimes(const std::vector<Micros>& times, int64_t rows, Violations* violations) {
  CheckLength(static_cast<int64_t>(times.size()), rows, "event_time_micros", violations);
  for (size_t i = 0; i < times.size(); ++i) {
    if (IsEventTime(times[i])) continue;
    violations->AddRow("event_time_micros", static_cast<int64_t>(i),
                       "must be microseconds since the Unix epoch, in the years 1 to 9999");
  }
}

uint64_t FingerprintIds(const IdBatch& ids, uint64_t seed) {
  if (!ids.is_names()) {
    return Fingerprint(ids.numbers().data(), ids.numbers().size() * sizeof(int64_t), seed);
  }
  uint64_t hash = MixHash(seed, 1);
  for (const std::string& name : ids.names()) hash = Fingerprint(name, hash);
  return hash;
}

template <typename T>
uint64_t FingerprintValues(const std::vector<T>& values, uint64_t seed) {
  return Fingerprint(values.data(), values.size() * sizeof(T), seed);
}

int64_t BytesOfText(const std::string& text) {
  return static_cast<int64_t>(sizeof(std::string) + text.size());
}

int64_t BytesOfIds(const IdBatch& ids) {
  int64_t bytes = ids.size() * static_cast<int64_t>(sizeof(int64_t));
  if (ids.is_names()) {
    for (const std::string& name : ids.names()) {
      bytes += BytesOfText(name);
    }
  }
  return bytes;
}

void CheckPolicyId(const std::string& id, std::optional<int64_t> expected_version,
                   Violations* violations) {
  const absl::string_view problem = PolicyIdProblem(id);
  if (!problem.empty()) violations->Add("name", problem);
  if (expected_version.value_or(0) < 0) {
    violations->Add("expected_version", "must not be negative");
  }
}

}  // namespace

absl::Status CheckWrite(const WriteItemsRequest& request, const CollectionRecord& settings) {
  Violations violations;
  CheckCommon(request.ids, request.options, "item_ids", &violations);
  CheckIds(request.ids, settings.item_id_type, "item_ids", &violations);
  CheckDistinct(request.ids, "item_ids", &violations);
  CheckColumn(request.alive, request.mask.alive, request.ids.size(), "interval_splits",
              &violations);
  CheckItemProperties(request, &violations);
  for (size_t i = 0; i < request.alive.size(); ++i) {
    const int64_t row = static_cast<int64_t>(i);
    if (request.alive[i].size() > kMaxIntervals) {
      violations.AddRow("interval_splits", row, "an item has at most 64 intervals");
    }
    const absl::string_view problem = IntervalsProblem(request.alive[i]);
    if (!problem.empty()) violations.AddRow("alive_from_micros", row, problem);
  }
  return violations.ToStatus();
}

absl::Status CheckWrite(const WriteEventsRequest& request, const CollectionRecord& settings) {
  Violations violations;
  const int64_t rows = request.items.size();
  CheckCommon(request.items, request.options, "item_ids", &violations);
  CheckIds(request.items, settings.item_id_type, "item_ids", &violations);
  CheckIds(request.users, settings.user_id_type, "user_ids", &violations);
  CheckLength(request.users.size(), rows, "user_ids", &violations);
  CheckEventTimes(request.times, rows, &violations);
  if (!request.weights.empty()) {
    CheckLength(static_cast<int64_t>(request.weights.size()), rows, "weights", &violations);
  }
  CheckKindColumns(request, &violations);
  for (size_t i = 0; i < request.weights.size(); ++i) {
    if (!(request.weights[i] >= kMinWeight && request.weights[i] <= kMaxWeight)) {
      violations.AddRow("weights", static_cast<int64_t>(i), "must be in [1/64, 4096]");
    }
  }
  return violations.ToStatus();
}

absl::Status CheckWrite(const RetractEventsRequest& request, const CollectionRecord& settings) {
  Violations violations;
  const int64_t rows = request.items.size();
  CheckCommon(request.items, request.options, "item_ids", &violations);
  CheckIds(request.items, settings.item_id_type, "item_ids", &violations);
  CheckIds(request.users, settings.user_id_type, "user_ids", &violations);
  CheckLength(request.users.size(), rows, "user_ids", &violations);
  CheckEventTimes(request.times, rows, &violations);
  CheckKinds(request.kinds, rows, &violations);
  return violations.ToStatus();
}

absl::Status CheckWrite(const EraseUsersRequest& request, const CollectionRecord& settings) {
  Violations violations;
  CheckCommon(request.users, request.options, "user_ids", &violations);
  CheckIds(request.users, settings.user_id_type, "user_ids", &violations);
  CheckDistinct(request.users, "user_ids", &violations);
  return violations.ToStatus();
}

absl::Status CheckWrite(WriteEmbeddingsRequest* request, const CollectionRecord& settings) {
  if (!settings.embedding.has_value()) {
    return WithReason(absl::FailedPreconditionError("the collection has no embedding_settings; "
                                                    "set them with UpdateCollection"),
                      "EMBEDDINGS_NOT_CONFIGURED");
  }
  Violations violations;
  const int64_t rows = request->ids.size();
  const bool of_users = request->owner == VectorOwner::kUser;
  const absl::string_view ids_field = of_users ? "user_ids" : "item_ids";
  CheckCommon(request->ids, request->options, ids_field, &violations);
  CheckIds(request->ids, of_users ? settings.user_id_type : settings.item_id_type, ids_field,
           &violations);
  CheckDistinct(request->ids, ids_field, &violations);
  if (request->model_version.value_or(1) < 1) {
    violations.Add("model_version", "must be at least 1, or unset");
  }
  const int dimension = settings.embedding->dimension;
  if (request->column_count != dimension) {
    violations.Add("vectors.column_count",
                   absl::StrCat("is ", request->column_count, "; the collection has ", dimension));
    return violations.ToStatus();
  }
  CheckLength(static_cast<int64_t>(request->values.size()), rows * dimension, "vectors.values",
              &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  for (int64_t i = 0; i < rows; ++i) {
    const std::string_view problem = PrepareToStore(
        *settings.embedding, std::span<float>(request->values).subspan(i * dimension, dimension));
    if (problem.empty()) continue;
    if (request->allow_partial) {
      request->refusals.resize(rows, RowRefusal::kNone);
      request->refusals[i] = RowRefusal::kInvalidVector;
    } else {
      violations.AddRow("vectors", i, absl::string_view(problem.data(), problem.size()));
    }
  }
  return violations.ToStatus();
}

absl::Status CheckWrite(PutPolicyRequest* request, const CollectionRecord& settings) {
  Violations violations;
  CheckPolicyId(request->policy_id, request->expected_version, &violations);
  const absl::string_view problem = RequestIdProblem(request->options.request_id);
  if (!problem.empty()) violations.Add("request_id", problem);
  CheckPlan(request->plan, &violations);
  CheckAgainst(settings, request->plan, &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(request->recipe, EncodePlan(request->plan));
  return absl::OkStatus();
}

absl::Status CheckWrite(const DeletePolicyRequest& request) {
  Violations violations;
  CheckPolicyId(request.policy_id, request.expected_version, &violations);
  return violations.ToStatus();
}

void CheckVersion(int64_t model_version, Violations* violations) {
  if (model_version >= 1 && model_version < std::numeric_limits<int64_t>::max()) return;
  violations->Add("model_version", "must be in [1, 2^63 - 2]");
}

uint64_t FingerprintOf(const WriteItemsRequest& request) {
  uint64_t hash = FingerprintIds(request.ids, 1);
  for (const std::vector<Interval>& alive : request.alive) hash = FingerprintValues(alive, hash);
  // Columns that an earlier version did not know add nothing while they are empty: what it
  // remembers stays valid.
  if (!request.base_weights.empty()) {
    hash = FingerprintValues(request.base_weights, MixHash(hash, 2));
  }
  if (!request.categories.empty()) {
    hash = MixHash(hash, 3);
    for (const std::vector<std::string>& names : request.categories) {
      hash = MixHash(hash, names.size());
      for (const std::string& name : names) hash = Fingerprint(name, hash);
    }
  }
  if (!request.attributes.empty()) {
    hash = MixHash(hash, 4);
    for (const std::string& bytes : request.attributes) hash = Fingerprint(bytes, hash);
  }
  if (!request.mask.all()) {
    const ItemMask& mask = request.mask;
    hash = MixHash(hash, 16u + (mask.alive ? 1u : 0u) + (mask.base_weight ? 2u : 0u) +
                             (mask.categories ? 4u : 0u) + (mask.attributes ? 8u : 0u));
  }
  return hash;
}

uint64_t FingerprintOf(const WriteEventsRequest& request) {
  uint64_t hash = FingerprintIds(request.users, 2);
  hash = FingerprintIds(request.items, hash);
  hash = FingerprintValues(request.times, hash);
  hash = FingerprintValues(request.weights, hash);
  if (!request.kinds.empty()) hash = FingerprintValues(request.kinds, MixHash(hash, 2));
  if (!request.propensities.empty()) {
    hash = FingerprintValues(request.propensities, MixHash(hash, 3));
  }
  if (!request.cohorts.empty()) hash = FingerprintValues(request.cohorts, MixHash(hash, 4));
  return hash;
}

uint64_t FingerprintOf(const RetractEventsRequest& request) {
  uint64_t hash = FingerprintIds(request.users, 4);
  hash = FingerprintIds(request.items, hash);
  hash = FingerprintValues(request.times, hash);
  return FingerprintValues(request.kinds, hash);
}

uint64_t FingerprintOf(const EraseUsersRequest& request) {
  return FingerprintIds(request.users, 5);
}

uint64_t FingerprintOf(const WriteEmbeddingsRequest& request) {
  uint64_t hash = FingerprintValues(request.values, FingerprintIds(request.ids, 3));
  // As an earlier version had it, where there is nothing that it did not know.
  if (request.allow_partial) hash = MixHash(hash, 0);
  if (request.owner == VectorOwner::kUser) hash = MixHash(hash, 7);
  if (!request.model_version.has_value()) return hash;
  return MixHash(hash, static_cast<uint64_t>(*request.model_version));
}

uint64_t FingerprintOf(const CommitVersionRequest& request) {
  const uint64_t hash = MixHash(MixHash(6, static_cast<uint64_t>(request.model_version)),
                                static_cast<uint64_t>(request.row_count.value_or(-1)));
  if (!request.user_row_count.has_value()) return hash;
  return MixHash(hash, static_cast<uint64_t>(*request.user_row_count));
}

uint64_t FingerprintOf(const PutPolicyRequest& request) {
  const uint64_t hash = Fingerprint(request.recipe, Fingerprint(request.policy_id, 7));
  return MixHash(hash, static_cast<uint64_t>(request.expected_version.value_or(-1)));
}

uint64_t FingerprintOf(const DeletePolicyRequest& request) {
  return MixHash(Fingerprint(request.policy_id, 8),
                 static_cast<uint64_t>(request.expected_version.value_or(-1)));
}

int64_t BytesOf(const WriteItemsRequest& request) {
  int64_t bytes = BytesOfIds(request.ids);
  for (const std::vector<Interval>& alive : request.alive) {
    bytes += static_cast<int64_t>(sizeof(std::vector<Interval>) + alive.size() * sizeof(Interval));
  }
  bytes += static_cast<int64_t>(request.base_weights.size() * sizeof(float));
  for (const std::vector<std::string>& names : request.categories) {
    bytes += static_cast<int64_t>(sizeof(std::vector<std::string>));
    for (const std::string& name : names) bytes += BytesOfText(name);
  }
  for (const std::string& attributes : request.attributes) bytes += BytesOfText(attributes);
  return bytes;
}

int64_t BytesOf(const WriteEventsRequest& request) {
  return BytesOfIds(request.users) + BytesOfIds(request.items) +
         static_cast<int64_t>(request.times.size() * sizeof(Micros) +
                              request.weights.size() * sizeof(float) +
                              request.propensities.size() * sizeof(float) + request.kinds.size() +
                              request.cohorts.size());
}

int64_t BytesOf(const RetractEventsRequest& request) {
  return BytesOfIds(request.users) + BytesOfIds(request.items) +
         static_cast<int64_t>(request.times.size() * sizeof(Micros) + request.kinds.size());
}

int64_t BytesOf(const EraseUsersRequest& request) { return BytesOfIds(request.users); }

int64_t BytesOf(const WriteEmbeddingsRequest& request) {
  return BytesOfIds(request.ids) + static_cast<int64_t>(request.values.size() * sizeof(float));
}

int64_t BytesOf(const PutPolicyRequest& request) {
  // The plan takes about as much as it does in writing.
  return BytesOfText(request.policy_id) + 2 * BytesOfText(request.recipe);
}

int64_t BytesOf(const DeletePolicyRequest& request) { return BytesOfText(request.policy_id); }

}  // namespace negatron
