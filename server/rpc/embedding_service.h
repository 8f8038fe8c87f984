// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_EMBEDDING_SERVICE_H_
#define NEGATRON_SERVER_RPC_EMBEDDING_SERVICE_H_

#include "absl/status/status.h"
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/embeddings.grpc.pb.h"
#include "server/rpc/dispatcher.h"
#include "server/rpc/import_call.h"

namespace negatron {

using EmbeddingServiceBase = v1::EmbeddingService::WithRawCallbackMethod_BatchWriteEmbeddings<
    v1::EmbeddingService::WithRawCallbackMethod_BatchGetEmbeddings<
        v1::EmbeddingService::WithRawCallbackMethod_BeginEmbeddingVersion<
            v1::EmbeddingService::WithRawCallbackMethod_UploadEmbeddings<
                v1::EmbeddingService::WithRawCallbackMethod_ImportEmbeddings<
                    v1::EmbeddingService::WithRawCallbackMethod_CommitEmbeddingVersion<
                        v1::EmbeddingService::WithRawCallbackMethod_AbortEmbeddingVersion<
                            v1::EmbeddingService::WithRawCallbackMethod_GetEmbeddingVersion<
                                v1::EmbeddingService::WithRawCallbackMethod_ListEmbeddingVersions<
                                    v1::EmbeddingService::Service>>>>>>>>>;

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
  grpc::ServerUnaryReactor* BeginEmbeddingVersion(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* UploadEmbeddings(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CommitEmbeddingVersion(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* AbortEmbeddingVersion(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetEmbeddingVersion(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListEmbeddingVersions(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ImportEmbeddings(
      grpc::CallbackServerContext* context) override;

  // Ends the import streams with `status`, once the chunks that were read are committed.
  void EndImports(const absl::Status& status) { imports_.EndAll(status); }

 private:
  Dispatcher* const dispatcher_;
  ImportRegistry imports_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_EMBEDDING_SERVICE_H_
