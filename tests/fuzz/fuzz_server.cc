// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz_server.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <grpcpp/generic/generic_stub.h>

#include "proto/cc/status.h"
#include "tests/fuzz/message_mutator.h"

namespace negatron {
namespace {

using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;

struct Step {
  const char* method;
  const char* request;
};

// Items with lives and categories, of which some have died; events of three kinds; vectors of items
// and users, a version that is being uploaded, a policy and a controller.
constexpr Step kSteps[] = {
    {"CollectionService/CreateCollection",
     R"(collection_id: "c" collection {
          missing_item_rule: MISSING_ITEM_RULE_CREATE cohort_popularity: true
          category_popularity: true half_lives { seconds: 60 } windows { seconds: 100 }
          embedding_settings { dimension: 2 metric: EMBEDDING_METRIC_COSINE } audit { rate: 1 } })"},
    {"PoolService/BatchWriteItems",
     R"(collection: "collections/c"
        item_ids { typed { values: [1, 2, 3, 4, 5, 6, 7, 8] } }
        alive_from_micros { typed { values: [0, 0, 0, 0, 5000000, 0, 0, 0] } }
        alive_until_micros { typed { values: [9000000, 9000000, 9000000, 9000000, 9000000, 9000000,
                                              3000000, 9000000] } }
        base_weights { typed { values: [1, 2, 1, 1, 1, 0.5, 1, 1] } }
        categories { ids { names { values: ["a", "b", "a", "b"] } }
                     row_splits { typed { values: [0, 1, 2, 4, 4, 4, 4, 4, 4] } } })"},
    {"PoolService/BatchWriteEvents",
     R"(collection: "collections/c"
        user_ids { typed { values: [1, 1, 2, 2, 3, 1, 2, 3] } }
        item_ids { typed { values: [1, 2, 2, 3, 4, 5, 6, 7] } }
        event_time_micros { typed { values: [1000000, 2000000, 1000000, 4000000, 2000000, 3000000,
                                             2000000, 1000000] } }
        kinds { typed { values: [1, 1, 1, 1, 1, 2, 3, 2] } }
        propensities { typed { values: [0, 0, 0, 0, 0, 0.5, 0, 0.25] } }
        cohorts { typed { values: [0, 0, 1, 1, 0, 0, 0, 0] } })"},
    {"EmbeddingService/BatchWriteEmbeddings",
     R"(collection: "collections/c" item_ids { typed { values: [1, 2, 3, 4, 5, 6] } }
        vectors { row_count: 6 column_count: 2
                  values { typed { values: [1, 0, 1, 1, 0, 1, -1, 1, -1, 0, 0, -1] } } })"},
    {"EmbeddingService/BatchWriteEmbeddings",
     R"(collection: "collections/c" user_ids { typed { values: [1, 2] } }
        vectors { row_count: 2 column_count: 2 values { typed { values: [1, 0.5, 0.5, 1] } } })"},
    {"EmbeddingService/BeginEmbeddingVersion", R"(collection: "collections/c" model_version: 7)"},
    {"PolicyService/PutPolicy",
     R"(name: "collections/c/policies/p"
        policy { components { share: 1 popularity { alpha: 0.75 } } })"},
    {"FeedbackService/PutController",
     R"(name: "collections/c/controllers/k" settings { target_rate: 0.3 })"},
};

const MethodDescriptor& Method(absl::string_view name) {
  const MethodDescriptor* const method = FindMethod(name);
  if (method == nullptr) std::abort();
  return *method;
}

std::string Serialize(absl::string_view method, absl::string_view text) {
  const std::unique_ptr<Message> request = NewRequest(Method(method));
  if (!ParseText(text, request.get())) std::abort();
  return request->SerializeAsString();
}

const std::string& Folder() {
  static const auto* const folder = [] {
    auto* name = new std::string(std::filesystem::temp_directory_path() / "negatron-fuzz-XXXXXX");
    if (mkdtemp(name->data()) == nullptr) std::abort();
    std::atexit([] {
      std::error_code ignored;
      std::filesystem::remove_all(Folder(), ignored);
    });
    return name;
  }();
  return *folder;
}

}  // namespace

const MethodDescriptor* FindMethod(absl::string_view name) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(name, absl::MaxSplits('/', 1));
  const auto* const service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
      absl::StrCat("negatron.v1.", parts.first));
  return service == nullptr ? nullptr : service->FindMethodByName(parts.second);
}

std::unique_ptr<Message> NewRequest(const MethodDescriptor& method) {
  return std::unique_ptr<Message>(
      MessageFactory::generated_factory()->GetPrototype(method.input_type())->New());
}

FuzzServer& FuzzServer::Get() {
  static auto* const server = new FuzzServer;
  return *server;
}

FuzzServer::FuzzServer() {
  DispatcherOptions dispatcher;
  dispatcher.thread_count = 2;
  services_ = std::make_unique<ServiceSet>(std::move(dispatcher), &handle_, 7);
  EngineOptions options;
  options.data_dir = Folder();
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(
      options, [](const RecoveryProgress&) {}, Cancellation());
  if (!engine.ok()) std::abort();
  google::protobuf::SetLogHandler(nullptr);  // It tells of every string that is not UTF-8.
  engine_ = *std::move(engine);
  handle_.Set(engine_.get());
  grpc::ServerBuilder builder;
  services_->Register(&builder);
  server_ = builder.BuildAndStart();
  channel_ = server_->InProcessChannel(grpc::ChannelArguments());
  Reset();
}

absl::Status FuzzServer::Call(const MethodDescriptor& method, const std::string& request,
                              std::string* response) {
  const std::string path = absl::StrCat("/", method.service()->full_name(), "/", method.name());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel_);
  const auto call = stub.PrepareCall(&context, path, &queue);
  const auto done = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  call->StartCall(nullptr);
  if (done()) {
    const grpc::Slice slice(request);
    call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    done();
    grpc::ByteBuffer bytes;
    for (call->Read(&bytes, nullptr); done(); call->Read(&bytes, nullptr)) {
      std::vector<grpc::Slice> slices;
      if (response == nullptr || !bytes.Dump(&slices).ok()) continue;
      response->clear();
      for (const grpc::Slice& part : slices) {
        response->append(reinterpret_cast<const char*>(part.begin()), part.size());
      }
    }
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  done();
  queue.Shutdown();
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    std::cerr << path << " takes longer than a minute\n";
    std::abort();
  }
  return FromGrpcStatus(status);
}

void FuzzServer::Reset() {
  std::string response;
  if (!Call(Method("CollectionService/ListCollections"),
            Serialize("CollectionService/ListCollections", "page_size: 1000"), &response)
           .ok()) {
    std::abort();
  }
  v1::ListCollectionsResponse list;
  if (!list.ParseFromString(response)) std::abort();
  for (const v1::Collection& collection : list.collections()) {
    v1::DeleteCollectionRequest request;
    request.set_name(collection.name());
    if (!Call(Method("CollectionService/DeleteCollection"), request.SerializeAsString(), nullptr)
             .ok()) {
      std::abort();
    }
  }
  for (const Step& step : kSteps) {
    const absl::Status status =
        Call(Method(step.method), Serialize(step.method, step.request), nullptr);
    if (status.ok()) continue;
    std::cerr << step.method << ": " << status << "\n";
    std::abort();
  }
}

std::string FuzzServer::Contents() {
  std::string response;
  const absl::Status status =
      Call(Method("InspectionService/GetCollectionStatistics"),
           Serialize("InspectionService/GetCollectionStatistics", R"(collection: "collections/c")"),
           &response);
  v1::CollectionStatistics statistics;
  if (!status.ok() || !statistics.ParseFromString(response)) return "";
  return absl::StrCat(statistics.item_count(), " items, ", statistics.user_count(), " users, ",
                      statistics.event_count(), " events, ", statistics.embedding_count(), " and ",
                      statistics.user_embedding_count(), " embeddings");
}

}  // namespace negatron
