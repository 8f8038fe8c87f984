// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/sampling_series_conversion.h"

#include <algorithm>
#include <string>

#include "absl/time/time.h"

#include "server/rpc/resource_names.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

void WriteScores(const ScoreHistogram& scores, v1::ScoreSummary* wire) {
  wire->set_count(scores.count());
  wire->set_mean(scores.mean());
  wire->set_p10(scores.Quantile(0.1));
  wire->set_p50(scores.Quantile(0.5));
  wire->set_p90(scores.Quantile(0.9));
}

void WriteLaw(const LawSums& law, v1::LawCheck* wire) {
  wire->set_draw_count(law.draw_count);
  if (law.draw_count > 0) wire->set_mean_inverse(law.MeanInverse());
  if (const auto error = law.MeanInverseError()) wire->set_mean_inverse_error(*error);
  wire->set_pair_count(law.pair_count);
  wire->set_collision_count(law.collision_count);
  wire->set_expected_collision_count(law.expected_collisions);
  if (const auto z = law.CollisionZ()) wire->set_collision_z(*z);
}

void WriteSource(SourceKind kind, const SourceBucket& source, int64_t observed_rows,
                 v1::SourceSamplingStatistics* wire) {
  wire->set_source(std::string(SourceName(kind)));
  wire->set_drawn_count(source.drawn_count);
  wire->set_observed_count(source.observed_count);
  const double rows = static_cast<double>(std::max<int64_t>(observed_rows, 1));
  wire->set_configured_share(source.configured_share / rows);
  wire->set_effective_share(source.effective_share / rows);
  if (source.scores.count() > 0) WriteScores(source.scores, wire->mutable_scores());
  const auto& ages = source.ages;
  if (std::any_of(ages.begin(), ages.end(), [](int64_t count) { return count > 0; })) {
    wire->mutable_event_age_counts()->Assign(ages.begin(), ages.end());
  }
  wire->set_distinct_item_count(source.items.Estimate());
  if (!source.law.empty()) WriteLaw(source.law, wire->mutable_law_check());
}

void WriteBucket(const SamplingBucket& bucket, v1::SamplingStatisticsBucket* wire) {
  WriteTimestamp(bucket.start, wire->mutable_start_time());
  wire->set_call_count(bucket.call_count);
  wire->set_row_count(bucket.row_count);
  wire->set_observed_row_count(bucket.observed_row_count);
  for (int status = 0; status < kRowStatusCount; ++status) {
    if (bucket.rows_by_status[status] == 0) continue;
    v1::SampledRowCount* rows = wire->add_rows();
    rows->set_row_status(static_cast<v1::RowStatus>(status));
    rows->set_count(bucket.rows_by_status[status]);
  }
  for (int cause = 0; cause < kRejectCauseCount; ++cause) {
    if (bucket.rejects_by_cause[cause] == 0) continue;
    v1::SampledRejectCount* rejects = wire->add_rejects();
    // On the wire, 0 is "unspecified".
    rejects->set_reject_cause(static_cast<v1::RejectCause>(cause + 1));
    rejects->set_count(bucket.rejects_by_cause[cause]);
  }
  for (const auto& [kind, source] : bucket.sources) {
    WriteSource(kind, source, bucket.observed_row_count, wire->add_sources());
  }
}

}  // namespace

SamplingSeriesRequest ReadSeriesRequest(const v1::GetSamplingStatisticsRequest& request,
                                        Violations* violations) {
  SamplingSeriesRequest wanted;
  if (request.has_start_time()) {
    wanted.start = ReadTimestamp(request.start_time(), "start_time", violations);
  }
  if (request.has_end_time()) {
    wanted.end = ReadTimestamp(request.end_time(), "end_time", violations);
  }
  if (request.has_window()) {
    wanted.window_micros = ReadDuration(request.window(), "window", violations);
  }
  if (request.has_resolution()) {
    wanted.resolution_micros = ReadDuration(request.resolution(), "resolution", violations);
  }
  return wanted;
}

void WriteSeries(absl::string_view collection_id, const SamplingSeries& series,
                 v1::SamplingStatistics* wire) {
  wire->set_collection(CollectionName(collection_id));
  WriteTimestamp(series.start, wire->mutable_start_time());
  WriteTimestamp(series.end, wire->mutable_end_time());
  WriteDuration(absl::Microseconds(series.resolution_micros), wire->mutable_resolution());
  for (const auto& bucket : series.buckets) WriteBucket(*bucket, wire->add_buckets());
  WriteBucket(series.total, wire->mutable_total());
  wire->set_rows_per_observation(kRowsPerObservation);
  for (size_t bin = 0; bin + 1 < kAgeBins; ++bin) {
    wire->add_event_age_bounds_seconds(AgeBoundSeconds(bin));
  }
  wire->set_distinct_item_error(HyperLogLog::kStandardError);
}

}  // namespace negatron
