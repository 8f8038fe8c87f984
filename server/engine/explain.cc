// SPDX-License-Identifier: Apache-2.0
// Engine::Explain.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "server/engine/resolve.h"
#include "server/engine/resolved_rows.h"
#include "server/engine/sample_checks.h"
#include "server/engine/served_policy.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr absl::string_view kSample = "sample";

absl::Status CheckItems(const ExplainRequest& request, const CollectionRecord& settings) {
  Violations violations;
  const int64_t count = request.items.size();
  if (count < 1 || count > kMaxExplainedItems) {
    violations.Add("item_ids", absl::StrCat("has ", count, " items; 1 to ", kMaxExplainedItems,
                                            " are explained"));
  }
  CheckIds(request.items, settings.item_id_type, "item_ids", &violations);
  return violations.ToStatus();
}

absl::Status CheckRow(const SampleRequest& request, const CollectionRecord& settings) {
  NEGATRON_RETURN_IF_ERROR(CheckRequest(request, settings));
  if (request.row_count == 1) return absl::OkStatus();
  return InvalidField("row_count",
                      absl::StrCat("is ", request.row_count, "; one row is explained"));
}

// Makes place for the sources of other arms and turns, `before` and `after` those in the column of
// `width` values a row.
template <typename T>
void Widen(size_t width, size_t before, size_t after, T value, std::vector<T>* column) {
  if (width == 0) return;
  const size_t rows = column->size() / width;
  std::vector<T> wide;
  wide.reserve(rows * (before + width + after));
  for (size_t r = 0; r < rows; ++r) {
    wide.insert(wide.end(), before, value);
    const auto begin = column->begin() + static_cast<std::ptrdiff_t>(r * width);
    wide.insert(wide.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
    wide.insert(wide.end(), after, value);
  }
  *column = std::move(wide);
}

// Where there are several policies none has a fallback, so sources are components.
void Widen(const ServedPolicy& policy, size_t index, RowExplanation* row) {
  if (policy.is_single()) return;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const size_t width = row->source_count;
  const size_t before = policy.first_component(index);
  const size_t after = policy.all().components.size() - before - width;
  Widen(width, before, after, kNan, &row->log_q_source);
  Widen(width, before, after, static_cast<uint8_t>(DrawObstacle::kNoShare), &row->obstacles);
  Widen(width, before, after, kNan, &row->scores);
  Widen(width, before, after, kNoScoreRank, &row->score_ranks);
  Widen(width, before, after, kNoScoreRank, &row->ranked_counts);
  Widen(width, before, after, uint8_t{0}, &row->source_statuses);
  Widen(width, before, after, 0.0f, &row->shares);
  row->source_count = before + width + after;
}

}  // namespace

absl::StatusOr<ExplainResult> Engine::Explain(absl::string_view collection, ExplainRequest request,
                                              const Cancellation& cancellation) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::shared_ptr<const Snapshot> snapshot = found->snapshot();
  const PoolView& pool = *snapshot->pool;
  SampleRequest& sample = request.sample;
  if (sample.negative_count == 0) sample.negative_count = 1;
  NEGATRON_RETURN_IF_ERROR(NestFields(CheckRow(sample, *snapshot->settings), kSample));
  NEGATRON_RETURN_IF_ERROR(CheckItems(request, *snapshot->settings));
  const absl::StatusOr<ServedPolicy> served = ServedPolicy::Of(sample, *snapshot);
  if (!served.ok()) return NestFields(served.status(), kSample);
  std::vector<float> queries;
  NEGATRON_RETURN_IF_ERROR(
      NestFields(PrepareQueries(sample, served->all(), *snapshot->settings, &queries), kSample));

  const Micros now = impl_->options().clock->NowMicros();
  const ResolvedRows rows(sample, pool, sample.default_as_of.value_or(now));
  const int arm = served->ArmOf(HashId(sample.users, 0, pool.users()));
  const size_t policy = served->PolicyOf(arm, rows.as_of[0]);
  ExplainResult result;
  result.policy = served->report();
  if (!result.policy.arms.empty()) result.arm = result.policy.arms[static_cast<size_t>(arm)];
  result.snapshot = TokenOf(*snapshot, *served);
  result.as_of = rows.as_of[0];
  result.staleness_as_of = sample.staleness_as_of.value_or(now);
  SourceContext context = ContextOf(*snapshot, sample.seed, cancellation, impl_->excluded_masses());
  context.freshness = FreshnessOf(sample, result.staleness_as_of);
  NEGATRON_RETURN_IF_ERROR(ExplainRow(served->policy(policy), context, rows.Batch(sample, queries),
                                      Resolve(request.items, pool.items()), &result.row));
  WriteIds(sample.want_names, pool.items(), result.row.nearest_positives, &result.nearest_ids,
           &result.nearest_names);
  Widen(*served, policy, &result.row);
  return result;
}

}  // namespace negatron
