// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/audit_conversion.h"

#include <string>
#include <utility>
#include <vector>

#include "proto/cc/columns.h"
#include "server/rpc/policy_conversion.h"
#include "server/rpc/pool_conversion.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/sampling_conversion.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

void WriteIdBatch(const IdBatch& ids, v1::ColumnEncoding encoding, v1::IdColumn* column) {
  if (ids.is_names()) {
    WriteNames(ids.names(), column);
  } else {
    WriteIds(ids.numbers(), encoding, column);
  }
}

void WriteOutputs(const SampleRequest& request, v1::SampleNegativesRequest* wire) {
  const std::pair<bool, v1::SampleOutput> outputs[] = {
      {request.want_log_q, v1::SAMPLE_OUTPUT_LOG_Q},
      {request.want_log_q_source, v1::SAMPLE_OUTPUT_LOG_Q_SOURCE},
      {request.want_components, v1::SAMPLE_OUTPUT_COMPONENT},
      {request.want_scores, v1::SAMPLE_OUTPUT_SCORE},
      {request.want_shares, v1::SAMPLE_OUTPUT_EFFECTIVE_SHARES},
      {request.want_rejects, v1::SAMPLE_OUTPUT_REJECTS},
      {request.want_expected_count, v1::SAMPLE_OUTPUT_EXPECTED_COUNT},
      {request.want_importance_weights, v1::SAMPLE_OUTPUT_IMPORTANCE_WEIGHT},
      {request.want_positive_log_q, v1::SAMPLE_OUTPUT_POSITIVE_LOG_Q},
      {request.want_boundaries, v1::SAMPLE_OUTPUT_POPULARITY_BOUNDARY},
      {request.want_rejects_by_cause, v1::SAMPLE_OUTPUT_REJECTS_BY_CAUSE},
      {request.want_all_rejects, v1::SAMPLE_OUTPUT_REJECTS_BY_ALL_CAUSES},
      {request.want_tags, v1::SAMPLE_OUTPUT_TAGS},
      {request.want_model_versions, v1::SAMPLE_OUTPUT_MODEL_VERSION},
      {request.want_vector_ages, v1::SAMPLE_OUTPUT_EMBEDDING_AGE},
      {request.want_arms, v1::SAMPLE_OUTPUT_ARM}};
  for (const auto& [wanted, output] : outputs) {
    if (wanted) wire->add_outputs(output);
  }
  if (wire->outputs().empty()) wire->add_outputs(v1::SAMPLE_OUTPUT_NONE);
}

// What requests for rows and for a shared block have in common.
template <typename Request>
void WriteCommon(absl::string_view collection, const KeptCall& kept, v1::ColumnEncoding encoding,
                 Request* wire) {
  const SampleRequest& request = kept.call.request;
  wire->set_collection(CollectionName(collection));
  wire->set_negative_count(request.negative_count);
  wire->set_row_count(static_cast<int32_t>(request.row_count));
  if (request.users) WriteIdBatch(*request.users, encoding, wire->mutable_user_ids());
  if (request.positives) WriteIdBatch(*request.positives, encoding, wire->mutable_positive_ids());
  if (request.exclusions) {
    WriteIdBatch(*request.exclusions, encoding, wire->mutable_exclusions()->mutable_ids());
    WriteInt64s(request.exclusion_splits, encoding,
                wire->mutable_exclusions()->mutable_row_splits());
  }
  if (!request.as_of.empty()) {
    WriteInt64s(request.as_of, encoding, wire->mutable_as_of_micros());
  } else if (request.default_as_of) {
    WriteTimestamp(*request.default_as_of, wire->mutable_as_of_time());
  }
  if (kept.record.policy_id.empty()) {
    WritePlan(*request.plan, wire->mutable_policy());
  } else {
    wire->set_policy_name(
        NameOfPolicy(collection, kept.record.policy_id, kept.record.policy_version));
  }
  wire->set_seed(static_cast<int64_t>(request.seed));
  wire->set_encoding(request.want_names ? v1::COLUMN_ENCODING_TYPED : v1::COLUMN_ENCODING_RAW);
  if (request.progress) wire->set_progress(*request.progress);
}

void WriteOwnColumns(const SampleRequest& request, v1::ColumnEncoding encoding,
                     v1::SampleNegativesRequest* wire) {
  if (!request.row_keys.empty()) WriteInt64s(request.row_keys, encoding, wire->mutable_row_keys());
  if (!request.cohorts.empty()) WriteBytes(request.cohorts, encoding, wire->mutable_cohorts());
  if (!request.queries.empty()) {
    WriteMatrix(request.queries, static_cast<int32_t>(request.row_count), request.query_columns,
                encoding, wire->mutable_queries());
  }
}

}  // namespace

void WriteAuditHead(absl::string_view collection, int64_t incarnation, const AuditRecord& record,
                    v1::Audit* audit) {
  audit->set_name(NameOfAudit(collection, record.time));
  WriteTimestamp(record.time, audit->mutable_create_time());
  audit->set_row_count(record.row_count);
  audit->set_negative_count(record.negative_count);
  if (!record.policy_id.empty()) {
    audit->set_policy_name(NameOfPolicy(collection, record.policy_id, record.policy_version));
  }
  WriteToken({incarnation, record.commit_sequence, record.generation, record.policy_version},
             audit->mutable_snapshot());
  audit->set_seed(static_cast<int64_t>(record.seed));
  audit->set_kernel_id(record.kernel_id);
  audit->set_stored_bytes(record.body_bytes);
  audit->set_candidates(record.candidates);
  audit->set_shared(record.shared);
}

void WriteSampleRequest(absl::string_view collection, const KeptCall& kept,
                        v1::ColumnEncoding encoding, v1::SampleNegativesRequest* wire) {
  const SampleRequest& request = kept.call.request;
  WriteCommon(collection, kept, encoding, wire);
  WriteOwnColumns(request, encoding, wire);
  WriteOutputs(request, wire);
  wire->set_min_model_version(request.min_model_version);
  if (request.max_staleness_micros) {
    WriteDuration(absl::Microseconds(*request.max_staleness_micros), wire->mutable_max_staleness());
  }
  if (request.staleness_as_of) {
    WriteTimestamp(*request.staleness_as_of, wire->mutable_staleness_as_of_time());
  }
}

void WriteSharedRequest(absl::string_view collection, const KeptCall& kept,
                        v1::ColumnEncoding encoding, v1::SampleSharedNegativesRequest* wire) {
  WriteCommon(collection, kept, encoding, wire);
  WriteTimestamp(kept.call.negatives_time.value_or(0), wire->mutable_negatives_time());
  wire->set_block_key(static_cast<int64_t>(kept.call.block_key));
}

void WriteAudit(absl::string_view collection, const KeptCall& kept, v1::ColumnEncoding encoding,
                v1::Audit* audit) {
  WriteAuditHead(collection, kept.call.result.snapshot.incarnation, kept.record, audit);
  if (kept.record.shared) {
    WriteSharedRequest(collection, kept, encoding, audit->mutable_shared_request());
    WriteSharedResponse(kept.call.shared_request(), kept.call.shared_result(), encoding,
                        audit->mutable_shared_response());
    audit->mutable_shared_response()->set_kernel_id(kept.record.kernel_id);
    return;
  }
  WriteSampleRequest(collection, kept, encoding, audit->mutable_request());
  WriteSample(kept.call.request, kept.call.result, encoding, audit->mutable_response());
  // That of the program that answered.
  audit->mutable_response()->set_kernel_id(kept.record.kernel_id);
}

void WriteReplay(const AuditReplay& replay, v1::ReplayAuditResponse* response) {
  response->set_equal(!replay.difference.has_value());
  WriteToken(replay.snapshot, response->mutable_snapshot());
  if (!replay.difference.has_value()) return;
  v1::ColumnDifference* const difference = response->mutable_difference();
  difference->set_column(replay.difference->column);
  difference->set_index(replay.difference->index);
  difference->set_kept(replay.difference->kept);
  difference->set_replayed(replay.difference->replayed);
}

}  // namespace negatron
