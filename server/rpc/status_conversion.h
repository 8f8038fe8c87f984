// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_STATUS_CONVERSION_H_
#define NEGATRON_SERVER_RPC_STATUS_CONVERSION_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <grpcpp/support/status.h>

#include "storage/base/status.h"

namespace negatron {

// Converts a status of the domain for the wire. Field violations become `BadRequest`, the reason
// becomes `ErrorInfo` of the domain `negatron`, the retry delay becomes `RetryInfo`.
grpc::Status ToRpcStatus(const absl::Status& status);

// Adds the violations of a status made by `proto/cc`, which carries `BadRequest`, to `violations`.
void AddBadFields(const absl::Status& status, Violations* violations);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_STATUS_CONVERSION_H_
