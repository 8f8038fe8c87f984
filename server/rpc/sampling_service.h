// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_SAMPLING_SERVICE_H_
#define NEGATRON_SERVER_RPC_SAMPLING_SERVICE_H_

#include <cstdint>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/sampling.grpc.pb.h"
#include "server/rpc/dispatcher.h"
#include "server/rpc/seed_source.h"

namespace negatron {

using SamplingServiceBase = v1::SamplingService::WithRawCallbackMethod_SampleNegatives<
    v1::SamplingService::WithRawCallbackMethod_SampleSharedNegatives<
        v1::SamplingService::WithRawCallbackMethod_GetCandidates<v1::SamplingService::Service>>>;

// Serves `negatron.v1.SamplingService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class SamplingService final : public SamplingServiceBase {
 public:
  // Calls without a seed get theirs from a sequence that begins at `seed`.
  SamplingService(Dispatcher* dispatcher, uint64_t seed) : dispatcher_(dispatcher), seeds_(seed) {}

  grpc::ServerUnaryReactor* SampleNegatives(grpc::CallbackServerContext* context,
                                            const grpc::ByteBuffer* request,
                                            grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SampleSharedNegatives(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetCandidates(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;

 private:
  Dispatcher* const dispatcher_;
  SeedSource seeds_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_SAMPLING_SERVICE_H_
