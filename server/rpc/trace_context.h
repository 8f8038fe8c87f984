// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_TRACE_CONTEXT_H_
#define NEGATRON_SERVER_RPC_TRACE_CONTEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include <grpcpp/server_context.h>

namespace negatron {

// The first 55 characters of a `traceparent` header, `version-trace_id-parent_id-flags`, as W3C's
// Trace Context (level 1) has it, if they are valid; else empty: the caller is then not traced.
// Fields that later versions append are left out.
std::string ReadTraceparent(absl::string_view header);

// That of a call. A header that is there more than once counts as none.
std::string TraceparentOf(const grpc::CallbackServerContext& context);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_TRACE_CONTEXT_H_
