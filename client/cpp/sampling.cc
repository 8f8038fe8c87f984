// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/sampling.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "proto/cc/status.h"

namespace negatron::client {
namespace {

constexpr int64_t kRejectCauses = 4;  // Columns of `rejects_by_cause`.

void PutIds(const IdSpan& ids, v1::IdColumn* column) {
  if (const auto* names = std::get_if<std::span<const std::string>>(&ids)) {
    WriteNames(*names, column);
  } else {
    WriteIds(std::get<std::span<const int64_t>>(ids), v1::COLUMN_ENCODING_RAW, column);
  }
}

absl::Status PutQueries(const SampleRequest& from, v1::SampleNegativesRequest* to) {
  if (from.queries.empty()) return absl::OkStatus();
  const size_t dimension = static_cast<size_t>(from.query_dimension);
  if (from.query_dimension < 1 || from.queries.size() % dimension != 0) {
    return BadFieldError(
        "queries", absl::StrCat("has ", from.queries.size(),
                                " values, not a multiple of the dimension ", from.query_dimension));
  }
  WriteMatrix(from.queries, static_cast<int32_t>(from.queries.size() / dimension),
              from.query_dimension, v1::COLUMN_ENCODING_RAW, to->mutable_queries());
  return absl::OkStatus();
}

void PutTime(absl::Time from, google::protobuf::Timestamp* to) {
  const int64_t micros = absl::ToUnixMicros(from);
  const int64_t seconds = absl::ToUnixSeconds(from);
  to->set_seconds(seconds);
  to->set_nanos(static_cast<int32_t>((micros - seconds * 1'000'000) * 1000));
}

absl::Time GetTime(const google::protobuf::Timestamp& from) {
  return absl::FromUnixSeconds(from.seconds()) + absl::Nanoseconds(from.nanos());
}

// What both kinds of requests have.
template <typename From, typename To>
void PutRows(const From& from, To* to) {
  to->set_collection(from.collection);
  to->set_negative_count(from.negative_count);
  to->set_row_count(from.row_count);
  if (IdCount(from.user_ids) > 0) PutIds(from.user_ids, to->mutable_user_ids());
  if (IdCount(from.positive_ids) > 0) PutIds(from.positive_ids, to->mutable_positive_ids());
  if (!from.exclusion_splits.empty()) {
    PutIds(from.exclusions, to->mutable_exclusions()->mutable_ids());
    WriteInt64s(from.exclusion_splits, v1::COLUMN_ENCODING_RAW,
                to->mutable_exclusions()->mutable_row_splits());
  }
  if (!from.as_of_micros.empty()) {
    WriteInt64s(from.as_of_micros, v1::COLUMN_ENCODING_RAW, to->mutable_as_of_micros());
  }
  if (from.as_of_time.has_value()) PutTime(*from.as_of_time, to->mutable_as_of_time());
  if (from.policy_name.empty()) {
    *to->mutable_policy() = from.policy;
  } else {
    to->set_policy_name(from.policy_name);
  }
  if (from.progress.has_value()) to->set_progress(*from.progress);
  to->set_controller(from.controller);
  if (from.seed.has_value()) to->set_seed(*from.seed);
  to->set_encoding(v1::COLUMN_ENCODING_RAW);
}

void PutFreshness(const SampleRequest& from, v1::SampleNegativesRequest* to) {
  to->set_min_model_version(from.min_model_version);
  if (from.max_staleness.has_value()) {
    absl::Duration rest;
    to->mutable_max_staleness()->set_seconds(
        absl::IDivDuration(*from.max_staleness, absl::Seconds(1), &rest));
    to->mutable_max_staleness()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Microseconds(rest) * 1000));
  }
  if (from.staleness_as_of_time.has_value()) {
    PutTime(*from.staleness_as_of_time, to->mutable_staleness_as_of_time());
  }
}

// What both kinds of responses tell of the call.
template <typename Response, typename Result>
void TakeReport(const Response& response, Result* result) {
  result->components.assign(response.components().begin(), response.components().end());
  result->law_kind = response.law_kind();
  result->snapshot = response.snapshot();
  result->seed = response.seed();
  result->as_of_time = GetTime(response.as_of_time());
  result->kernel_id = response.kernel_id();
  result->policy_name = response.policy_name();
  if (response.has_progress()) result->progress = response.progress();
  if (response.has_progress_time()) result->progress_time = GetTime(response.progress_time());
}

// Moves `values` to `out` if there are as many as `want`; none are fine if the column is optional.
template <typename T>
absl::Status Take(absl::StatusOr<std::vector<T>> values, absl::string_view field, int64_t want,
                  bool optional, std::vector<T>* out) {
  if (!values.ok()) return absl::InternalError(values.status().message());
  const auto size = static_cast<int64_t>(values->size());
  if (size != want && !(optional && size == 0)) {
    return absl::InternalError(
        absl::StrCat("the server returned ", size, " values in `", field, "`, not ", want));
  }
  *out = *std::move(values);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::SampleNegativesRequest> MakeRequest(const SampleRequest& from) {
  v1::SampleNegativesRequest to;
  PutRows(from, &to);
  if (!from.row_keys.empty()) {
    WriteInt64s(from.row_keys, v1::COLUMN_ENCODING_RAW, to.mutable_row_keys());
  }
  if (absl::Status status = PutQueries(from, &to); !status.ok()) return status;
  for (const v1::SampleOutput output : from.outputs) to.add_outputs(output);
  if (!from.cohorts.empty()) {
    WriteBytes(from.cohorts, v1::COLUMN_ENCODING_RAW, to.mutable_cohorts());
  }
  PutFreshness(from, &to);
  return to;
}

absl::StatusOr<v1::GetCandidatesRequest> MakeRequest(const CandidateRequest& from) {
  v1::GetCandidatesRequest to;
  absl::StatusOr<v1::SampleNegativesRequest> sample = MakeRequest(from.sample);
  if (!sample.ok()) return sample.status();
  *to.mutable_sample() = *std::move(sample);
  to.set_anchor(from.anchor);
  to.set_include_candidate_vectors(from.want_candidate_vectors);
  to.set_include_positive_vectors(from.want_positive_vectors);
  return to;
}

v1::SampleSharedNegativesRequest MakeRequest(const SharedRequest& from) {
  v1::SampleSharedNegativesRequest to;
  PutRows(from, &to);
  if (from.negatives_time.has_value()) {
    PutTime(*from.negatives_time, to.mutable_negatives_time());
  }
  to.set_block_key(from.block_key);
  return to;
}

absl::StatusOr<SampleResult> ReadResponse(const v1::SampleNegativesResponse& response,
                                          int32_t negative_count) {
  SampleResult result;
  result.row_count = ColumnSize(response.row_statuses());
  result.negative_count = negative_count;
  const int64_t rows = result.row_count;
  const int64_t draws = rows * negative_count;
  const int64_t components = response.components_size();
  absl::Status status =
      Take(ReadIds(response.item_ids(), "item_ids"), "item_ids", draws, false, &result.item_ids);
  status.Update(Take(ReadFloats(response.log_q(), "log_q"), "log_q", draws, true, &result.log_q));
  status.Update(Take(ReadFloats(response.log_q_source(), "log_q_source"), "log_q_source", draws,
                     true, &result.log_q_source));
  status.Update(Take(ReadBytes(response.component_indexes(), "component_indexes"),
                     "component_indexes", draws, true, &result.component_indexes));
  status.Update(
      Take(ReadFloats(response.scores(), "scores"), "scores", draws, true, &result.scores));
  status.Update(Take(ReadBytes(response.row_statuses(), "row_statuses"), "row_statuses", rows,
                     false, &result.row_statuses));
  status.Update(Take(ReadInt64s(response.drawn_counts(), "drawn_counts"), "drawn_counts", rows,
                     true, &result.drawn_counts));
  status.Update(Take(ReadFloats(response.effective_shares(), "effective_shares"),
                     "effective_shares", rows * components, true, &result.effective_shares));
  status.Update(Take(ReadInt64s(response.reject_counts(), "reject_counts"), "reject_counts",
                     rows * 2, true, &result.reject_counts));
  status.Update(Take(ReadFloats(response.expected_counts(), "expected_counts"), "expected_counts",
                     draws, true, &result.expected_counts));
  status.Update(Take(ReadFloats(response.importance_weights(), "importance_weights"),
                     "importance_weights", draws, true, &result.importance_weights));
  status.Update(Take(ReadFloats(response.positive_log_q(), "positive_log_q"), "positive_log_q",
                     rows, true, &result.positive_log_q));
  status.Update(Take(
      ReadInt64s(response.popularity_boundary_micros(), "popularity_boundary_micros"),
      "popularity_boundary_micros", rows * components, true, &result.popularity_boundary_micros));
  status.Update(Take(ReadInt64s(response.rejects_by_cause(), "rejects_by_cause"),
                     "rejects_by_cause", rows * kRejectCauses, true, &result.rejects_by_cause));
  status.Update(Take(ReadInt64s(response.model_versions(), "model_versions"), "model_versions",
                     draws, true, &result.model_versions));
  status.Update(Take(ReadFloats(response.embedding_age_seconds(), "embedding_age_seconds"),
                     "embedding_age_seconds", draws, true, &result.embedding_age_seconds));
  status.Update(Take(ReadBytes(response.tags(), "tags"), "tags", draws, true, &result.tags));
  result.reject_cause_count = response.reject_cause_count();
  status.Update(Take(ReadInt64s(response.rejects_by_all_causes(), "rejects_by_all_causes"),
                     "rejects_by_all_causes", rows * result.reject_cause_count, true,
                     &result.rejects_by_all_causes));
  status.Update(Take(ReadBytes(response.arm_indexes(), "arm_indexes"), "arm_indexes", rows, true,
                     &result.arm_indexes));
  if (!status.ok()) return status;
  TakeReport(response, &result);
  result.arm_names.assign(response.arm_names().begin(), response.arm_names().end());
  result.staleness_as_of_time = GetTime(response.staleness_as_of_time());
  return result;
}

absl::StatusOr<CandidateResult> ReadResponse(const v1::GetCandidatesResponse& response,
                                             int32_t candidate_count) {
  absl::StatusOr<SampleResult> sample = ReadResponse(response.sample(), candidate_count);
  if (!sample.ok()) return sample.status();
  CandidateResult result;
  result.sample = *std::move(sample);
  const int64_t rows = result.sample.row_count;
  absl::Status status;
  const auto take = [&](const v1::FloatMatrix& matrix, absl::string_view field, int64_t vectors,
                        std::vector<float>* out) {
    result.dimension = std::max(result.dimension, matrix.column_count());
    status.Update(Take(ReadFloats(matrix.values(), field), field, vectors * matrix.column_count(),
                       false, out));
  };
  if (response.has_candidate_vectors()) {
    take(response.candidate_vectors(), "candidate_vectors.values", rows * candidate_count,
         &result.candidate_vectors);
  }
  if (response.has_positive_vectors()) {
    take(response.positive_vectors(), "positive_vectors.values", rows, &result.positive_vectors);
  }
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<SharedResult> ReadResponse(const v1::SampleSharedNegativesResponse& response,
                                          int32_t negative_count) {
  SharedResult result;
  result.row_count = ColumnSize(response.log_remaining());
  result.negative_count = negative_count;
  absl::Status status = Take(ReadIds(response.item_ids(), "item_ids"), "item_ids", negative_count,
                             false, &result.item_ids);
  status.Update(
      Take(ReadFloats(response.log_q(), "log_q"), "log_q", negative_count, false, &result.log_q));
  status.Update(Take(ReadBytes(response.component_indexes(), "component_indexes"),
                     "component_indexes", negative_count, false, &result.component_indexes));
  status.Update(Take(ReadFloats(response.log_remaining(), "log_remaining"), "log_remaining",
                     result.row_count, false, &result.log_remaining));
  if (!status.ok()) return status;
  const int64_t mask_bytes = result.row_count * ((int64_t{negative_count} + 7) / 8);
  if (static_cast<int64_t>(response.false_mask().size()) != mask_bytes) {
    return absl::InternalError(absl::StrCat("the server returned ", response.false_mask().size(),
                                            " bytes in `false_mask`, not ", mask_bytes));
  }
  result.false_mask = response.false_mask();
  result.negatives_time = GetTime(response.negatives_time());
  TakeReport(response, &result);
  return result;
}

}  // namespace negatron::client
