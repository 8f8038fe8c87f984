// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/account_conversion.h"

#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "server/engine/engine.h"
#include "server/rpc/column_readers.h"
#include "server/rpc/component_reports.h"
#include "server/rpc/pool_conversion.h"
#include "server/rpc/sampling_conversion.h"
#include "server/rpc/times.h"

namespace negatron {

ExplainRequest ReadExplainRequest(const v1::ExplainNegativesRequest& wire, Violations* violations,
                                  Violations* sample_violations) {
  ExplainRequest request;
  v1::SampleNegativesRequest sample = wire.sample();
  if (sample.negative_count() == 0) sample.set_negative_count(1);
  request.sample = ReadSampleRequest(sample, sample_violations);
  const int64_t count = ColumnSize(wire.item_ids());
  if (count < 1 || count > kMaxExplainedItems) {
    violations->Add("item_ids", absl::StrCat("has ", count, " items; 1 to ", kMaxExplainedItems,
                                             " are explained"));
    return request;
  }
  request.items = ReadIds(wire.item_ids(), "item_ids", violations);
  return request;
}

void WriteExplanation(const ExplainRequest& request, const ExplainResult& result,
                      v1::ExplainNegativesResponse* response) {
  const RowExplanation& row = result.row;
  const v1::ColumnEncoding encoding =
      request.sample.want_names ? v1::COLUMN_ENCODING_TYPED : v1::COLUMN_ENCODING_RAW;
  WriteBytes(row.classes, encoding, response->mutable_classes());
  WriteBytes(row.grounds, encoding, response->mutable_grounds());
  WriteBytes(row.alive, encoding, response->mutable_alive());
  WriteInt64s(row.first_positives, encoding, response->mutable_first_positive_micros());
  WriteFloats(row.masses, encoding, response->mutable_masses());
  WriteFloats(row.base_weights, encoding, response->mutable_base_weights());
  WriteInt64s(row.popularity_ranks, encoding, response->mutable_popularity_ranks());
  WriteFloats(row.distances, encoding, response->mutable_positive_distances());
  if (result.nearest_names.empty()) {
    WriteIds(result.nearest_ids, encoding, response->mutable_nearest_positive_ids());
  } else {
    WriteNames(result.nearest_names, response->mutable_nearest_positive_ids());
  }
  WriteFloats(row.log_q, encoding, response->mutable_log_q());
  WriteFloats(row.log_q_source, encoding, response->mutable_log_q_source());
  WriteBytes(row.obstacles, encoding, response->mutable_obstacles());
  WriteFloats(row.scores, encoding, response->mutable_scores());
  WriteInt64s(row.score_ranks, encoding, response->mutable_score_ranks());
  WriteInt64s(row.ranked_counts, encoding, response->mutable_ranked_counts());
  response->set_living_item_count(row.living_count);
  response->set_row_status(static_cast<v1::RowStatus>(row.row_status));
  WriteBytes(row.source_statuses, encoding, response->mutable_source_statuses());
  WriteFloats(row.shares, encoding, response->mutable_effective_shares());
  WriteComponents(result.policy, std::vector<int64_t>(result.policy.policy.components.size(), 0),
                  response);
  WriteFallback(result.policy, 0, response);
  WriteToken(result.snapshot, response->mutable_snapshot());
  response->set_seed(static_cast<int64_t>(request.sample.seed));
  WriteTimestamp(result.as_of, response->mutable_as_of_time());
  WriteTimestamp(result.staleness_as_of, response->mutable_staleness_as_of_time());
  response->set_kernel_id(std::string(KernelId()));
  response->set_arm(result.arm);
}

}  // namespace negatron
