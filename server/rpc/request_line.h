// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_REQUEST_LINE_H_
#define NEGATRON_SERVER_RPC_REQUEST_LINE_H_

#include "absl/strings/string_view.h"
#include <grpcpp/support/byte_buffer.h>

#include "server/rpc/fair_queue.h"

namespace negatron {

// The line that a request of `method` waits in, found without parsing it: protobuf's libraries
// write fields in the order of their numbers, and the collection is in field 1 of every request
// that has one. Of a request in another order the collection is not known; it waits with those of
// none, and is parsed all the same. Leaves `request` as it is.
//
// Thread-safety: thread-safe.
QueueLine LineOfRequest(absl::string_view method, grpc::ByteBuffer* request);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_REQUEST_LINE_H_
