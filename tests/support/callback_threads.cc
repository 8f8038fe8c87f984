// SPDX-License-Identifier: Apache-2.0
#include "tests/support/callback_threads.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

namespace negatron {

void KeepCallbackThreads() {
  // Never destroyed, and reachable, so that it is no leak.
  static const grpc::Server* const keeper = [] {
    static auto* const service = new grpc::CallbackGenericService;
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(service);
    return builder.BuildAndStart().release();
  }();
  static_cast<void>(keeper);
}

}  // namespace negatron
