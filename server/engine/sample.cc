// SPDX-License-Identifier: Apache-2.0
// Engine::Sample: checks a request, resolves it against a snapshot, draws.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "server/engine/resolve.h"
#include "server/sampling/sampler.h"
#include "server/sampling/shared_block.h"
#include "storage/base/fingerprint.h"
#include "storage/base/philox.h"
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

Freshness FreshnessOf(const SampleRequest& request, Micros as_of) {
  Freshness freshness{request.min_model_version, std::nullopt, as_of};
  if (request.max_staleness_micros) {
    freshness.min_write_time = as_of - *request.max_staleness_micros;
  }
  return freshness;
}

// What a component asks of the collection's settings.
void CheckAgainst(const CollectionRecord& settings, const Policy& policy, Violations* violations) {
  for (size_t i = 0; i < policy.components.size(); ++i) {
    const SourceSpec& source = policy.components[i].source;
    const auto* popularity = std::get_if<PopularitySource>(&source);
    const auto* dynamic = std::get_if<DynamicSource>(&source);
    if (dynamic != nullptr) popularity = std::get_if<PopularitySource>(&dynamic->base);
    if (popularity == nullptr || !popularity->within_cohort || settings.cohort_popularity) continue;
    violations->Add(absl::StrCat("policy.components[", i, "]", dynamic == nullptr ? "" : ".dynamic",
                                 ".popularity.within_cohort"),
                    "the collection has no cohort_popularity");
  }
}

absl::Status CheckRequest(const SampleRequest& request, const CollectionRecord& settings,
                          int64_t max_cells = kMaxDraws) {
  Violations violations;
  CheckShape(request, max_cells, &violations);
  CheckPolicy(request.policy, &violations);
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
  CheckAgainst(settings, request.policy, &violations);
  return violations.ToStatus();
}

absl::Status CheckRequest(const SharedRequest& request, const CollectionRecord& settings) {
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request.rows, settings, kMaxSharedCells));
  Violations violations;
  if (request.negatives_time && !IsEventTime(*request.negatives_time)) {
    violations.Add("negatives_time", "must be in the years 1 to 9999");
  }
  const Policy& policy = request.rows.policy;
  if (policy.unique) violations.Add("policy.unique", "a shared block cannot be unique");
  if (policy.category_cap != 0) violations.Add("policy.category_cap", "a shared block has no caps");
  for (size_t i = 0; i < policy.components.size(); ++i) {
    const std::string path = absl::StrCat("policy.components[", i, "]");
    const auto* popularity = std::get_if<PopularitySource>(&policy.components[i].source);
    if (popularity != nullptr && popularity->within_cohort) {
      violations.Add(path + ".popularity.within_cohort", "a shared block belongs to no cohort");
    } else if (popularity == nullptr && policy.components[i].kind() != SourceKind::kUniform) {
      violations.Add(path + ".source", "a shared block is drawn from uniform and popularity");
    }
  }
  return violations.ToStatus();
}

// Checks the queries and turns them into what is compared with vectors.
absl::Status PrepareQueries(const SampleRequest& request, const CollectionRecord& settings,
                            std::vector<float>* queries) {
  if (request.policy.NeedsEmbeddings() && !settings.embedding.has_value()) {
    return WithReason(
        absl::FailedPreconditionError(
            "the policy draws by embeddings and the collection has no embedding_settings"),
        "EMBEDDINGS_NOT_CONFIGURED");
  }
  if (request.queries.empty()) {
    if (!request.policy.NeedsQueries()) return absl::OkStatus();
    return InvalidField("queries", "a component of the policy is anchored on them");
  }
  if (!settings.embedding.has_value()) {
    return WithReason(
        absl::FailedPreconditionError("queries: the collection has no embedding_settings"),
        "EMBEDDINGS_NOT_CONFIGURED");
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

// The same for a name and its dictionary number.
uint64_t HashId(const std::optional<IdBatch>& ids, int64_t row, const IdIndex& index) {
  if (!ids.has_value()) return 0;
  if (ids->is_names()) return Fingerprint(ids->names()[row]);
  const int64_t number = ids->numbers()[row];
  if (index.type() == IdType::kString && number >= 0 && number < index.size()) {
    return Fingerprint(index.NameAt(static_cast<Ordinal>(number)));
  }
  return static_cast<uint64_t>(number);
}

// Row keys of the caller, or a hash of user, positive and as-of: never of the
// position in the batch.
std::vector<uint64_t> RowKeys(const SampleRequest& request, const PoolView& pool,
                              const std::vector<Micros>& as_of) {
  std::vector<uint64_t> keys(request.row_count);
  for (int64_t r = 0; r < request.row_count; ++r) {
    if (!request.row_keys.empty()) {
      keys[r] = static_cast<uint64_t>(request.row_keys[r]);
    } else {
      const uint64_t hash = MixHash(HashId(request.users, r, pool.users()),
                                    HashId(request.positives, r, pool.items()));
      keys[r] = MixHash(hash, static_cast<uint64_t>(as_of[r]));
    }
  }
  return keys;
}

// Draws go to `items`, or as ids to the result where the sampler can write them.
SampleColumns Allocate(const SampleRequest& request, const IdIndex& index,
                       UninitializedVector<Ordinal>* items, SampleResult* result) {
  const int64_t draws = request.row_count * request.negative_count;
  const int64_t components = static_cast<int64_t>(request.policy.components.size());
  if (index.type() == IdType::kInt64 && request.policy.IsWithRepetition()) {
    result->ids.resize(draws);
  } else {
    items->resize(draws);
  }
  result->statuses.resize(request.row_count);
  if (request.want_log_q) result->log_q.resize(draws);
  if (request.want_log_q_source) result->log_q_source.resize(draws);
  if (request.want_components) result->components.resize(draws);
  if (request.want_scores) result->scores.resize(draws);
  if (request.want_shares) result->shares.resize(request.row_count * components);
  if (request.want_rejects || request.want_all_rejects) {
    result->all_rejects.resize(request.row_count * kRejectCauseCount);
  }
  if (request.want_expected_count) result->expected_count.resize(draws);
  if (request.want_importance_weights) result->importance_weights.resize(draws);
  if (request.want_positive_log_q) result->positive_log_q.resize(request.row_count);
  if (request.want_boundaries) result->boundaries.resize(request.row_count * components);
  if (request.want_model_versions) result->model_versions.resize(draws);
  if (request.want_vector_ages) result->vector_ages.resize(draws);
  result->drawn.resize(request.row_count);
  return {*items,
          result->ids,
          result->log_q,
          result->log_q_source,
          result->components,
          result->scores,
          result->statuses,
          result->shares,
          result->all_rejects,
          result->drawn,
          result->expected_count,
          result->importance_weights,
          result->positive_log_q,
          result->boundaries,
          result->model_versions,
          result->vector_ages};
}

void WriteIds(const SampleRequest& request, const IdIndex& index, std::span<const Ordinal> items,
              SampleResult* result) {
  if (index.type() == IdType::kString && request.want_names) {
    result->names.reserve(items.size());
    for (const Ordinal item : items) {
      result->names.emplace_back(item == kNoOrdinal ? std::string_view() : index.NameAt(item));
    }
    return;
  }
  result->ids.resize(items.size());
  const auto write = [&](auto id_of) {
    for (size_t i = 0; i < items.size(); ++i) {
      result->ids[i] = items[i] == kNoOrdinal ? -1 : id_of(items[i]);
    }
  };
  if (index.type() == IdType::kInt64) {
    write([&](Ordinal item) { return index.NumberAt(item); });
  } else {
    write([](Ordinal item) { return int64_t{item}; });
  }
}

// The first two causes have a column of their own.
void WriteRejects(const SampleRequest& request, SampleResult* result) {
  if (request.want_rejects) {
    result->rejects.reserve(request.row_count * 2);
    for (int64_t r = 0; r < request.row_count; ++r) {
      const int64_t* causes = &result->all_rejects[r * kRejectCauseCount];
      result->rejects.insert(result->rejects.end(), {causes[0], causes[1]});
    }
  }
  if (!request.want_all_rejects) result->all_rejects.clear();
}

// The column is left out while all rows are full.
void WriteDrawn(const SampleRequest& request, SampleResult* result) {
  const auto full = [&](int64_t drawn) { return drawn == request.negative_count; };
  if (std::all_of(result->drawn.begin(), result->drawn.end(), full)) result->drawn.clear();
}

// The columns of a request, resolved.
struct ResolvedRows {
  std::vector<Micros> as_of;
  std::vector<uint64_t> keys;
  std::vector<Ordinal> users;
  std::vector<Ordinal> positives;
  std::vector<Ordinal> exclusions;

  ResolvedRows(const SampleRequest& request, const PoolView& pool, Micros default_as_of)
      : as_of(request.as_of) {
    if (as_of.empty()) as_of.assign(request.row_count, default_as_of);
    keys = RowKeys(request, pool, as_of);
    if (request.users) users = ResolveUsers(*request.users, pool.users());
    if (request.positives) positives = Resolve(*request.positives, pool.items());
    if (request.exclusions) exclusions = Resolve(*request.exclusions, pool.items());
  }

  SampleBatch Batch(const SampleRequest& request, const std::vector<float>& queries) const {
    SampleBatch batch;
    batch.row_count = request.row_count;
    batch.negative_count = request.negative_count;
    batch.as_of = as_of;
    batch.keys = keys;
    batch.users = users;
    batch.positives = positives;
    batch.cohorts = request.cohorts;
    batch.exclusions = exclusions;
    batch.exclusion_splits = request.exclusion_splits;
    batch.queries = queries;
    batch.query_columns = request.query_columns;
    return batch;
  }
};

}  // namespace

absl::StatusOr<SampleResult> Engine::Sample(absl::string_view collection,
                                            const SampleRequest& request,
                                            const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request, *snapshot->settings));
  std::vector<float> queries;
  NEGATRON_RETURN_IF_ERROR(PrepareQueries(request, *snapshot->settings, &queries));

  const PoolView& pool = *snapshot->pool;
  SampleResult result;
  result.snapshot = snapshot->token();
  const Micros now = impl_->options().clock->NowMicros();
  result.default_as_of = request.default_as_of.value_or(now);
  result.staleness_as_of = request.staleness_as_of.value_or(now);
  const ResolvedRows rows(request, pool, result.default_as_of);
  UninitializedVector<Ordinal> items;
  const SampleColumns columns = Allocate(request, pool.items(), &items, &result);
  SampleTotals totals;
  SourceContext context =
      ContextOf(*snapshot, request.seed, cancellation, impl_->excluded_masses());
  context.freshness = FreshnessOf(request, result.staleness_as_of);
  NEGATRON_RETURN_IF_ERROR(
      SampleRows(request.policy, context, rows.Batch(request, queries), columns, &totals));
  if (!items.empty()) WriteIds(request, pool.items(), items, &result);
  WriteDrawn(request, &result);
  WriteRejects(request, &result);
  result.drawn_by_component = totals.drawn_by_component;
  found->Count(request.policy, request.row_count, totals);
  return result;
}

absl::StatusOr<SharedResult> Engine::SampleShared(absl::string_view collection,
                                                  const SharedRequest& request,
                                                  const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request, *snapshot->settings));
  const PoolView& pool = *snapshot->pool;
  const SampleRequest& rows_request = request.rows;
  SharedResult result;
  result.snapshot = snapshot->token();
  result.default_as_of = rows_request.default_as_of.value_or(impl_->options().clock->NowMicros());
  const ResolvedRows rows(rows_request, pool, result.default_as_of);
  result.negatives_time =
      request.negatives_time.value_or(*std::min_element(rows.as_of.begin(), rows.as_of.end()));
  const auto count = static_cast<size_t>(rows_request.negative_count);
  std::vector<Ordinal> items(count);
  result.log_q.resize(count);
  result.components.resize(count);
  result.false_mask.resize(static_cast<size_t>(rows_request.row_count) * ((count + 7) / 8));
  result.log_remaining.resize(static_cast<size_t>(rows_request.row_count));
  const SharedColumns columns{items, result.log_q, result.components, result.false_mask,
                              result.log_remaining};
  const SourceContext context = ContextOf(*snapshot, rows_request.seed, cancellation, nullptr);
  SampleTotals totals;
  NEGATRON_RETURN_IF_ERROR(SampleSharedBlock(rows_request.policy, context,
                                             rows.Batch(rows_request, {}), result.negatives_time,
                                             request.block_key, columns, &totals));
  SampleResult ids;
  WriteIds(rows_request, pool.items(), items, &ids);
  result.ids = std::move(ids.ids);
  result.names = std::move(ids.names);
  result.drawn_by_component = totals.drawn_by_component;
  found->Count(rows_request.policy, 1, totals);
  return result;
}

}  // namespace negatron
