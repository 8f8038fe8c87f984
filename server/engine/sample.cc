// SPDX-License-Identifier: Apache-2.0
// Engine::Sample and its like: resolve a checked request against a snapshot, draw.
#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"

#include "server/engine/audit_calls.h"
#include "server/engine/engine_impl.h"
#include "server/engine/resolved_rows.h"
#include "server/engine/sample_checks.h"
#include "server/engine/served_policy.h"
#include "server/sampling/candidate_ranker.h"
#include "server/sampling/sampler.h"
#include "server/sampling/shared_block.h"
#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

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

// A request that passed its checks, ready to be drawn.
struct ReadyCall {
  const Snapshot& snapshot;
  const SampleRequest& request;
  ServedPolicy policy;
  std::vector<float> queries = {};
  const Clock& clock;
  Micros now = 0;
};

// Times the stages of a call, one after the other.
class StageTimer {
 public:
  explicit StageTimer(const Clock& clock) : clock_(clock), start_(clock.NowMicros()) {}

  // Since the last call of it, or the construction.
  int64_t Lap() {
    const int64_t now = clock_.NowMicros();
    return now - std::exchange(start_, now);
  }

 private:
  const Clock& clock_;
  int64_t start_;
};

absl::StatusOr<ReadyCall> MakeReady(const Snapshot& snapshot, const SampleRequest& request,
                                    bool distinct, const Clock& clock, Micros now) {
  NEGATRON_ASSIGN_OR_RETURN(ServedPolicy policy, ServedPolicy::Of(request, snapshot, distinct));
  ReadyCall call{snapshot, request, std::move(policy), {}, clock, now};
  NEGATRON_RETURN_IF_ERROR(
      PrepareQueries(request, call.policy.all(), *snapshot.settings, &call.queries));
  return call;
}

// Draws for the rows of a request that passed its checks. Counted with `collection`, which may be
// null; `keys`, which may be too, gets the row keys.
absl::StatusOr<SampleResult> DrawRows(const ReadyCall& call, SourceContext context,
                                      Executor* executor, Collection* collection, Rank rank,
                                      std::vector<uint64_t>* keys) {
  const SampleRequest& request = call.request;
  const ServedPolicy& policy = call.policy;
  const PoolView& pool = *call.snapshot.pool;
  SampleResult result;
  result.policy = policy.report();
  result.snapshot = TokenOf(call.snapshot, policy);
  result.sample_time = call.now;
  result.default_as_of = request.default_as_of.value_or(call.now);
  result.staleness_as_of = request.staleness_as_of.value_or(call.now);
  context.freshness = FreshnessOf(request, result.staleness_as_of);
  StageTimer timer(call.clock);
  if (collection != nullptr) {
    context.observed_rows = collection->NextObservation(kRowsPerObservation);
  }
  ResolvedRows rows(request, pool, result.default_as_of);
  const SampleBatch batch = rows.Batch(request, call.queries);
  result.stages.resolve_micros = timer.Lap();
  UninitializedVector<Ordinal> items;
  const SampleColumns columns = Allocate(request, policy, pool.items(), &items, &result);
  SampleTotals totals;
  NEGATRON_RETURN_IF_ERROR(policy.Draw(PoliciesOf(request, policy, pool, rows.as_of, &result),
                                       context, batch, columns, executor, &totals));
  NEGATRON_RETURN_IF_ERROR(rank(context, batch, columns));
  result.stages.draw_micros = timer.Lap();
  if (!items.empty()) {
    WriteIds(request.want_names, pool.items(), items, &result.ids, &result.names);
  }
  WriteDrawn(request, &result);
  WriteRejects(request, &result);
  result.drawn_by_component = totals.drawn_by_component;
  result.drawn_by_fallback = totals.drawn_by_fallback;
  if (collection != nullptr) {
    collection->Count(policy.all(), request.row_count, totals, call.now);
  }
  if (keys != nullptr) *keys = std::move(rows.keys);
  return result;
}

absl::StatusOr<CandidateResult> DrawCandidates(const ReadyCall& call,
                                               const CandidateRequest& request,
                                               const SourceContext& context, Executor* executor,
                                               Collection* collection,
                                               std::vector<uint64_t>* keys) {
  CandidateResult result;
  result.dimension = call.snapshot.vectors->dimension();
  const auto rank = [&](const SourceContext& fresh, const SampleBatch& batch,
                        const SampleColumns& columns) -> absl::Status {
    const CandidateRanker ranker(request.anchor, fresh);
    NEGATRON_RETURN_IF_ERROR(ranker.Rank(batch, columns));
    if (request.want_candidate_vectors) result.candidate_vectors = ranker.Vectors(columns.items);
    if (request.want_positive_vectors) result.positive_vectors = ranker.Vectors(batch.positives);
    return absl::OkStatus();
  };
  NEGATRON_ASSIGN_OR_RETURN(result.sample,
                            DrawRows(call, context, executor, collection, rank, keys));
  return result;
}

absl::StatusOr<ReadyCall> MakeReady(const Snapshot& snapshot, const SharedRequest& request,
                                    const Clock& clock, Micros now) {
  NEGATRON_ASSIGN_OR_RETURN(ServedPolicy policy, ServedPolicy::Of(request.rows, snapshot));
  NEGATRON_RETURN_IF_ERROR(CheckShared(policy.plan()));
  ReadyCall call{snapshot, request.rows, std::move(policy), {}, clock, now};
  NEGATRON_RETURN_IF_ERROR(
      PrepareQueries(request.rows, call.policy.all(), *snapshot.settings, &call.queries));
  return call;
}

// Draws the block of a request that `call` was made of. Counted with `collection`, which may be
// null; `keys`, which may be too, gets the row keys, then that of the block.
absl::StatusOr<SharedResult> DrawShared(const ReadyCall& call, const SharedRequest& request,
                                        const SourceContext& context, Collection* collection,
                                        std::vector<uint64_t>* keys) {
  const SampleRequest& rows_request = call.request;
  const ServedPolicy& served = call.policy;
  const PoolView& pool = *call.snapshot.pool;
  SharedResult result;
  result.policy = served.report();
  result.policy.laws = LawsOf(served.all(), 0);  // See SampleSharedBlock.
  result.snapshot = TokenOf(call.snapshot, served);
  result.sample_time = call.now;
  result.default_as_of = rows_request.default_as_of.value_or(call.now);
  StageTimer timer(call.clock);
  ResolvedRows rows(rows_request, pool, result.default_as_of);
  result.stages.resolve_micros = timer.Lap();
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
  SampleTotals totals;
  const size_t turn = served.PolicyOf(0, result.negatives_time);
  NEGATRON_RETURN_IF_ERROR(SampleSharedBlock(served.policy(turn), context,
                                             rows.Batch(rows_request, {}), result.negatives_time,
                                             request.block_key, columns, &totals));
  result.stages.draw_micros = timer.Lap();
  // Components are those of all turns.
  const size_t first = served.first_component(turn);
  for (uint8_t& component : result.components) {
    if (component != kNoComponent) component = static_cast<uint8_t>(component + first);
  }
  totals.drawn_by_component.insert(totals.drawn_by_component.begin(), first, 0);
  totals.drawn_by_component.resize(served.all().components.size());
  WriteIds(rows_request.want_names, pool.items(), items, &result.ids, &result.names);
  result.drawn_by_component = totals.drawn_by_component;
  if (collection != nullptr) collection->Count(served.all(), 1, totals, call.now);
  if (keys != nullptr) {
    *keys = std::move(rows.keys);
    keys->push_back(request.block_key);
  }
  return result;
}

absl::Status RankNothing(const SourceContext&, const SampleBatch&, const SampleColumns&) {
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SampleResult> Engine::Sample(absl::string_view collection,
                                            const SampleRequest& request,
                                            const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request, *snapshot->settings));
  NEGATRON_ASSIGN_OR_RETURN(const ReadyCall call, MakeReady(*snapshot, request, /*distinct=*/false,
                                                            *impl_->options().clock,
                                                            impl_->options().clock->NowMicros()));
  std::vector<uint64_t> keys;
  absl::StatusOr<SampleResult> result =
      DrawRows(call, ContextOf(*snapshot, request.seed, cancellation, impl_->excluded_masses()),
               impl_->options().executor, found.get(), RankNothing, &keys);
  if (result.ok()) impl_->audits().Offer(*snapshot, call.policy, keys, request, *result);
  return result;
}

absl::StatusOr<CandidateResult> Engine::GetCandidates(absl::string_view collection,
                                                      CandidateRequest request,
                                                      const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  SampleRequest& sample = request.sample;
  sample.want_scores = true;
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request, *snapshot->settings));
  NEGATRON_ASSIGN_OR_RETURN(const ReadyCall call,
                            MakeReady(*snapshot, sample, /*distinct=*/true, *impl_->options().clock,
                                      impl_->options().clock->NowMicros()));
  std::vector<uint64_t> keys;
  absl::StatusOr<CandidateResult> result = DrawCandidates(
      call, request, ContextOf(*snapshot, sample.seed, cancellation, impl_->excluded_masses()),
      impl_->options().executor, found.get(), &keys);
  if (result.ok()) impl_->audits().Offer(*snapshot, call.policy, keys, request, *result);
  return result;
}

// Counts nothing, and is not kept: it is no call of a trainer.
absl::StatusOr<AuditReplay> Engine::ReplayAudit(absl::string_view collection, Micros id,
                                                const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  NEGATRON_ASSIGN_OR_RETURN(const KeptCall kept, ReadKeptCall(impl_->store(), *snapshot, id));
  NEGATRON_RETURN_IF_ERROR(CheckCurrent(kept, *snapshot));
  const SourceContext context =
      ContextOf(*snapshot, kept.call.request.seed, cancellation, impl_->excluded_masses());
  AuditReplay replay;
  if (kept.call.shared) {
    const SharedRequest block = kept.call.shared_request();
    NEGATRON_ASSIGN_OR_RETURN(const ReadyCall call,
                              MakeReady(*snapshot, block, *impl_->options().clock, 0));
    NEGATRON_ASSIGN_OR_RETURN(
        const SharedResult result,
        DrawShared(call, block, ContextOf(*snapshot, block.rows.seed, cancellation, nullptr),
                   nullptr, nullptr));
    AuditedCall drawn;
    drawn.TakeShared(block, result);
    replay.snapshot = result.snapshot;
    replay.difference = FirstDifference(kept.call, drawn);
    return replay;
  }
  const SampleRequest& request = kept.call.request;
  NEGATRON_ASSIGN_OR_RETURN(
      const ReadyCall call,
      MakeReady(*snapshot, request, kept.record.candidates, *impl_->options().clock, 0));
  AuditedCall drawn;
  if (kept.record.candidates) {
    NEGATRON_ASSIGN_OR_RETURN(CandidateResult result,
                              DrawCandidates(call, kept.call.candidates(), context,
                                             impl_->options().executor, nullptr, nullptr));
    drawn.TakeVectors(result);
    drawn.result = std::move(result.sample);
  } else {
    NEGATRON_ASSIGN_OR_RETURN(drawn.result, DrawRows(call, context, impl_->options().executor,
                                                     nullptr, RankNothing, nullptr));
  }
  replay.snapshot = drawn.result.snapshot;
  replay.difference = FirstDifference(kept.call, drawn);
  return replay;
}

absl::StatusOr<SharedResult> Engine::SampleShared(absl::string_view collection,
                                                  const SharedRequest& request,
                                                  const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request, *snapshot->settings));
  const Clock& clock = *impl_->options().clock;
  NEGATRON_ASSIGN_OR_RETURN(const ReadyCall call,
                            MakeReady(*snapshot, request, clock, clock.NowMicros()));
  std::vector<uint64_t> keys;
  absl::StatusOr<SharedResult> result =
      DrawShared(call, request, ContextOf(*snapshot, request.rows.seed, cancellation, nullptr),
                 found.get(), &keys);
  if (result.ok()) impl_->audits().Offer(*snapshot, call.policy, keys, request, *result);
  return result;
}

}  // namespace negatron
