// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_CONTROLLER_REQUESTS_H_
#define NEGATRON_SERVER_ENGINE_CONTROLLER_REQUESTS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

#include "server/engine/controller_table.h"
#include "server/engine/requests.h"
#include "server/feedback/controller.h"

// What callers ask of controllers. Field paths in errors are those of feedback.proto.
namespace negatron {

struct PutControllerRequest {
  std::string controller_id;  // Without problem (ControllerIdProblem).
  ControllerSettings settings;
  bool restart = false;
  WriteOptions options;  // The request id; durable.
};

struct DeleteControllerRequest {
  std::string controller_id;
  bool allow_missing = false;
  WriteOptions options = {};
};

struct ReportOutcomesRequest {
  std::string controller_id;
  OutcomeReport report;  // Its outcomes passed the checks of who read them.
  WriteOptions options;
};

struct ReportOutcomesResult {
  ControllerPointer controller;  // Behind the report; of a replay, as it is by then.
  bool stale = false;
  bool replayed = false;
};

// Adds what is wrong with a report, but for its outcomes.
void CheckReport(const OutcomeReport& report, Violations* violations);

// As those of write_checks.h.
absl::Status CheckWrite(const PutControllerRequest& request);
absl::Status CheckWrite(const DeleteControllerRequest& request);
absl::Status CheckWrite(const ReportOutcomesRequest& request);
uint64_t FingerprintOf(const PutControllerRequest& request);
uint64_t FingerprintOf(const DeleteControllerRequest& request);
uint64_t FingerprintOf(const ReportOutcomesRequest& request);
int64_t BytesOf(const PutControllerRequest& request);
int64_t BytesOf(const DeleteControllerRequest& request);
int64_t BytesOf(const ReportOutcomesRequest& request);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_CONTROLLER_REQUESTS_H_
