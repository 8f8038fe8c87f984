// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/status_conversion.h"

#include <optional>
#include <string>
#include <vector>

#include "proto/cc/status.h"

namespace negatron {

grpc::Status ToRpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  absl::Status wire = status;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    AddBadRequest(wire, violation.field, violation.description);
  }
  if (const std::optional<std::string> reason = ReasonOf(status); reason.has_value()) {
    wire::ErrorInfo info;
    info.set_reason(*reason);
    info.set_domain("negatron");
    for (const auto& [key, value] : FactsOf(status)) (*info.mutable_metadata())[key] = value;
    SetErrorInfo(wire, info);
  }
  if (const std::optional<absl::Duration> delay = RetryDelayOf(status); delay.has_value()) {
    SetRetryDelay(wire, *delay);
  }
  return ToGrpcStatus(wire);
}

void AddBadFields(const absl::Status& status, Violations* violations) {
  const std::optional<wire::BadRequest> bad = GetBadRequest(status);
  if (!bad.has_value()) return;
  for (const wire::BadRequest::FieldViolation& violation : bad->field_violations()) {
    violations->Add(violation.field(), violation.description());
  }
}

}  // namespace negatron
