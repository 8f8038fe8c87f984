// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_INSPECTION_SERVICE_H_
#define NEGATRON_SERVER_RPC_INSPECTION_SERVICE_H_

#include "absl/time/time.h"
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/inspection.grpc.pb.h"
#include "server/rpc/dispatcher.h"
#include "server/rpc/engine_handle.h"

namespace negatron {

using InspectionServiceBase = v1::InspectionService::WithRawCallbackMethod_GetCollectionStatistics<
    v1::InspectionService::WithRawCallbackMethod_GetSamplingStatistics<
        v1::InspectionService::WithRawCallbackMethod_GetServerInfo<
            v1::InspectionService::Service>>>;

// Serves `negatron.v1.InspectionService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class InspectionService final : public InspectionServiceBase {
 public:
  // Counts uptime from now on.
  InspectionService(Dispatcher* dispatcher, const EngineHandle* engine);

  grpc::ServerUnaryReactor* GetCollectionStatistics(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSamplingStatistics(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;

 private:
  Dispatcher* const dispatcher_;
  const EngineHandle* const engine_;
  const absl::Time start_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_INSPECTION_SERVICE_H_
