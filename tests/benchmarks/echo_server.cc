// SPDX-License-Identifier: Apache-2.0
//
// The baseline of the wire figures: a server of the same service that parses each request and
// answers with as many bytes as a real response has, sampling nothing. Its one copy of the response
// is the least that a server does whose responses differ.
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include "negatron/v1/sampling.grpc.pb.h"

namespace negatron::bench {
namespace {

// The response to a request of this shape, serialised; its values do not matter.
std::string MakeResponse(int64_t rows, int64_t negatives) {
  v1::SampleNegativesResponse response;
  response.mutable_item_ids()->mutable_raw()->assign(rows * negatives * sizeof(int64_t), '\1');
  response.mutable_log_q()->mutable_raw()->assign(rows * negatives * sizeof(float), '\1');
  response.mutable_row_statuses()->mutable_raw()->assign(rows, v1::ROW_STATUS_OK);
  response.set_law_kind(v1::LAW_KIND_EXACT);
  return response.SerializeAsString();
}

// Thread-safety: thread-safe.
class EchoService final : public v1::SamplingService::WithRawCallbackMethod_SampleNegatives<
                              v1::SamplingService::Service> {
 public:
  grpc::ServerUnaryReactor* SampleNegatives(grpc::CallbackServerContext* context,
                                            const grpc::ByteBuffer* request_bytes,
                                            grpc::ByteBuffer* response_bytes) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    v1::SampleNegativesRequest request;
    grpc::ByteBuffer bytes(*request_bytes);
    grpc::Status status =
        grpc::SerializationTraits<v1::SampleNegativesRequest>::Deserialize(&bytes, &request);
    if (status.ok()) {
      const std::string& response = Response(request.row_count(), request.negative_count());
      const grpc::Slice copy(response.data(), response.size());
      *response_bytes = grpc::ByteBuffer(&copy, 1);
    }
    reactor->Finish(status);
    return reactor;
  }

 private:
  // Responses stay where they are: a map never moves its values.
  const std::string& Response(int64_t rows, int64_t negatives) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::string& response = responses_[{rows, negatives}];
    if (response.empty()) response = MakeResponse(rows, negatives);
    return response;
  }

  std::mutex mutex_;
  std::map<std::pair<int64_t, int64_t>, std::string> responses_;
};

// The file appears whole or not at all.
bool WritePort(const std::string& path, int port) {
  const std::string temporary = path + ".tmp";
  std::FILE* const file = std::fopen(temporary.c_str(), "w");
  if (file == nullptr) return false;
  const bool written = std::fprintf(file, "%d\n", port) > 0;
  return std::fclose(file) == 0 && written && std::rename(temporary.c_str(), path.c_str()) == 0;
}

int Main(int argc, char** argv) {
  std::string listen = "127.0.0.1:0";
  std::string port_file;
  CLI::App app("Answers SampleNegatives with as many bytes as a real response, sampling nothing.");
  app.add_option("--listen", listen, "Address, host:port; port 0: any free one.");
  app.add_option("--port-file", port_file, "File that gets the port's number.")->required();
  CLI11_PARSE(app, argc, argv);
  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0 || !WritePort(port_file, port)) {
    std::cerr << "echo_server: cannot listen on " << listen << " or write " << port_file << '\n';
    return 1;
  }
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace negatron::bench

int main(int argc, char** argv) { return negatron::bench::Main(argc, argv); }
