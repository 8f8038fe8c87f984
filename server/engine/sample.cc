// SPDX-License-Identifier: Apache-2.0
// Engine::Sample: checks a request, resolves it against a snapshot, draws.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "server/engine/resolve.h"
#include "server/sampling/sampler.h"
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

void CheckShape(const SampleRequest& request, Violations* violations) {
  if (request.row_count < 1) {
    violations->Add("row_count", "must be at least 1, or implied by a column");
  }
  if (request.negative_count < 1) violations->Add("negative_count", "must be at least 1");
  if (request.row_count > kMaxDraws || request.negative_count > kMaxDraws ||
      request.row_count * request.negative_count > kMaxDraws) {
    violations->Add("negative_count", absl::StrCat("rows * negative_count is at most ", kMaxDraws));
  }
}

absl::Status CheckRequest(const SampleRequest& request, const CollectionRecord& settings) {
  Violations violations;
  CheckShape(request, &violations);
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
  if (!request.row_keys.empty()) {
    CheckColumn(static_cast<int64_t>(request.row_keys.size()), request, "row_keys", &violations);
  }
  CheckTimes(request, &violations);
  return violations.ToStatus();
}

// Checks the queries and turns them into what is compared with vectors.
absl::Status PrepareQueries(const SampleRequest& request, const CollectionRecord& settings,
                            std::vector<float>* queries) {
  if (request.policy.NeedsEmbeddings() && !settings.embedding.has_value()) {
    return WithReason(
        absl::FailedPreconditionError(
            "the policy draws from `nearest` and the collection has no embedding_settings"),
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

SampleColumns Allocate(const SampleRequest& request, std::vector<Ordinal>* items,
                       SampleResult* result) {
  const int64_t draws = request.row_count * request.negative_count;
  const int64_t components = static_cast<int64_t>(request.policy.components.size());
  items->resize(draws);
  result->statuses.resize(request.row_count);
  if (request.want_log_q) result->log_q.resize(draws);
  if (request.want_log_q_source) result->log_q_source.resize(draws);
  if (request.want_components) result->components.resize(draws);
  if (request.want_scores) result->scores.resize(draws);
  if (request.want_shares) result->shares.resize(request.row_count * components);
  if (request.want_rejects) result->rejects.resize(request.row_count * kRejectCauseCount);
  return {*items,         result->log_q,    result->log_q_source, result->components,
          result->scores, result->statuses, result->shares,       result->rejects};
}

void WriteIds(const SampleRequest& request, const IdIndex& index, const std::vector<Ordinal>& items,
              SampleResult* result) {
  if (index.type() == IdType::kString && request.want_names) {
    result->names.reserve(items.size());
    for (const Ordinal item : items) {
      result->names.emplace_back(item == kNoOrdinal ? std::string_view() : index.NameAt(item));
    }
    return;
  }
  result->ids.resize(items.size());
  const bool is_number = index.type() == IdType::kInt64;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i] == kNoOrdinal) {
      result->ids[i] = -1;
    } else {
      result->ids[i] = is_number ? index.NumberAt(items[i]) : int64_t{items[i]};
    }
  }
}

// Rows are full or empty; the column is left out while all are full.
void WriteDrawn(const SampleRequest& request, SampleResult* result) {
  const auto ok = static_cast<uint8_t>(RowStatus::kOk);
  const auto full = [&](uint8_t status) { return status == ok; };
  if (std::all_of(result->statuses.begin(), result->statuses.end(), full)) return;
  result->drawn.reserve(result->statuses.size());
  for (const uint8_t status : result->statuses) {
    result->drawn.push_back(full(status) ? request.negative_count : 0);
  }
}

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
  result.default_as_of = request.default_as_of.value_or(impl_->options().clock->NowMicros());
  std::vector<Micros> as_of = request.as_of;
  if (as_of.empty()) as_of.assign(request.row_count, result.default_as_of);
  const std::vector<uint64_t> keys = RowKeys(request, pool, as_of);
  const auto resolve = [](const std::optional<IdBatch>& ids, const IdIndex& index) {
    return ids.has_value() ? Resolve(*ids, index) : std::vector<Ordinal>();
  };
  const std::vector<Ordinal> users = resolve(request.users, pool.users());
  const std::vector<Ordinal> positives = resolve(request.positives, pool.items());
  const std::vector<Ordinal> exclusions = resolve(request.exclusions, pool.items());

  SampleBatch batch;
  batch.row_count = request.row_count;
  batch.negative_count = request.negative_count;
  batch.as_of = as_of;
  batch.keys = keys;
  batch.users = users;
  batch.positives = positives;
  batch.exclusions = exclusions;
  batch.exclusion_splits = request.exclusion_splits;
  batch.queries = queries;
  batch.query_columns = request.query_columns;
  std::vector<Ordinal> items;
  const SampleColumns columns = Allocate(request, &items, &result);
  SampleTotals totals;
  const SourceContext context{&pool, snapshot->vectors.get(), Philox(request.seed), &cancellation};
  NEGATRON_RETURN_IF_ERROR(SampleRows(request.policy, context, batch, columns, &totals));
  WriteIds(request, pool.items(), items, &result);
  WriteDrawn(request, &result);
  result.drawn_by_component = totals.drawn_by_component;
  found->Count(request.policy, request.row_count, totals);
  return result;
}

}  // namespace negatron
