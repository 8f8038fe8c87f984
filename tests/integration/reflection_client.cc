// SPDX-License-Identifier: Apache-2.0
// Prints the services that the server at the address of the first argument lists by reflection, one
// a line. A process of its own: libgrpc++_reflection registers the messages of the service, so a
// client cannot share a process with it.
#include <chrono>
#include <cstdio>
#include <memory>

#include "reflection.pb.h"
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>

namespace {

using negatron::testing::ReflectionRequest;
using negatron::testing::ReflectionResponse;

bool NextIsOk(grpc::CompletionQueue* queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue->Next(&tag, &ok) && ok;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  grpc::TemplatedGenericStub<ReflectionRequest, ReflectionResponse> stub(
      grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  ReflectionRequest request;
  request.set_list_services("*");
  ReflectionResponse response;
  call->StartCall(nullptr);
  if (!NextIsOk(&queue)) return 2;
  call->Write(request, nullptr);
  if (!NextIsOk(&queue)) return 2;
  call->Read(&response, nullptr);
  if (!NextIsOk(&queue)) return 2;
  for (const auto& service : response.list_services_response().service()) {
    std::printf("%s\n", service.name().c_str());
  }
  return 0;
}
