// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/slice.h>

#include "proto/cc/columns.h"
#include "server/engine/engine.h"
#include "server/rpc/component_reports.h"
#include "server/rpc/pool_conversion.h"
#include "server/rpc/sampling_conversion.h"
#include "server/rpc/times.h"

namespace negatron {
namespace {

using v1::SampleNegativesResponse;
using ResultPointer = std::shared_ptr<const SampleResult>;

// Smaller columns are copied: a slice of their own costs more than their bytes.
constexpr size_t kMinSharedBytes = 4096;

// All columns of `SampleNegativesResponse` keep their raw form in the same field.
constexpr int kRawField = v1::IdColumn::kRawFieldNumber;
static_assert(kRawField == v1::FloatColumn::kRawFieldNumber);
static_assert(kRawField == v1::ByteColumn::kRawFieldNumber);
static_assert(kRawField == v1::Int64Column::kRawFieldNumber);

// Tag and length of a length-delimited field (protobuf's wire type 2), at most 10 bytes.
uint8_t* WriteTagAndLength(int field, size_t size, uint8_t* out) {
  using google::protobuf::io::CodedOutputStream;
  constexpr uint32_t kLengthDelimited = 2;
  out = CodedOutputStream::WriteVarint32ToArray(
      (static_cast<uint32_t>(field) << 3) | kLengthDelimited, out);
  return CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(size), out);
}

// Builds a serialised response from the columns of a result.
class RawResponse {
 public:
  explicit RawResponse(ResultPointer result) : result_(std::move(result)) {}

  // Appends the column `field` with these values, which belong to the result. An empty column stays
  // unset.
  template <typename T, typename Allocator>
  void Column(int field, const std::vector<T, Allocator>& values) {
    if (values.empty()) return;
    const size_t bytes = values.size() * sizeof(T);
    std::array<uint8_t, 10> inner;
    const size_t inner_size = WriteTagAndLength(kRawField, bytes, inner.data()) - inner.data();
    std::array<uint8_t, 20> head;
    uint8_t* end = WriteTagAndLength(field, inner_size + bytes, head.data());
    std::memcpy(end, inner.data(), inner_size);
    slices_.emplace_back(head.data(), static_cast<size_t>(end - head.data()) + inner_size);
    if (bytes < kMinSharedBytes) {
      slices_.emplace_back(values.data(), bytes);
      return;
    }
    // gRPC only reads the bytes, although its slices take a pointer that is not const.
    slices_.emplace_back(
        const_cast<T*>(values.data()), bytes,
        [](void* owner) { delete static_cast<ResultPointer*>(owner); }, new ResultPointer(result_));
  }

  grpc::ByteBuffer Finish(const SampleNegativesResponse& head) {
    const std::string bytes = head.SerializeAsString();
    slices_.emplace_back(bytes.data(), bytes.size());
    return grpc::ByteBuffer(slices_.data(), slices_.size());
  }

 private:
  const ResultPointer result_;
  std::vector<grpc::Slice> slices_;
};

// The progress of a call at `sample_time`, and the controller that told it.
template <typename Response>
void WriteProgress(const PolicyReport& policy, const SampleRequest& request, Micros sample_time,
                   Response* response) {
  if (policy.progress.has_value()) response->set_progress(*policy.progress);
  if (request.controller_id.empty()) return;
  response->set_controller(NameOfController(policy.collection, request.controller_id));
  WriteTimestamp(sample_time, response->mutable_progress_time());
}

}  // namespace

void WriteSampleHead(const SampleRequest& request, const SampleResult& result,
                     SampleNegativesResponse* response) {
  const PolicyReport& policy = result.policy;
  WriteFallback(policy, result.drawn_by_fallback, response);
  WriteComponents(policy, result.drawn_by_component, response);
  WriteProgress(policy, request, result.sample_time, response);
  for (const std::string& arm : policy.arms) response->add_arm_names(arm);
  WriteToken(result.snapshot, response->mutable_snapshot());
  response->set_seed(static_cast<int64_t>(request.seed));
  WriteTimestamp(result.default_as_of, response->mutable_as_of_time());
  WriteTimestamp(result.staleness_as_of, response->mutable_staleness_as_of_time());
  response->set_kernel_id(std::string(KernelId()));
  if (!result.all_rejects.empty()) response->set_reject_cause_count(kRejectCauseCount);
}

void WriteSample(const SampleRequest& request, const SampleResult& result,
                 v1::ColumnEncoding encoding, SampleNegativesResponse* response) {
  WriteSampleHead(request, result, response);
  if (result.names.empty()) {
    WriteIds(result.ids, encoding, response->mutable_item_ids());
  } else {
    WriteNames(result.names, response->mutable_item_ids());
  }
  const auto floats = [encoding](std::span<const float> values, auto mutable_column) {
    if (!values.empty()) WriteFloats(values, encoding, mutable_column());
  };
  floats(result.log_q, [&] { return response->mutable_log_q(); });
  floats(result.log_q_source, [&] { return response->mutable_log_q_source(); });
  floats(result.scores, [&] { return response->mutable_scores(); });
  floats(result.shares, [&] { return response->mutable_effective_shares(); });
  if (!result.components.empty()) {
    WriteBytes(result.components, encoding, response->mutable_component_indexes());
  }
  WriteBytes(result.statuses, encoding, response->mutable_row_statuses());
  if (!result.drawn.empty()) WriteInt64s(result.drawn, encoding, response->mutable_drawn_counts());
  if (!result.rejects.empty()) {
    WriteInt64s(result.rejects, encoding, response->mutable_reject_counts());
  }
  floats(result.expected_count, [&] { return response->mutable_expected_counts(); });
  floats(result.importance_weights, [&] { return response->mutable_importance_weights(); });
  floats(result.positive_log_q, [&] { return response->mutable_positive_log_q(); });
  if (!result.boundaries.empty()) {
    WriteInt64s(result.boundaries, encoding, response->mutable_popularity_boundary_micros());
  }
  if (!result.rejects_by_cause.empty()) {
    WriteInt64s(result.rejects_by_cause, encoding, response->mutable_rejects_by_cause());
  }
  if (!result.all_rejects.empty()) {
    WriteInt64s(result.all_rejects, encoding, response->mutable_rejects_by_all_causes());
  }
  if (!result.tags.empty()) WriteBytes(result.tags, encoding, response->mutable_tags());
  if (!result.model_versions.empty()) {
    WriteInt64s(result.model_versions, encoding, response->mutable_model_versions());
  }
  floats(result.vector_ages, [&] { return response->mutable_embedding_age_seconds(); });
  if (!result.arms.empty()) WriteBytes(result.arms, encoding, response->mutable_arm_indexes());
}

grpc::ByteBuffer SerializeRawSample(const SampleRequest& request, const ResultPointer& result) {
  SampleNegativesResponse head;
  WriteSampleHead(request, *result, &head);
  RawResponse response(result);
  response.Column(SampleNegativesResponse::kItemIdsFieldNumber, result->ids);
  response.Column(SampleNegativesResponse::kLogQFieldNumber, result->log_q);
  response.Column(SampleNegativesResponse::kLogQSourceFieldNumber, result->log_q_source);
  response.Column(SampleNegativesResponse::kComponentIndexesFieldNumber, result->components);
  response.Column(SampleNegativesResponse::kScoresFieldNumber, result->scores);
  response.Column(SampleNegativesResponse::kRowStatusesFieldNumber, result->statuses);
  response.Column(SampleNegativesResponse::kDrawnCountsFieldNumber, result->drawn);
  response.Column(SampleNegativesResponse::kEffectiveSharesFieldNumber, result->shares);
  response.Column(SampleNegativesResponse::kRejectCountsFieldNumber, result->rejects);
  response.Column(SampleNegativesResponse::kExpectedCountsFieldNumber, result->expected_count);
  response.Column(SampleNegativesResponse::kImportanceWeightsFieldNumber,
                  result->importance_weights);
  response.Column(SampleNegativesResponse::kPositiveLogQFieldNumber, result->positive_log_q);
  response.Column(SampleNegativesResponse::kPopularityBoundaryMicrosFieldNumber,
                  result->boundaries);
  response.Column(SampleNegativesResponse::kRejectsByCauseFieldNumber, result->rejects_by_cause);
  response.Column(SampleNegativesResponse::kRejectsByAllCausesFieldNumber, result->all_rejects);
  response.Column(SampleNegativesResponse::kTagsFieldNumber, result->tags);
  response.Column(SampleNegativesResponse::kModelVersionsFieldNumber, result->model_versions);
  response.Column(SampleNegativesResponse::kEmbeddingAgeSecondsFieldNumber, result->vector_ages);
  response.Column(SampleNegativesResponse::kArmIndexesFieldNumber, result->arms);
  return response.Finish(head);
}

void WriteCandidates(const CandidateRequest& request, const CandidateResult& result,
                     v1::ColumnEncoding encoding, v1::GetCandidatesResponse* response) {
  WriteSample(request.sample, result.sample, encoding, response->mutable_sample());
  const auto write = [&](const std::vector<float>& vectors, v1::FloatMatrix* matrix) {
    const auto rows = static_cast<int32_t>(vectors.size() / static_cast<size_t>(result.dimension));
    WriteMatrix(vectors, rows, result.dimension, encoding, matrix);
  };
  if (request.want_candidate_vectors) {
    write(result.candidate_vectors, response->mutable_candidate_vectors());
  }
  if (request.want_positive_vectors) {
    write(result.positive_vectors, response->mutable_positive_vectors());
  }
}

void WriteSharedResponse(const SharedRequest& request, const SharedResult& result,
                         v1::ColumnEncoding encoding, v1::SampleSharedNegativesResponse* response) {
  if (result.names.empty()) {
    WriteIds(result.ids, encoding, response->mutable_item_ids());
  } else {
    WriteNames(result.names, response->mutable_item_ids());
  }
  WriteFloats(result.log_q, encoding, response->mutable_log_q());
  WriteBytes(result.components, encoding, response->mutable_component_indexes());
  response->set_false_mask(result.false_mask.data(), result.false_mask.size());
  WriteFloats(result.log_remaining, encoding, response->mutable_log_remaining());
  WriteComponents(result.policy, result.drawn_by_component, response);
  WriteProgress(result.policy, request.rows, result.sample_time, response);
  WriteToken(result.snapshot, response->mutable_snapshot());
  response->set_seed(static_cast<int64_t>(request.rows.seed));
  WriteTimestamp(result.negatives_time, response->mutable_negatives_time());
  WriteTimestamp(result.default_as_of, response->mutable_as_of_time());
  response->set_kernel_id(std::string(KernelId()));
}

}  // namespace negatron
