// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_SERVICE_SET_H_
#define NEGATRON_SERVER_RPC_SERVICE_SET_H_

#include <cstdint>
#include <string>
#include <vector>

#include <grpcpp/server_builder.h>

#include "server/rpc/account_service.h"
#include "server/rpc/backup_service.h"
#include "server/rpc/collection_service.h"
#include "server/rpc/dispatcher.h"
#include "server/rpc/embedding_service.h"
#include "server/rpc/engine_handle.h"
#include "server/rpc/feedback_service.h"
#include "server/rpc/inspection_service.h"
#include "server/rpc/policy_service.h"
#include "server/rpc/pool_service.h"
#include "server/rpc/sampling_service.h"

namespace negatron {

// All services of the server, and what they share.
//
// Thread-safety: thread-safe.
// Ownership: must outlive the gRPC server that it is registered with; `engine` must outlive it.
class ServiceSet {
 public:
  // `seed` begins the sequence of seeds for calls that bring none.
  ServiceSet(DispatcherOptions options, const EngineHandle* engine, uint64_t seed);

  void Register(grpc::ServerBuilder* builder);

  // Full names, as health checks and reflection know them.
  static std::vector<std::string> Names();

  // Lets no call in any more, and ends the streams; other calls go on to their end.
  void Close();

  Dispatcher& dispatcher() { return dispatcher_; }
  const Dispatcher& dispatcher() const { return dispatcher_; }

 private:
  Dispatcher dispatcher_;
  CollectionService collections_;
  PoolService pool_;
  EmbeddingService embeddings_;
  PolicyService policies_;
  FeedbackService feedback_;
  SamplingService sampling_;
  InspectionService inspection_;
  AccountService accounts_;
  BackupService backups_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_SERVICE_SET_H_
