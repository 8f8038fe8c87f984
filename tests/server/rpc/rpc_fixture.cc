// SPDX-License-Identifier: Apache-2.0
#include "tests/server/rpc/rpc_fixture.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "tests/support/callback_threads.h"

namespace negatron {

RpcServer::RpcServer(DispatcherOptions options, bool recovered)
    : services_(std::make_unique<ServiceSet>(std::move(options), &handle_, 7)) {
  KeepCallbackThreads();
  if (recovered) Recover();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(16 << 20);
  services_->Register(&builder);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  server_ = builder.BuildAndStart();
  channel_ =
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials());
  collections_ = v1::CollectionService::NewStub(channel_);
  pool_ = v1::PoolService::NewStub(channel_);
  embeddings_ = v1::EmbeddingService::NewStub(channel_);
  policies_ = v1::PolicyService::NewStub(channel_);
  feedback_ = v1::FeedbackService::NewStub(channel_);
  sampling_ = v1::SamplingService::NewStub(channel_);
  inspection_ = v1::InspectionService::NewStub(channel_);
}

RpcServer::~RpcServer() {
  services_->Close();
  server_->Shutdown();
  services_->dispatcher().Stop();
}

void RpcServer::Recover() {
  EngineOptions options;
  options.data_dir = folder_.path();
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(
      options, [](const RecoveryProgress&) {}, Cancellation());
  ASSERT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
  handle_.Set(engine_.get());
}

std::vector<std::string> BadFields(const absl::Status& status) {
  std::vector<std::string> fields;
  const auto bad = GetBadRequest(status);
  if (!bad.has_value()) return fields;
  for (const auto& violation : bad->field_violations()) fields.push_back(violation.field());
  return fields;
}

std::string Reason(const absl::Status& status) {
  const auto info = GetErrorInfo(status);
  return info.has_value() && info->domain() == "negatron" ? info->reason() : "";
}

void SetColumn(const std::vector<int64_t>& values, v1::Int64Column* column) {
  WriteInt64s(values, v1::COLUMN_ENCODING_RAW, column);
}

void SetColumn(const std::vector<int64_t>& values, v1::IdColumn* column) {
  WriteIds(values, v1::COLUMN_ENCODING_RAW, column);
}

void SetColumn(const std::vector<float>& values, v1::FloatColumn* column) {
  WriteFloats(values, v1::COLUMN_ENCODING_RAW, column);
}

void SetNames(const std::vector<std::string>& values, v1::IdColumn* column) {
  WriteNames(values, column);
}

void SetMatrix(const std::vector<float>& values, int columns, v1::FloatMatrix* matrix) {
  WriteMatrix(values, static_cast<int32_t>(values.size()) / columns, columns,
              v1::COLUMN_ENCODING_RAW, matrix);
}

std::string Contents(RpcServer& server, const std::string& collection) {
  v1::GetCollectionStatisticsRequest request;
  request.set_collection(collection);
  request.mutable_as_of_time()->set_seconds(4102444800);
  v1::CollectionStatistics statistics;
  const absl::Status status =
      Invoke(server.inspection(), &v1::InspectionService::Stub::GetCollectionStatistics, request,
             &statistics);
  EXPECT_TRUE(status.ok()) << status;
  v1::GetCollectionRequest get;
  get.set_name(collection);
  v1::Collection settings;
  EXPECT_TRUE(
      Invoke(server.collections(), &v1::CollectionService::Stub::GetCollection, get, &settings)
          .ok());
  return absl::StrCat(statistics.item_count(), " items, ", statistics.user_count(), " users, ",
                      statistics.event_count(), " events, mass ", statistics.event_mass(), ", ",
                      statistics.embedding_count(), " embeddings, commit ",
                      statistics.snapshot().commit_sequence(), ", etag ", settings.etag());
}

}  // namespace negatron
