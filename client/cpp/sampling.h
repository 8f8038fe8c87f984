// SPDX-License-Identifier: Apache-2.0
//
// The hot call as plain structs.
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
  std::optional<int64_t> seed;
  std::vector<v1::SampleOutput> outputs;  // Empty: log_q, log_q_source and components.
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
};

// The request in raw columns. INVALID_ARGUMENT if `query_dimension` does not divide `queries`.
absl::StatusOr<v1::SampleNegativesRequest> MakeRequest(const SampleRequest& request);

// The response as vectors. INTERNAL if it breaks its contract: a column of another length, string
// ids.
absl::StatusOr<SampleResult> ReadResponse(const v1::SampleNegativesResponse& response,
                                          int32_t negative_count);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_SAMPLING_H_
