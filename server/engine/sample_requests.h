// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_SAMPLE_REQUESTS_H_
#define NEGATRON_SERVER_ENGINE_SAMPLE_REQUESTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/engine/ids.h"
#include "server/sampling/policy.h"
#include "server/sampling/policy_plan.h"
#include "storage/base/uninitialized.h"
#include "storage/model/records.h"

// What callers ask of the engine when they sample, and what they get: plain
// columns, one entry a row. Field paths in errors are those of the protos.
namespace negatron {

struct SampleRequest {
  int64_t row_count = 0;
  int negative_count = 0;
  // Per-row columns: empty, or `row_count` long.
  std::optional<IdBatch> users;
  std::optional<IdBatch> positives;
  std::optional<IdBatch> exclusions;      // Ragged, with `exclusion_splits`.
  std::vector<int64_t> exclusion_splits;  // [row_count + 1] if `exclusions`.
  std::vector<Micros> as_of;              // Empty: `default_as_of` for every row.
  std::optional<Micros> default_as_of;    // Unset: the clock.
  std::vector<int64_t> row_keys;
  std::vector<uint8_t> cohorts;  // Empty: 0 for every row.
  int query_columns = 0;
  std::vector<float> queries;  // [row_count, query_columns], row-major.
  // What draws: `policy`; or if it is set `plan`, a good one with arms or turns; or if it is not
  // empty the stored policy of this name.
  Policy policy;
  std::shared_ptr<const PolicyPlan> plan;
  std::string policy_name;
  int64_t policy_version = 0;      // 0: the latest.
  std::optional<double> progress;  // In [0, 1].
  std::string controller_id;       // Whose output is the progress; empty: none.
  uint64_t seed = 0;

  // How fresh the vectors must be that rows draw by; see Freshness.
  int64_t min_model_version = 0;                // 0: any.
  std::optional<int64_t> max_staleness_micros;  // Positive; unset: any age.
  std::optional<Micros> staleness_as_of;        // That ages are told as of. Unset: the clock.

  // Optional columns of the result.
  bool want_log_q = true;
  bool want_log_q_source = true;
  bool want_components = true;
  bool want_scores = false;
  bool want_shares = false;
  bool want_rejects = false;
  bool want_expected_count = false;
  bool want_importance_weights = false;
  bool want_positive_log_q = false;
  bool want_boundaries = false;
  bool want_rejects_by_cause = false;
  bool want_all_rejects = false;
  bool want_tags = false;
  bool want_model_versions = false;
  bool want_vector_ages = false;
  bool want_arms = false;
  bool want_names = false;  // Ids of a string collection as strings.
};

struct SnapshotToken {
  int64_t incarnation = 0;
  int64_t commit_sequence = 0;
  int64_t generation = 0;      // Of the index; 0: searches are exact.
  int64_t policy_version = 0;  // Of the stored policy; 0: an inline one, or none.
};

// The policy as it was served. "Components" of results are these.
struct PolicyReport {
  std::string collection;
  // Of the stored policy; empty and 0: an inline one.
  std::string name;
  int64_t version = 0;
  Policy policy;  // Components of all arms and turns, with numbers instead of schedules.
  std::vector<uint8_t> has_schedules;   // One a component.
  std::vector<uint8_t> component_arms;  // One a component; index into:
  std::vector<std::string> arms;        // Empty without an experiment.
  PolicyLaws laws;                      // Of `policy`; of rows of all policies that are used.
  std::optional<double> progress;       // That was used, of the request or its controller.
};

// Where the time of a call went, by the engine's clock.
struct StageTimes {
  int64_t resolve_micros = 0;  // Ids to items and users.
  int64_t draw_micros = 0;
};

// Columns of [row_count * negative_count] draws, row-major, unless stated. A
// column that was not asked for is empty. Padding: id -1 or "", NaN, 255.
struct SampleResult {
  UninitializedVector<int64_t> ids;  // int64 ids, or dictionary numbers.
  std::vector<std::string> names;    // With want_names in a string collection.
  UninitializedVector<float> log_q;
  UninitializedVector<float> log_q_source;
  std::vector<uint8_t> components;
  std::vector<float> scores;
  std::vector<uint8_t> statuses;          // [row_count] RowStatus.
  std::vector<int64_t> drawn;             // [row_count], or empty if every row is full.
  std::vector<float> shares;              // [row_count, components].
  std::vector<int64_t> rejects;           // [row_count, 2]: excluded, dead.
  std::vector<int64_t> rejects_by_cause;  // [row_count, 4]: these, filtered, duplicate.
  std::vector<int64_t> all_rejects;       // [row_count, kRejectCauseCount].
  std::vector<uint8_t> tags;              // Sums of DrawTag.
  std::vector<float> expected_count;
  std::vector<float> importance_weights;
  std::vector<float> positive_log_q;        // [row_count].
  std::vector<int64_t> boundaries;          // [row_count, components]; 0: none.
  std::vector<int64_t> model_versions;      // Of draws by vectors; else -1.
  std::vector<float> vector_ages;           // In seconds, of draws by vectors; else NaN.
  std::vector<uint8_t> arms;                // [row_count]; empty without an experiment.
  std::vector<int64_t> drawn_by_component;  // [components], over the call.
  int64_t drawn_by_fallback = 0;
  PolicyReport policy;
  SnapshotToken snapshot;
  Micros sample_time = 0;  // By the server's clock.
  Micros default_as_of = 0;
  Micros staleness_as_of = 0;
  StageTimes stages;
};

// A block of negatives for all rows. See SampleSharedNegatives in sampling.proto.
struct SharedRequest {
  // Rows, policy, seed and `want_names`; `negative_count` is that of the block.
  // Row keys, cohorts, queries, freshness and the optional outputs are not used.
  SampleRequest rows;
  std::optional<Micros> negatives_time;  // Unset: the earliest row's as-of.
  uint64_t block_key = 0;
};

struct SharedResult {
  UninitializedVector<int64_t> ids;  // [negative_count], as in SampleResult.
  std::vector<std::string> names;
  std::vector<float> log_q;         // [negative_count].
  std::vector<uint8_t> components;  // [negative_count].
  // [row_count, ceil(negative_count / 8)], row-major; lowest bit first.
  std::vector<uint8_t> false_mask;
  std::vector<float> log_remaining;  // [row_count].
  std::vector<int64_t> drawn_by_component;
  PolicyReport policy;
  SnapshotToken snapshot;
  Micros sample_time = 0;  // By the server's clock.
  Micros default_as_of = 0;
  Micros negatives_time = 0;
  StageTimes stages;
};

// Vectors that GetCandidates returns hold at most this many values, each vector counting for at
// least kMinVectorValues: with ids, two log q, component and score they fit gRPC's default limit of
// 4 MiB.
inline constexpr int64_t kMaxCandidateValues = 524288;
inline constexpr int kMinVectorValues = 8;

// Candidates for rows. See GetCandidates in sampling.proto.
struct CandidateRequest {
  SampleRequest sample;                          // `policy.unique` and `want_scores` count as set.
  NearestAnchor anchor = NearestAnchor::kQuery;  // What candidates are scored against.
  bool want_candidate_vectors = false;
  bool want_positive_vectors = false;
};

struct CandidateResult {
  SampleResult sample;  // Rows by score, highest first; unscored last, NaN.
  // As stored; NaN where there is none that is fresh. Empty if not asked for.
  std::vector<float> candidate_vectors;  // [row_count, negative_count, dimension].
  std::vector<float> positive_vectors;   // [row_count, dimension].
  int dimension = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_SAMPLE_REQUESTS_H_
