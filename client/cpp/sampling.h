// SPDX-License-Identifier: Apache-2.0
//
// The calls that draw negatives, as plain structs.
#ifndef NEGATRON_CLIENT_CPP_SAMPLING_H_
#define NEGATRON_CLIENT_CPP_SAMPLING_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/cpp/writes.h"
#include "negatron/v1/sampling.pb.h"

namespace negatron::client {

// What to sample; `negatron.v1.SampleNegativesRequest` has the full contract. Columns that are not
// empty have one entry a row. Spans borrow until the call returns.
struct SampleRequest {
  std::string collection;      // `collections/{id}`.
  int32_t negative_count = 0;  // A row; rows * negative_count is at most 131,072.
  int32_t row_count = 0;       // Needed if there is no column.
  IdSpan user_ids;
  IdSpan positive_ids;

  // Further items that row r must not get: exclusions [exclusion_splits[r], exclusion_splits[r+1]).
  IdSpan exclusions;
  std::span<const int64_t> exclusion_splits;  // Rows + 1, or empty.

  std::span<const int64_t> as_of_micros;  // Microseconds since the Unix epoch.
  std::optional<absl::Time> as_of_time;   // Of all rows, instead. Default: the server's clock.
  std::span<const int64_t> row_keys;

  std::span<const float> queries;  // [rows, query_dimension], row-major.
  int32_t query_dimension = 0;

  v1::Policy policy;
  // If not empty, a stored policy instead: `collections/{id}/policies/{id}`, perhaps with
  // `@{version}`.
  std::string policy_name;
  std::optional<double> progress;  // Of the training, in [0, 1]; for policies that follow it.
  std::string controller;          // Whose output is the progress, instead; a full name.
  std::optional<int64_t> seed;
  std::vector<v1::SampleOutput> outputs;  // Empty: log_q, log_q_source and components.
  std::span<const uint8_t> cohorts;       // For `within_cohort`. Empty: 0 for each row.

  // What sources that score items demand of embeddings.
  int64_t min_model_version = 0;                   // 0: any.
  std::optional<absl::Duration> max_staleness;     // Positive. Unset: any age.
  std::optional<absl::Time> staleness_as_of_time;  // Default: the server's clock.
};

// What was drawn. `[rows, negative_count]`, row-major, unless stated; a column that was not asked
// for is empty. In a short row the real draws come first, then padding: id -1, NaN, component 255.
struct SampleResult {
  int64_t row_count = 0;
  int64_t negative_count = 0;
  std::vector<int64_t> item_ids;  // In a collection with string ids: dictionary numbers.
  std::vector<float> log_q;
  std::vector<float> log_q_source;
  std::vector<uint8_t> component_indexes;
  std::vector<float> scores;
  std::vector<uint8_t> row_statuses;    // [rows], of v1::RowStatus.
  std::vector<int64_t> drawn_counts;    // [rows]; empty if every row is full.
  std::vector<float> effective_shares;  // [rows, components].
  std::vector<int64_t> reject_counts;   // [rows, 2]: excluded, dead.
  std::vector<v1::ComponentReport> components;
  v1::LawKind law_kind = v1::LAW_KIND_UNSPECIFIED;  // Of log_q.
  v1::SnapshotToken snapshot;
  int64_t seed = 0;
  absl::Time as_of_time;  // Of the rows without one of their own.
  std::string kernel_id;
  std::vector<float> expected_counts;     // How often the drawn item was to be expected in its row.
  std::vector<float> importance_weights;  // Inverse propensities of exposures; else 1.
  std::vector<float> positive_log_q;      // [rows], of the row's positive.
  std::vector<int64_t> popularity_boundary_micros;  // [rows, components].
  std::vector<int64_t> rejects_by_cause;            // [rows, 4], from REJECT_CAUSE_EXCLUDED on.
  std::vector<int64_t> model_versions;       // Of what draws were scored by; -1 without a score.
  std::vector<float> embedding_age_seconds;  // The same; NaN without a score.
  absl::Time staleness_as_of_time;           // That ages are told as of.
  std::vector<uint8_t> tags;                 // Sums of v1::DrawTag; 0 for padding.
  // [rows, reject_cause_count], from REJECT_CAUSE_EXCLUDED on.
  std::vector<int64_t> rejects_by_all_causes;
  int64_t reject_cause_count = 0;
  std::string policy_name;         // Of the stored policy, with its version; empty: the inline one.
  std::optional<double> progress;  // That was used, of the request or its controller,
  std::optional<absl::Time> progress_time;  // and when; only with a controller.
  std::vector<uint8_t> arm_indexes;         // [rows], into:
  std::vector<std::string> arm_names;       // Arms of the policy's experiment.
};

// One block of negatives for all rows; `negatron.v1.SampleSharedNegativesRequest` has the full
// contract. Columns as in SampleRequest.
struct SharedRequest {
  std::string collection;      // `collections/{id}`.
  int32_t negative_count = 0;  // Of the block, K; rows * K is at most 16,777,216.
  int32_t row_count = 0;       // Needed if there is no column.
  IdSpan user_ids;
  IdSpan positive_ids;
  IdSpan exclusions;
  std::span<const int64_t> exclusion_splits;
  std::span<const int64_t> as_of_micros;
  std::optional<absl::Time> as_of_time;
  std::optional<absl::Time> negatives_time;  // When they are drawn. Default: the earliest as-of.
  v1::Policy policy;                         // Of `uniform` and `popularity`.
  std::string policy_name;                   // As in SampleRequest.
  std::optional<double> progress;            // As in SampleRequest.
  std::string controller;                    // As in SampleRequest.
  std::optional<int64_t> seed;
  int64_t block_key = 0;  // The number of the training step, say.
};

// The block, [K] unless stated, and what is false in it.
struct SharedResult {
  int64_t row_count = 0;
  int64_t negative_count = 0;
  std::vector<int64_t> item_ids;  // In a collection with string ids: dictionary numbers.
  std::vector<float> log_q;       // At `negatives_time`, without exclusions.
  std::vector<uint8_t> component_indexes;
  std::string false_mask;            // [rows, ceil(K / 8)]; IsFalse reads it.
  std::vector<float> log_remaining;  // [rows]; log_q - log_remaining: among what is not false.
  std::vector<v1::ComponentReport> components;
  v1::LawKind law_kind = v1::LAW_KIND_UNSPECIFIED;
  v1::SnapshotToken snapshot;
  int64_t seed = 0;
  absl::Time negatives_time;
  absl::Time as_of_time;  // Of the rows without one of their own.
  std::string kernel_id;
  std::string policy_name;  // These as in SampleResult.
  std::optional<double> progress;
  std::optional<absl::Time> progress_time;

  // Whether negative k is excluded or dead for the row, and so no negative of it.
  bool IsFalse(int64_t row, int64_t k) const {
    const auto byte = static_cast<size_t>(row * ((negative_count + 7) / 8) + k / 8);
    return ((static_cast<uint8_t>(false_mask[byte]) >> (k % 8)) & 1) != 0;
  }
};

// Distinct candidates for rows, scored and ranked; `negatron.v1.GetCandidates` has the full
// contract.
struct CandidateRequest {
  SampleRequest sample;  // `negative_count` is that of the candidates of a row.
  v1::NearestAnchor anchor = v1::NEAREST_ANCHOR_QUERY;  // What candidates are scored against.
  // A call returns at most 524,288 values of vectors, each of which counts for at least 8.
  bool want_candidate_vectors = false;
  bool want_positive_vectors = false;
};

struct CandidateResult {
  SampleResult sample;    // Rows by score, highest first; NaN last. Scores are always there.
  int32_t dimension = 0;  // 0 if no vectors were asked for.
  std::vector<float> candidate_vectors;  // [rows, candidates, dimension]; NaN where there is none.
  std::vector<float> positive_vectors;   // [rows, dimension]; the same.
};

// The request in raw columns. INVALID_ARGUMENT if `query_dimension` does not divide `queries`.
absl::StatusOr<v1::SampleNegativesRequest> MakeRequest(const SampleRequest& request);
absl::StatusOr<v1::GetCandidatesRequest> MakeRequest(const CandidateRequest& request);
v1::SampleSharedNegativesRequest MakeRequest(const SharedRequest& request);

// The response as vectors. INTERNAL if it breaks its contract: a column of another length, string
// ids.
absl::StatusOr<SampleResult> ReadResponse(const v1::SampleNegativesResponse& response,
                                          int32_t negative_count);
absl::StatusOr<CandidateResult> ReadResponse(const v1::GetCandidatesResponse& response,
                                             int32_t candidate_count);
absl::StatusOr<SharedResult> ReadResponse(const v1::SampleSharedNegativesResponse& response,
                                          int32_t negative_count);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_SAMPLING_H_
