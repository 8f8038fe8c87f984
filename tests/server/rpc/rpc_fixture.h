// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SERVER_RPC_RPC_FIXTURE_H_
#define NEGATRON_TESTS_SERVER_RPC_RPC_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include <grpcpp/grpcpp.h>

#include "negatron/v1/collections.grpc.pb.h"
#include "negatron/v1/embeddings.grpc.pb.h"
#include "negatron/v1/feedback.grpc.pb.h"
#include "negatron/v1/inspection.grpc.pb.h"
#include "negatron/v1/pool.grpc.pb.h"
#include "negatron/v1/sampling.grpc.pb.h"
#include "negatron/v1/stored_policies.grpc.pb.h"
#include "proto/cc/columns.h"
#include "proto/cc/status.h"
#include "server/engine/engine.h"
#include "server/rpc/service_set.h"
#include "tests/support/temp_folder.h"

namespace negatron {

// A server with a real engine in a temporary folder, on a loopback port, and stubs with gRPC's
// default limits.
class RpcServer {
 public:
  explicit RpcServer(DispatcherOptions options = DefaultOptions(), bool recovered = true);
  ~RpcServer();

  static DispatcherOptions DefaultOptions() {
    DispatcherOptions options;
    options.thread_count = 2;
    return options;
  }

  // Ends recovery of a server that was made with `recovered` false.
  void Recover();

  ServiceSet& services() { return *services_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  v1::CollectionService::Stub& collections() { return *collections_; }
  v1::PoolService::Stub& pool() { return *pool_; }
  v1::EmbeddingService::Stub& embeddings() { return *embeddings_; }
  v1::PolicyService::Stub& policies() { return *policies_; }
  v1::FeedbackService::Stub& feedback() { return *feedback_; }
  v1::SamplingService::Stub& sampling() { return *sampling_; }
  v1::InspectionService::Stub& inspection() { return *inspection_; }

 private:
  TempFolder folder_;
  std::unique_ptr<Engine> engine_;
  EngineHandle handle_;
  std::unique_ptr<ServiceSet> services_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::CollectionService::Stub> collections_;
  std::unique_ptr<v1::PoolService::Stub> pool_;
  std::unique_ptr<v1::EmbeddingService::Stub> embeddings_;
  std::unique_ptr<v1::PolicyService::Stub> policies_;
  std::unique_ptr<v1::FeedbackService::Stub> feedback_;
  std::unique_ptr<v1::SamplingService::Stub> sampling_;
  std::unique_ptr<v1::InspectionService::Stub> inspection_;
};

// Calls `method` of `stub` and waits.
template <typename Stub, typename Method, typename Request, typename Response>
absl::Status Invoke(Stub& stub, Method method, const Request& request, Response* response) {
  grpc::ClientContext context;
  return FromGrpcStatus((stub.*method)(&context, request, response));
}

// Paths of the bad fields that the status names.
std::vector<std::string> BadFields(const absl::Status& status);
// Its reason, or "".
std::string Reason(const absl::Status& status);

// Columns of requests.
void SetColumn(const std::vector<int64_t>& values, v1::Int64Column* column);
void SetColumn(const std::vector<int64_t>& values, v1::IdColumn* column);
void SetColumn(const std::vector<float>& values, v1::FloatColumn* column);
void SetNames(const std::vector<std::string>& values, v1::IdColumn* column);
void SetMatrix(const std::vector<float>& values, int columns, v1::FloatMatrix* matrix);

// What a collection holds, to see that a refused call changed nothing.
std::string Contents(RpcServer& server, const std::string& collection);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_RPC_RPC_FIXTURE_H_
