// SPDX-License-Identifier: Apache-2.0
//
// The one place where `absl::Status` and the statuses of gRPC meet.
//
// A detail of `google.rpc` (`BadRequest`, `ErrorInfo`, `RetryInfo`) is a payload of an
// `absl::Status`: its type URL is `type.googleapis.com/google.rpc.<Name>`, its bytes are the
// serialised twin from `negatron.wire`. On the wire all details travel in a serialised
// `google.rpc.Status`, as other languages' gRPC libraries expect.
#ifndef NEGATRON_PROTO_CC_STATUS_H_
#define NEGATRON_PROTO_CC_STATUS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <grpcpp/support/status.h>

#include "negatron/wire/status.pb.h"

namespace negatron {

// Converts for the wire: code, message, and the payloads of `google.rpc`; other payloads are
// dropped. Fits gRPC's default limit of 8 KiB for trailing metadata, beyond which a client sees
// only RESOURCE_EXHAUSTED: the message is cut at 768 bytes, a `BadRequest` loses its last
// violations, and other details are left out once 3 KiB are used.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The reverse: details become payloads. Details that do not parse are ignored, since the code and
// the message stand without them; a code outside the canonical ones becomes UNKNOWN.
absl::Status FromGrpcStatus(const grpc::Status& status);

// Adds one violation to the `BadRequest` of `status`, which must not be OK. `field` is a path with
// the row in brackets, `item_ids[17]`.
void AddBadRequest(absl::Status& status, absl::string_view field, absl::string_view description);

// INVALID_ARGUMENT with the message `field: description` and that one violation.
absl::Status BadFieldError(absl::string_view field, absl::string_view description);

// Sets the `BadRequest` of `status`, which must not be OK.
void SetBadRequest(absl::Status& status, const wire::BadRequest& request);

// Sets the `ErrorInfo` of `status`, which must not be OK.
void SetErrorInfo(absl::Status& status, const wire::ErrorInfo& info);

// Sets the `RetryInfo` of `status`, which must not be OK: try again after `delay`, at least 0 and
// finite.
void SetRetryDelay(absl::Status& status, absl::Duration delay);

// The detail of that kind, or nothing if there is none that parses.
std::optional<wire::BadRequest> GetBadRequest(const absl::Status& status);
std::optional<wire::ErrorInfo> GetErrorInfo(const absl::Status& status);
std::optional<absl::Duration> GetRetryDelay(const absl::Status& status);

}  // namespace negatron

#endif  // NEGATRON_PROTO_CC_STATUS_H_
