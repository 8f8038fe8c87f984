// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_POOL_SERVICE_H_
#define NEGATRON_SERVER_RPC_POOL_SERVICE_H_

#include "absl/status/status.h"
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/pool.grpc.pb.h"
#include "server/rpc/dispatcher.h"
#include "server/rpc/import_call.h"

namespace negatron {

using PoolServiceBase = v1::PoolService::WithRawCallbackMethod_BatchWriteItems<
    v1::PoolService::WithRawCallbackMethod_BatchGetItems<
        v1::PoolService::WithRawCallbackMethod_ListItems<
            v1::PoolService::WithRawCallbackMethod_BatchWriteEvents<
                v1::PoolService::WithRawCallbackMethod_ListEvents<
                    v1::PoolService::WithRawCallbackMethod_RetractEvents<
                        v1::PoolService::WithRawCallbackMethod_ListUsers<
                            v1::PoolService::WithRawCallbackMethod_EraseUsers<
                                v1::PoolService::WithRawCallbackMethod_ImportItems<
                                    v1::PoolService::WithRawCallbackMethod_ImportEvents<
                                        v1::PoolService::Service>>>>>>>>>>;

// Serves `negatron.v1.PoolService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class PoolService final : public PoolServiceBase {
 public:
  explicit PoolService(Dispatcher* dispatcher) : dispatcher_(dispatcher) {}

  grpc::ServerUnaryReactor* BatchWriteItems(grpc::CallbackServerContext* context,
                                            const grpc::ByteBuffer* request,
                                            grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* BatchGetItems(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListItems(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* BatchWriteEvents(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListEvents(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* RetractEvents(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListUsers(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* EraseUsers(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ImportItems(
      grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ImportEvents(
      grpc::CallbackServerContext* context) override;

  // Ends the import streams with `status`, once the chunks that were read are committed.
  void EndImports(const absl::Status& status) { imports_.EndAll(status); }

 private:
  Dispatcher* const dispatcher_;
  ImportRegistry imports_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_POOL_SERVICE_H_
