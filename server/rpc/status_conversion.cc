// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/status_conversion.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

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

absl::Status NestFields(const absl::Status& status, absl::string_view parent) {
  const std::vector<FieldViolation> inner = FieldViolationsOf(status);
  if (inner.empty()) return status;
  Violations violations;
  for (const FieldViolation& violation : inner) {
    violations.Add(absl::StrCat(parent, ".", violation.field), violation.description);
  }
  // Its message begins with a field and counts the violations, also those that were not kept.
  absl::Status nested(status.code(), absl::StrCat(parent, ".", status.message()));
  violations.ToStatus().ForEachPayload([&nested](absl::string_view url, const absl::Cord& payload) {
    nested.SetPayload(url, payload);
  });
  return nested;
}

}  // namespace negatron
