// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_POLICY_SERVICE_H_
#define NEGATRON_SERVER_RPC_POLICY_SERVICE_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/stored_policies.grpc.pb.h"
#include "server/rpc/dispatcher.h"

namespace negatron {

using PolicyServiceBase = v1::PolicyService::WithRawCallbackMethod_PutPolicy<
    v1::PolicyService::WithRawCallbackMethod_GetPolicy<
        v1::PolicyService::WithRawCallbackMethod_ListPolicies<
            v1::PolicyService::WithRawCallbackMethod_ListPolicyVersions<
                v1::PolicyService::WithRawCallbackMethod_DeletePolicy<
                    v1::PolicyService::Service>>>>>;

// Serves `negatron.v1.PolicyService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class PolicyService final : public PolicyServiceBase {
 public:
  explicit PolicyService(Dispatcher* dispatcher) : dispatcher_(dispatcher) {}

  grpc::ServerUnaryReactor* PutPolicy(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetPolicy(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListPolicies(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListPolicyVersions(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeletePolicy(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;

 private:
  Dispatcher* const dispatcher_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_POLICY_SERVICE_H_
