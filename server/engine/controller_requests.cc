// SPDX-License-Identifier: Apache-2.0
#include "server/engine/controller_requests.h"

#include <bit>
#include <initializer_list>

#include "storage/base/fingerprint.h"
#include "storage/base/philox.h"
#include "storage/base/status.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

// Distinguish kinds of requests, as in write_checks.cc.
constexpr uint64_t kPutSeed = 9;
constexpr uint64_t kDeleteSeed = 10;
constexpr uint64_t kReportSeed = 11;

uint64_t Mix(uint64_t hash, std::initializer_list<double> numbers) {
  for (const double number : numbers) hash = MixHash(hash, std::bit_cast<uint64_t>(number));
  return hash;
}

uint64_t MixWhole(uint64_t hash, std::initializer_list<int64_t> numbers) {
  for (const int64_t number : numbers) hash = MixHash(hash, static_cast<uint64_t>(number));
  return hash;
}

void CheckIds(const std::string& controller_id, const WriteOptions& options,
              Violations* violations) {
  const absl::string_view id_problem = ControllerIdProblem(controller_id);
  if (!id_problem.empty()) violations->Add("name", id_problem);
  const absl::string_view request_problem = RequestIdProblem(options.request_id);
  if (!request_problem.empty()) violations->Add("request_id", request_problem);
}

}  // namespace

void CheckReport(const OutcomeReport& report, Violations* violations) {
  // Written so that NaN fails.
  if (!(report.progress >= 0 && report.progress <= 1)) {
    violations->Add("progress", "must be in [0, 1]: that of the response with the negatives");
  }
}

absl::Status CheckWrite(const PutControllerRequest& request) {
  Violations violations;
  CheckIds(request.controller_id, request.options, &violations);
  CheckController(request.settings, "settings.", &violations);
  return violations.ToStatus();
}

absl::Status CheckWrite(const DeleteControllerRequest& request) {
  Violations violations;
  CheckIds(request.controller_id, request.options, &violations);
  return violations.ToStatus();
}

absl::Status CheckWrite(const ReportOutcomesRequest& request) {
  Violations violations;
  CheckIds(request.controller_id, request.options, &violations);
  CheckReport(request.report, &violations);
  return violations.ToStatus();
}

uint64_t FingerprintOf(const PutControllerRequest& request) {
  const ControllerSettings& settings = request.settings;
  const StopRule& rule = settings.stop_rule;
  uint64_t hash = Fingerprint(request.controller_id, kPutSeed);
  hash = Mix(hash, {settings.target_rate, settings.gain, settings.slope, settings.max_step,
                    settings.min_output, settings.max_output, settings.start_output,
                    settings.stale_distance, rule.rate_tolerance, rule.output_tolerance,
                    rule.hardness_tolerance});
  return MixWhole(hash, {settings.smoothing_outcomes, settings.stale_after_micros,
                         rule.report_count, request.restart ? 1 : 0});
}

uint64_t FingerprintOf(const DeleteControllerRequest& request) {
  return Fingerprint(request.controller_id, kDeleteSeed);
}

uint64_t FingerprintOf(const ReportOutcomesRequest& request) {
  const OutcomeReport& report = request.report;
  uint64_t hash = Fingerprint(request.controller_id, kReportSeed);
  hash = MixWhole(Mix(hash, {report.progress}), {report.progress_time});
  for (const auto& [component, totals] : report.outcomes) {
    hash = MixWhole(
        hash, {component, totals.outcome_count, totals.violation_count, totals.hardness_count});
    hash = Mix(hash, {totals.hardness_sum});
  }
  return hash;
}

int64_t BytesOf(const PutControllerRequest&) { return sizeof(PutControllerRequest); }

int64_t BytesOf(const DeleteControllerRequest&) { return sizeof(DeleteControllerRequest); }

int64_t BytesOf(const ReportOutcomesRequest& request) {
  // An entry of a map, and what links it.
  constexpr size_t kEntryBytes = sizeof(OutcomesByComponent::value_type) + 4 * sizeof(void*);
  return static_cast<int64_t>(sizeof(ReportOutcomesRequest) +
                              request.report.outcomes.size() * kEntryBytes);
}

}  // namespace negatron
