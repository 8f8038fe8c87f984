// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_FUZZ_FUZZ_SERVER_H_
#define NEGATRON_TESTS_FUZZ_FUZZ_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include "server/engine/engine.h"
#include "server/rpc/engine_handle.h"
#include "server/rpc/service_set.h"

namespace negatron {

// The method "SamplingService/SampleNegatives", say; null if there is none.
const google::protobuf::MethodDescriptor* FindMethod(absl::string_view name);

// An empty request of the method.
std::unique_ptr<google::protobuf::Message> NewRequest(
    const google::protobuf::MethodDescriptor& method);

// All services with a real engine in a temporary folder, called within the process.
//
// Thread-safety: thread-compatible.
// Ownership: lives to the end of the process, which removes the folder.
class FuzzServer {
 public:
  static FuzzServer& Get();

  // Calls the method with the bytes, of a stream as its only message, and waits. `response` is the
  // last one; it may be null. Aborts if the call takes longer than a minute.
  absl::Status Call(const google::protobuf::MethodDescriptor& method, const std::string& request,
                    std::string* response);

  // Leaves one collection, `c`, the same each time.
  void Reset();

  // How much is in `c`; "" without it.
  std::string Contents();

 private:
  FuzzServer();

  EngineHandle handle_;
  std::unique_ptr<ServiceSet> services_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace negatron

#endif  // NEGATRON_TESTS_FUZZ_FUZZ_SERVER_H_
