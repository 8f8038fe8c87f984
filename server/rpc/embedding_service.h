// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_EMBEDDING_SERVICE_H_
#define NEGATRON_SERVER_RPC_EMBEDDING_SERVICE_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/embeddings.grpc.pb.h"
#include "server/rpc/dispatcher.h"

namespace negatron {

using EmbeddingServiceBase = v1::EmbeddingService::WithRawCallbackMethod_BatchWriteEmbeddings<
    v1::EmbeddingService::WithRawCallbackMethod_BatchGetEmbeddings<v1::EmbeddingService::Service>>;

// Serves `negatron.v1.EmbeddingService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class EmbeddingService final : public EmbeddingServiceBase {
 public:
  explicit EmbeddingService(Dispatcher* dispatcher) : dispatcher_(dispatcher) {}

  grpc::ServerUnaryReactor* BatchWriteEmbeddings(grpc::CallbackServerContext* context,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* BatchGetEmbeddings(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;

 private:
  Dispatcher* const dispatcher_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_EMBEDDING_SERVICE_H_
