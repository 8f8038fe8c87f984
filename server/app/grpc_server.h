// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_GRPC_SERVER_H_
#define NEGATRON_SERVER_APP_GRPC_SERVER_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include "server/app/config.h"
#include "server/app/logging.h"
#include "server/rpc/service_set.h"
#include "storage/base/mutex.h"

namespace negatron {

// gRPC's server with the options that the configuration asks for, health and reflection.
//
// Thread-safety: thread-safe.
class GrpcServer {
 public:
  // Binds the port and answers. Fails with UNAVAILABLE if the port cannot be bound. `services` must
  // outlive the server. With a token file there is no reflection: gRPC's own services do not ask
  // for tokens. Health stays open, since those who ask for it have none.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const Config& config, const std::shared_ptr<grpc::ServerCredentials>& credentials,
      ServiceSet* services);

  int port() const { return port_; }

  // What health checks say, of the server and of every service.
  void SetServing(bool serving);
  bool serving() const;

  // What they say of the name `negatron.index`: NOT_SERVING also while some collection
  // cannot be given a good index, though it is served.
  void SetIndexHealthy(bool healthy);

  // Closes the port and cancels calls that are still in flight after `grace`. Returns when none is.
  void Shutdown(absl::Duration grace);

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, int port);
  void TellIndexHealth() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<grpc::Server> server_;
  const int port_;
  mutable Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  bool index_healthy_ ABSL_GUARDED_BY(mutex_) = true;
};

// Sends what gRPC and protobuf log to `log`, which must live as long as the process.
void RedirectLibraryLogs(Log* log);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_GRPC_SERVER_H_
