// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_ACCOUNT_SERVICE_H_
#define NEGATRON_SERVER_RPC_ACCOUNT_SERVICE_H_

#include <cstdint>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/accounts.grpc.pb.h"
#include "server/rpc/dispatcher.h"
#include "server/rpc/seed_source.h"

namespace negatron {

using AccountServiceBase = v1::AccountService::WithRawCallbackMethod_ExplainNegatives<
    v1::AccountService::WithRawCallbackMethod_ListAudits<
        v1::AccountService::WithRawCallbackMethod_GetAudit<
            v1::AccountService::WithRawCallbackMethod_ReplayAudit<v1::AccountService::Service>>>>;

// Serves `negatron.v1.AccountService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class AccountService final : public AccountServiceBase {
 public:
  // `seed` begins the sequence of seeds for calls that bring none.
  AccountService(Dispatcher* dispatcher, uint64_t seed) : dispatcher_(dispatcher), seeds_(seed) {}

  grpc::ServerUnaryReactor* ExplainNegatives(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListAudits(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetAudit(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ReplayAudit(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;

 private:
  Dispatcher* const dispatcher_;
  SeedSource seeds_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_ACCOUNT_SERVICE_H_
