// SPDX-License-Identifier: Apache-2.0
#include "server/app/grpc_server.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <google/protobuf/stubs/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/server_builder.h>

namespace negatron {
namespace {

// Clients may ping this often, calls or none, to keep a connection through gateways that forget
// idle ones. gRPC's own default is 5 minutes.
constexpr absl::Duration kMinPingInterval = absl::Seconds(10);

// Pings that come faster are counted, and a connection with more of them is closed.
constexpr int kMaxPingStrikes = 2;

// A client that is gone without a word, or whose network is, is found out in the sum of these.
constexpr absl::Duration kPingInterval = absl::Minutes(1);
constexpr absl::Duration kPingTimeout = absl::Seconds(20);

// For TLS and the settings of HTTP/2. gRPC's own default is 2 minutes.
constexpr absl::Duration kHandshakeTimeout = absl::Seconds(10);

// The log functions of libraries take no argument of ours.
Log* library_log = nullptr;

void WriteGrpcLog(gpr_log_func_args* args) {
  const LogField fields[] = {{"message", args->message},
                             {"file", absl::StrCat(args->file, ":", args->line)}};
  if (args->severity == GPR_LOG_SEVERITY_ERROR) {
    library_log->Warning("grpc", {fields[0], fields[1]});
  } else {
    library_log->Debug("grpc", {fields[0], fields[1]});
  }
}

// Protobuf complains of requests that do not parse; the caller is told, and may be anybody.
void WriteProtobufLog(google::protobuf::LogLevel, const char* file, int line,
                      const std::string& message) {
  library_log->Debug("protobuf", {{"message", message}, {"file", absl::StrCat(file, ":", line)}});
}

int Millis(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

// Takes reflection away, which to link is enough to have.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

void SetOptions(const Config& config, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(config.max_message_bytes));
  // Without this, a second server on the same port would take half of the first one's clients.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              Millis(kMinPingInterval));
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kMaxPingStrikes);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(kPingInterval));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(kPingTimeout));
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Millis(kHandshakeTimeout));
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                              static_cast<int>(config.max_metadata_bytes));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, config.max_concurrent_streams);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Millis(config.max_connection_age));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                              Millis(config.max_connection_grace));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Millis(config.max_connection_idle));
}

}  // namespace

GrpcServer::GrpcServer(std::unique_ptr<grpc::Server> server, int port)
    : server_(std::move(server)), port_(port) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const Config& config, const std::shared_ptr<grpc::ServerCredentials>& credentials,
    ServiceSet* services) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetOptions(config, &builder);
  if (!config.token_file.empty()) builder.SetOption(std::make_unique<WithoutReflection>());
  services->Register(&builder);
  const std::string address = config.listen.ToString();
  int port = 0;
  builder.AddListeningPort(address, credentials, &port);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", address,
        ": is the port taken by another process, is the address one of this machine?"));
  }
  std::unique_ptr<GrpcServer> started(new GrpcServer(std::move(server), port));
  started->SetServing(false);
  return started;
}

void GrpcServer::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
  health->SetServingStatus(serving);
  for (const std::string& name : ServiceSet::Names()) health->SetServingStatus(name, serving);
  MutexLock lock(mutex_);
  serving_ = serving;
  TellIndexHealth();
}

bool GrpcServer::serving() const {
  MutexLock lock(mutex_);
  return serving_;
}

void GrpcServer::SetIndexHealthy(bool healthy) {
  MutexLock lock(mutex_);
  index_healthy_ = healthy;
  TellIndexHealth();
}

void GrpcServer::TellIndexHealth() {
  server_->GetHealthCheckService()->SetServingStatus("negatron.index", serving_ && index_healthy_);
}

void GrpcServer::Shutdown(absl::Duration grace) {
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
}

void RedirectLibraryLogs(Log* log) {
  library_log = log;
  google::protobuf::SetLogHandler(WriteProtobufLog);
  gpr_set_log_function(WriteGrpcLog);
}

}  // namespace negatron
