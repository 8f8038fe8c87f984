// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/batch_rows.h"

namespace negatron {
namespace {

// Why a row is empty, if its components give different reasons: the one that
// comes first here.
RowStatus Stronger(RowStatus a, RowStatus b) {
  for (const RowStatus status : {RowStatus::kNoLivingItem, RowStatus::kExhausted,
                                 RowStatus::kNoCandidate, RowStatus::kNoAnchor}) {
    if (a == status || b == status) return status;
  }
  return RowStatus::kNoEvent;
}

}  // namespace

SourceContext WithGuards(SourceContext context, const Policy& policy) {
  if (policy.ExcludesUncertain()) context.min_distance = policy.min_distance;
  return context;
}

std::span<const Ordinal> NamedExclusions(const SampleBatch& batch, int64_t r) {
  if (batch.exclusion_splits.empty()) return {};
  const int64_t begin = batch.exclusion_splits[r];
  return batch.exclusions.subspan(begin, batch.exclusion_splits[r + 1] - begin);
}

void ResolveRow(const Policy& policy, const PoolView& pool, const SampleBatch& batch, int64_t r,
                Row* row) {
  static const UserHistory kNoHistory;
  row->as_of = batch.as_of[r];
  row->key = batch.keys.empty() ? 0 : batch.keys[r];
  row->user = batch.users.empty() ? kNoOrdinal : batch.users[r];
  row->positive = batch.positives.empty() ? kNoOrdinal : batch.positives[r];
  row->cohort = batch.cohorts.empty() ? 0 : batch.cohorts[r];
  row->query = batch.queries.empty() ? nullptr : &batch.queries[r * batch.query_columns];
  row->excluded.Reset(row->user == kNoOrdinal ? kNoHistory : pool.history(row->user), row->as_of,
                      row->positive, NamedExclusions(batch, r), policy.ExcludedHorizon());
}

RowStatus ShareOut(const Policy& policy, absl::FunctionRef<RowStatus(size_t component)> status_of,
                   std::span<double> shares) {
  RowStatus status = RowStatus::kOk;
  double sum = 0;
  for (size_t c = 0; c < shares.size(); ++c) {
    shares[c] = 0;
    if (policy.components[c].share <= 0) continue;
    const RowStatus ready = status_of(c);
    if (ready == RowStatus::kOk) {
      sum += shares[c] = policy.components[c].share;
    } else {
      status = status == RowStatus::kOk ? ready : Stronger(status, ready);
    }
  }
  if (sum <= 0) return status;
  for (double& share : shares) share /= sum;
  return RowStatus::kOk;
}

}  // namespace negatron
