// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_FEEDBACK_SERVICE_H_
#define NEGATRON_SERVER_RPC_FEEDBACK_SERVICE_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/feedback.grpc.pb.h"
#include "server/rpc/dispatcher.h"

namespace negatron {

using FeedbackServiceBase = v1::FeedbackService::WithRawCallbackMethod_PutController<
    v1::FeedbackService::WithRawCallbackMethod_GetController<
        v1::FeedbackService::WithRawCallbackMethod_ListControllers<
            v1::FeedbackService::WithRawCallbackMethod_DeleteController<
                v1::FeedbackService::WithRawCallbackMethod_ReportOutcomes<
                    v1::FeedbackService::Service>>>>>;

// Serves `negatron.v1.FeedbackService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class FeedbackService final : public FeedbackServiceBase {
 public:
  explicit FeedbackService(Dispatcher* dispatcher) : dispatcher_(dispatcher) {}

  grpc::ServerUnaryReactor* PutController(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetController(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListControllers(grpc::CallbackServerContext* context,
                                            const grpc::ByteBuffer* request,
                                            grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteController(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ReportOutcomes(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  Dispatcher* const dispatcher_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_FEEDBACK_SERVICE_H_
