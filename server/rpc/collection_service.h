// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_COLLECTION_SERVICE_H_
#define NEGATRON_SERVER_RPC_COLLECTION_SERVICE_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/collections.grpc.pb.h"
#include "server/rpc/dispatcher.h"

namespace negatron {

using CollectionServiceBase = v1::CollectionService::WithRawCallbackMethod_CreateCollection<
    v1::CollectionService::WithRawCallbackMethod_GetCollection<
        v1::CollectionService::WithRawCallbackMethod_ListCollections<
            v1::CollectionService::WithRawCallbackMethod_UpdateCollection<
                v1::CollectionService::WithRawCallbackMethod_DeleteCollection<
                    v1::CollectionService::Service>>>>>;

// Serves `negatron.v1.CollectionService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class CollectionService final : public CollectionServiceBase {
 public:
  explicit CollectionService(Dispatcher* dispatcher) : dispatcher_(dispatcher) {}

  grpc::ServerUnaryReactor* CreateCollection(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetCollection(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListCollections(grpc::CallbackServerContext* context,
                                            const grpc::ByteBuffer* request,
                                            grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* UpdateCollection(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteCollection(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;

 private:
  Dispatcher* const dispatcher_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_COLLECTION_SERVICE_H_
