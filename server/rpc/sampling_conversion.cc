// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/sampling_conversion.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "server/rpc/column_readers.h"
#include "server/rpc/policy_conversion.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/status_conversion.h"
#include "server/rpc/times.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

// Agrees on one number of rows over all columns that are given.
class RowCounter {
 public:
  RowCounter(int32_t row_count, Violations* violations)
      : rows_(row_count), known_(row_count != 0), violations_(violations) {
    if (row_count < 0) violations->Add("row_count", "is negative");
  }

  void Column(absl::string_view field, bool given, int64_t size) {
    if (!given) return;
    if (!known_) {
      rows_ = size;
      known_ = true;
    } else if (rows_ != size) {
      violations_->Add(field, absl::StrCat("has ", size, " rows, but the call has ", rows_));
    }
  }

  // The rows of the call.
  int64_t Finish() {
    if (rows_ == 0) {
      violations_->Add("row_count", known_ ? "the columns have no rows; at least 1 is needed"
                                           : "is required if no column is given");
    }
    return rows_;
  }

 private:
  int64_t rows_;
  bool known_;
  Violations* const violations_;
};

// Reports columns that are no whole number of values, which have no length.
template <typename Request>
void CheckRowForms(const Request& wire, Violations* violations) {
  const auto check_ids = [&](const v1::IdColumn& column, absl::string_view field) {
    if (!column.has_names()) AddBadFields(ViewIds(column, field).status(), violations);
  };
  const auto check_numbers = [&](const v1::Int64Column& column, absl::string_view field) {
    AddBadFields(ViewInt64s(column, field).status(), violations);
  };
  check_ids(wire.user_ids(), "user_ids");
  check_ids(wire.positive_ids(), "positive_ids");
  check_ids(wire.exclusions().ids(), "exclusions.ids");
  check_numbers(wire.exclusions().row_splits(), "exclusions.row_splits");
  check_numbers(wire.as_of_micros(), "as_of_micros");
}

void CheckForms(const v1::SampleNegativesRequest& wire, Violations* violations) {
  CheckRowForms(wire, violations);
  AddBadFields(ViewInt64s(wire.row_keys(), "row_keys").status(), violations);
  AddBadFields(ViewMatrix(wire.queries(), "queries").status(), violations);
}

// The columns that both methods have.
template <typename Request>
void CountRows(const Request& request, RowCounter* counter) {
  RowCounter& rows = *counter;
  rows.Column("user_ids", request.has_user_ids(), ColumnSize(request.user_ids()));
  rows.Column("positive_ids", request.has_positive_ids(), ColumnSize(request.positive_ids()));
  // Splits without an entry are reported when they are read.
  const int64_t splits = ColumnSize(request.exclusions().row_splits());
  rows.Column("exclusions.row_splits", request.has_exclusions() && splits > 0, splits - 1);
  rows.Column("as_of_micros", request.has_as_of_micros(), ColumnSize(request.as_of_micros()));
}

int64_t ReadRowCount(const v1::SampleNegativesRequest& request, Violations* violations) {
  RowCounter rows(request.row_count(), violations);
  CountRows(request, &rows);
  rows.Column("row_keys", request.has_row_keys(), ColumnSize(request.row_keys()));
  rows.Column("cohorts", request.has_cohorts(), ColumnSize(request.cohorts()));
  rows.Column("queries", request.has_queries(), request.queries().row_count());
  return rows.Finish();
}

void ReadExclusions(const v1::RaggedIdColumn& wire, SampleRequest* request,
                    Violations* violations) {
  request->exclusions = ReadIds(wire.ids(), "exclusions.ids", violations);
  request->exclusion_splits =
      ReadSplits(wire.row_splits(), request->row_count, "exclusions.row_splits", violations);
  if (!violations->empty()) return;
  if (request->exclusion_splits.back() != request->exclusions->size()) {
    violations->AddRow("exclusions.row_splits", request->row_count,
                       absl::StrCat("is ", request->exclusion_splits.back(), ", but there are ",
                                    request->exclusions->size(), " ids"));
  }
}

template <typename Request>
void ReadAsOf(const Request& wire, SampleRequest* request, Violations* violations) {
  if (wire.has_as_of_micros()) {
    request->as_of = ReadTimes(wire.as_of_micros(), "as_of_micros", violations);
  }
  if (!wire.has_as_of_time()) return;
  if (wire.has_as_of_micros()) {
    violations->Add("as_of_time", "is refused together with `as_of_micros`");
  }
  request->default_as_of = ReadTimestamp(wire.as_of_time(), "as_of_time", violations);
}

template <typename Request>
void ReadRowColumns(const Request& wire, SampleRequest* request, Violations* violations) {
  if (wire.has_user_ids()) request->users = ReadIds(wire.user_ids(), "user_ids", violations);
  if (wire.has_positive_ids()) {
    request->positives = ReadIds(wire.positive_ids(), "positive_ids", violations);
  }
  if (wire.has_exclusions()) ReadExclusions(wire.exclusions(), request, violations);
  ReadAsOf(wire, request, violations);
}

void ReadColumns(const v1::SampleNegativesRequest& wire, SampleRequest* request,
                 Violations* violations) {
  ReadRowColumns(wire, request, violations);
  if (wire.has_row_keys()) {
    request->row_keys = ReadColumn(wire.row_keys(), "row_keys", violations);
  }
  if (wire.has_cohorts()) {
    request->cohorts = ReadColumn(wire.cohorts(), "cohorts", violations);
  }
  if (wire.has_queries()) {
    request->query_columns = wire.queries().column_count();
    request->queries = ReadVectors(wire.queries(), request->row_count, "queries", violations);
  }
}

void ReadOutputs(const v1::SampleNegativesRequest& wire, SampleRequest* request,
                 Violations* violations) {
  request->want_names = wire.encoding() == v1::COLUMN_ENCODING_TYPED;
  if (wire.outputs().empty()) return;
  request->want_log_q = request->want_log_q_source = request->want_components = false;
  for (int i = 0; i < wire.outputs_size(); ++i) {
    switch (wire.outputs(i)) {
      case v1::SAMPLE_OUTPUT_LOG_Q:
        request->want_log_q = true;
        break;
      case v1::SAMPLE_OUTPUT_LOG_Q_SOURCE:
        request->want_log_q_source = true;
        break;
      case v1::SAMPLE_OUTPUT_COMPONENT:
        request->want_components = true;
        break;
      case v1::SAMPLE_OUTPUT_SCORE:
        request->want_scores = true;
        break;
      case v1::SAMPLE_OUTPUT_EFFECTIVE_SHARES:
        request->want_shares = true;
        break;
      case v1::SAMPLE_OUTPUT_REJECTS:
        request->want_rejects = true;
        break;
      case v1::SAMPLE_OUTPUT_EXPECTED_COUNT:
        request->want_expected_count = true;
        break;
      case v1::SAMPLE_OUTPUT_IMPORTANCE_WEIGHT:
        request->want_importance_weights = true;
        break;
      case v1::SAMPLE_OUTPUT_POSITIVE_LOG_Q:
        request->want_positive_log_q = true;
        break;
      case v1::SAMPLE_OUTPUT_POPULARITY_BOUNDARY:
        request->want_boundaries = true;
        break;
      case v1::SAMPLE_OUTPUT_REJECTS_BY_CAUSE:
        request->want_rejects_by_cause = true;
        break;
      case v1::SAMPLE_OUTPUT_REJECTS_BY_ALL_CAUSES:
        request->want_all_rejects = true;
        break;
      case v1::SAMPLE_OUTPUT_TAGS:
        request->want_tags = true;
        break;
      case v1::SAMPLE_OUTPUT_MODEL_VERSION:
        request->want_model_versions = true;
        break;
      case v1::SAMPLE_OUTPUT_EMBEDDING_AGE:
        request->want_vector_ages = true;
        break;
      case v1::SAMPLE_OUTPUT_ARM:
        request->want_arms = true;
        break;
      case v1::SAMPLE_OUTPUT_NONE:
        if (wire.outputs_size() > 1) {
          violations->AddRow("outputs", i, "`SAMPLE_OUTPUT_NONE` must be the sole entry");
        }
        break;
      default:
        violations->AddRow("outputs", i, "is not a known output");
    }
  }
}

void ReadFreshness(const v1::SampleNegativesRequest& wire, SampleRequest* request,
                   Violations* violations) {
  request->min_model_version = wire.min_model_version();
  if (wire.has_max_staleness()) {
    request->max_staleness_micros = ReadDuration(wire.max_staleness(), "max_staleness", violations);
  }
  if (wire.has_staleness_as_of_time()) {
    request->staleness_as_of =
        ReadTimestamp(wire.staleness_as_of_time(), "staleness_as_of_time", violations);
  }
}

template <typename Request>
void ReadController(const Request& wire, SampleRequest* request, Violations* violations) {
  if (wire.controller().empty()) return;
  const ControllerName name = ReadControllerName(wire.controller(), "controller", violations);
  if (!name.controller.empty() && CollectionName(name.collection) != wire.collection()) {
    violations->Add("controller", "must be of the collection that is sampled");
  }
  request->controller_id = name.controller;
}

// What draws, in the requests of both methods.
template <typename Request>
void ReadWhatDraws(const Request& wire, SampleRequest* request, Violations* violations) {
  if (wire.has_progress()) request->progress = wire.progress();
  ReadController(wire, request, violations);
  if (wire.policy_name().empty()) {
    if (IsPlan(wire.policy())) {
      request->plan = std::make_shared<const PolicyPlan>(ReadPlan(wire.policy(), violations));
    } else {
      request->policy = ReadPolicy(wire.policy(), violations);
    }
    return;
  }
  if (wire.has_policy()) {
    violations->Add("policy_name", "is refused together with `policy`");
  }
  const PolicyName name =
      ReadPolicyName(wire.policy_name(), "policy_name", /*pinnable=*/true, violations);
  if (!name.policy.empty() && CollectionName(name.collection) != wire.collection()) {
    violations->Add("policy_name", "must be of the collection that is sampled");
  }
  request->policy_name = name.policy;
  request->policy_version = name.version;
}

// Sizes are bounded before columns are read.
void CheckCells(const SampleRequest& request, int64_t max_cells, Violations* violations) {
  if (request.negative_count < 1 || request.negative_count > kMaxDraws) {
    violations->Add("negative_count",
                    absl::StrCat("is ", request.negative_count, ", not in [1, ", kMaxDraws, "]"));
  } else if (request.row_count > max_cells / request.negative_count) {
    violations->Add("negative_count",
                    absl::StrCat(request.row_count, " rows * ", request.negative_count,
                                 " negatives pass the limit of ", max_cells,
                                 " draws a call; send the batch in several calls"));
  }
}

}  // namespace

SampleRequest ReadSampleRequest(const v1::SampleNegativesRequest& wire, Violations* violations) {
  SampleRequest request;
  CheckForms(wire, violations);
  if (!violations->empty()) return request;
  request.negative_count = wire.negative_count();
  request.row_count = ReadRowCount(wire, violations);
  CheckCells(request, kMaxDraws, violations);
  CheckEncoding(wire.encoding(), violations);
  ReadOutputs(wire, &request, violations);
  ReadFreshness(wire, &request, violations);
  ReadWhatDraws(wire, &request, violations);
  // Lengths agree from here on, and sizes are bounded.
  if (!violations->empty()) return request;
  ReadColumns(wire, &request, violations);
  request.seed = static_cast<uint64_t>(wire.seed());
  return request;
}

SharedRequest ReadSharedRequest(const v1::SampleSharedNegativesRequest& wire,
                                Violations* violations) {
  SharedRequest request;
  CheckRowForms(wire, violations);
  if (!violations->empty()) return request;
  SampleRequest& rows = request.rows;
  rows.negative_count = wire.negative_count();
  RowCounter counter(wire.row_count(), violations);
  CountRows(wire, &counter);
  rows.row_count = counter.Finish();
  CheckCells(rows, kMaxSharedCells, violations);
  if (rows.row_count > kMaxDraws) {
    violations->Add("row_count", absl::StrCat("at most ", kMaxDraws, " rows a call"));
  }
  CheckEncoding(wire.encoding(), violations);
  rows.want_names = wire.encoding() == v1::COLUMN_ENCODING_TYPED;
  ReadWhatDraws(wire, &rows, violations);
  if (wire.has_negatives_time()) {
    request.negatives_time = ReadTimestamp(wire.negatives_time(), "negatives_time", violations);
  }
  if (!violations->empty()) return request;
  ReadRowColumns(wire, &rows, violations);
  rows.seed = static_cast<uint64_t>(wire.seed());
  request.block_key = static_cast<uint64_t>(wire.block_key());
  return request;
}

CandidateRequest ReadCandidateRequest(const v1::GetCandidatesRequest& wire, Violations* violations,
                                      Violations* sample_violations) {
  CandidateRequest request;
  request.sample = ReadSampleRequest(wire.sample(), sample_violations);
  request.anchor = ReadAnchor(wire.anchor(), "anchor", violations);
  request.want_candidate_vectors = wire.include_candidate_vectors();
  request.want_positive_vectors = wire.include_positive_vectors();
  return request;
}

}  // namespace negatron
