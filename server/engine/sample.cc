// SPDX-License-Identifier: Apache-2.0
// Engine::Sample and its like: resolve a checked request against a snapshot, draw.
#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"

#include "server/engine/engine_impl.h"
#include "server/engine/resolve.h"
#include "server/engine/sample_checks.h"
#include "server/engine/served_policy.h"
#include "server/sampling/candidate_ranker.h"
#include "server/sampling/sampler.h"
#include "server/sampling/shared_block.h"
#include "storage/base/fingerprint.h"
#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr uint8_t kPadding = 255;  // In the column of components.

Freshness FreshnessOf(const SampleRequest& request, Micros as_of) {
  Freshness freshness{request.min_model_version, std::nullopt, as_of};
  if (request.max_staleness_micros) {
    freshness.min_write_time = as_of - *request.max_staleness_micros;
  }
  return freshness;
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
SampleColumns Allocate(const SampleRequest& request, const ServedPolicy& policy,
                       const IdIndex& index, UninitializedVector<Ordinal>* items,
                       SampleResult* result) {
  const int64_t draws = request.row_count * request.negative_count;
  const auto components = static_cast<int64_t>(policy.all().components.size());
  if (index.type() == IdType::kInt64 && policy.IsWithRepetition()) {
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
  if (request.want_rejects || request.want_rejects_by_cause || request.want_all_rejects) {
    result->all_rejects.resize(request.row_count * kRejectCauseCount);
  }
  if (request.want_expected_count) result->expected_count.resize(draws);
  if (request.want_importance_weights) result->importance_weights.resize(draws);
  if (request.want_positive_log_q) result->positive_log_q.resize(request.row_count);
  if (request.want_boundaries) result->boundaries.resize(request.row_count * components);
  if (request.want_model_versions) result->model_versions.resize(draws);
  if (request.want_vector_ages) result->vector_ages.resize(draws);
  if (request.want_tags) result->tags.resize(draws);
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
          result->vector_ages,
          result->tags};
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

SnapshotToken TokenOf(const Snapshot& snapshot, const ServedPolicy& policy) {
  SnapshotToken token = snapshot.token();
  token.policy_version = policy.report().version;
  return token;
}

// The first two causes have a column of their own, and the first four.
void WriteRejects(const SampleRequest& request, SampleResult* result) {
  const auto write_first = [&](int count, std::vector<int64_t>* column) {
    column->reserve(request.row_count * count);
    for (int64_t r = 0; r < request.row_count; ++r) {
      const int64_t* causes = &result->all_rejects[r * kRejectCauseCount];
      column->insert(column->end(), causes, causes + count);
    }
  };
  if (request.want_rejects) write_first(2, &result->rejects);
  if (request.want_rejects_by_cause) write_first(4, &result->rejects_by_cause);
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

// The policy of each row; nothing if there is one for all. Tells their arms if they are wanted.
std::vector<uint16_t> PoliciesOf(const SampleRequest& request, const ServedPolicy& policy,
                                 const PoolView& pool, const std::vector<Micros>& as_of,
                                 SampleResult* result) {
  std::vector<uint16_t> policies;
  const bool want_arms = request.want_arms && policy.plan().is_experiment();
  if (policy.is_single() && !want_arms) return policies;
  for (int64_t r = 0; r < request.row_count; ++r) {
    const int arm = policy.ArmOf(HashId(request.users, r, pool.users()));
    if (want_arms) result->arms.push_back(static_cast<uint8_t>(arm));
    policies.push_back(static_cast<uint16_t>(policy.PolicyOf(arm, as_of[r])));
  }
  return policies;
}

// What is done with draws before their ids are written.
using Rank =
    absl::FunctionRef<absl::Status(const SourceContext&, const SampleBatch&, const SampleColumns&)>;

// Draws for the rows of a request that passed its checks.
absl::StatusOr<SampleResult> DrawRows(const SampleRequest& request, const ServedPolicy& policy,
                                      const std::vector<float>& queries, Micros now,
                                      const Snapshot& snapshot, SourceContext context,
                                      Executor* executor, Collection* collection, Rank rank) {
  const PoolView& pool = *snapshot.pool;
  SampleResult result;
  result.policy = policy.report();
  result.snapshot = TokenOf(snapshot, policy);
  result.sample_time = now;
  result.default_as_of = request.default_as_of.value_or(now);
  result.staleness_as_of = request.staleness_as_of.value_or(now);
  context.freshness = FreshnessOf(request, result.staleness_as_of);
  const ResolvedRows rows(request, pool, result.default_as_of);
  const SampleBatch batch = rows.Batch(request, queries);
  UninitializedVector<Ordinal> items;
  const SampleColumns columns = Allocate(request, policy, pool.items(), &items, &result);
  SampleTotals totals;
  NEGATRON_RETURN_IF_ERROR(policy.Draw(PoliciesOf(request, policy, pool, rows.as_of, &result),
                                       context, batch, columns, executor, &totals));
  NEGATRON_RETURN_IF_ERROR(rank(context, batch, columns));
  if (!items.empty()) WriteIds(request, pool.items(), items, &result);
  WriteDrawn(request, &result);
  WriteRejects(request, &result);
  result.drawn_by_component = totals.drawn_by_component;
  result.drawn_by_fallback = totals.drawn_by_fallback;
  collection->Count(policy.all(), request.row_count, totals);
  return result;
}

}  // namespace

absl::StatusOr<SampleResult> Engine::Sample(absl::string_view collection,
                                            const SampleRequest& request,
                                            const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request, *snapshot->settings));
  NEGATRON_ASSIGN_OR_RETURN(const ServedPolicy policy, ServedPolicy::Of(request, *snapshot));
  std::vector<float> queries;
  NEGATRON_RETURN_IF_ERROR(PrepareQueries(request, policy.all(), *snapshot->settings, &queries));
  return DrawRows(request, policy, queries, impl_->options().clock->NowMicros(), *snapshot,
                  ContextOf(*snapshot, request.seed, cancellation, impl_->excluded_masses()),
                  impl_->options().executor, found.get(),
                  [](const auto&...) { return absl::OkStatus(); });
}

absl::StatusOr<CandidateResult> Engine::GetCandidates(absl::string_view collection,
                                                      CandidateRequest request,
                                                      const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  SampleRequest& sample = request.sample;
  sample.want_scores = true;
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request, *snapshot->settings));
  NEGATRON_ASSIGN_OR_RETURN(const ServedPolicy policy,
                            ServedPolicy::Of(sample, *snapshot, /*distinct=*/true));
  std::vector<float> queries;
  NEGATRON_RETURN_IF_ERROR(PrepareQueries(sample, policy.all(), *snapshot->settings, &queries));

  CandidateResult result;
  result.dimension = snapshot->vectors->dimension();
  const auto rank = [&](const SourceContext& context, const SampleBatch& batch,
                        const SampleColumns& columns) -> absl::Status {
    const CandidateRanker ranker(request.anchor, context);
    NEGATRON_RETURN_IF_ERROR(ranker.Rank(batch, columns));
    if (request.want_candidate_vectors) result.candidate_vectors = ranker.Vectors(columns.items);
    if (request.want_positive_vectors) result.positive_vectors = ranker.Vectors(batch.positives);
    return absl::OkStatus();
  };
  NEGATRON_ASSIGN_OR_RETURN(
      result.sample,
      DrawRows(sample, policy, queries, impl_->options().clock->NowMicros(), *snapshot,
               ContextOf(*snapshot, sample.seed, cancellation, impl_->excluded_masses()),
               impl_->options().executor, found.get(), rank));
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
  NEGATRON_ASSIGN_OR_RETURN(const ServedPolicy served, ServedPolicy::Of(rows_request, *snapshot));
  NEGATRON_RETURN_IF_ERROR(CheckShared(served.plan()));
  SharedResult result;
  result.policy = served.report();
  result.snapshot = TokenOf(*snapshot, served);
  result.sample_time = impl_->options().clock->NowMicros();
  result.default_as_of = rows_request.default_as_of.value_or(result.sample_time);
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
  const size_t turn = served.PolicyOf(0, result.negatives_time);
  NEGATRON_RETURN_IF_ERROR(SampleSharedBlock(served.policy(turn), context,
                                             rows.Batch(rows_request, {}), result.negatives_time,
                                             request.block_key, columns, &totals));
  // Components are those of all turns.
  const size_t first = served.first_component(turn);
  for (uint8_t& component : result.components) {
    if (component != kPadding) component = static_cast<uint8_t>(component + first);
  }
  totals.drawn_by_component.insert(totals.drawn_by_component.begin(), first, 0);
  totals.drawn_by_component.resize(served.all().components.size());
  SampleResult ids;
  WriteIds(rows_request, pool.items(), items, &ids);
  result.ids = std::move(ids.ids);
  result.names = std::move(ids.names);
  result.drawn_by_component = totals.drawn_by_component;
  found->Count(served.all(), 1, totals);
  return result;
}

}  // namespace negatron
