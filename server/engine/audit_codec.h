// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_AUDIT_CODEC_H_
#define NEGATRON_SERVER_ENGINE_AUDIT_CODEC_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/engine/ids.h"
#include "server/engine/sample_requests.h"
#include "storage/base/status.h"

// The body of an audit's record; `storage/FORMAT.md` is the reference.
//
// Thread-safety: all functions are thread-safe.
namespace negatron {

// A sampling call as it is kept: with all that the server chose in it.
struct AuditedCall {
  // Its `plan` is set, whether or not it names a stored policy, and `default_as_of`, whether or not
  // it has `as_of`.
  SampleRequest request;
  SampleResult result;     // The columns, and what was drawn by whom.
  int64_t item_count = 0;  // Of the catalogue that it saw: laws depend on it.
  // Of GetCandidates; 0: of SampleNegatives.
  uint8_t anchor = 0;
  bool want_candidate_vectors = false;
  bool want_positive_vectors = false;
  // Checksums of vectors, which are not kept.
  uint64_t candidate_vectors = 0;
  uint64_t positive_vectors = 0;
  // Of SampleSharedNegatives: what it has beside the rows and the columns of `result`.
  bool shared = false;
  std::optional<Micros> negatives_time = std::nullopt;
  uint64_t block_key = 0;
  std::vector<uint8_t> false_mask = {};
  std::vector<float> log_remaining = {};

  // Of a call of GetCandidates.
  CandidateRequest candidates() const;
  void TakeAsked(const CandidateRequest& candidates);
  void TakeVectors(const CandidateResult& candidates);

  // Of a call of SampleSharedNegatives.
  SharedRequest shared_request() const;
  SharedResult shared_result() const;
  // Takes the request but its rows, with the time that the server chose, and the result.
  void TakeShared(const SharedRequest& block, const SharedResult& drawn);
};

// `plan`, `request` and `result` take the place of those of `call`, which are not read; what the
// request left open is told by the result. Costs about a copy of the columns. Errors: those of
// EncodePlan.
absl::StatusOr<std::string> EncodeAudit(const AuditedCall& call, const PolicyPlan& plan,
                                        const SampleRequest& request, const SampleResult& result);

// DATA_LOSS if the bytes are not those of a call.
absl::StatusOr<AuditedCall> DecodeAudit(absl::string_view body);

// The users that a call names; nothing if it names none. Errors as above.
absl::StatusOr<std::optional<IdBatch>> DecodeAuditUsers(absl::string_view body);

// Where two results differ.
struct ColumnDifference {
  std::string column;  // By its name in the response.
  int64_t index = 0;   // Of an entry; -1: not known.
  std::string kept;
  std::string replayed;
};
// The first that differs in its bytes; nothing if all are equal.
std::optional<ColumnDifference> FirstDifference(const AuditedCall& kept, const AuditedCall& drawn);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_AUDIT_CODEC_H_
