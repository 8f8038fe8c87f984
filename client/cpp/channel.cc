// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/channel.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

namespace negatron::client {
namespace {

// As large as the server takes; a full response of samples fits 4 MiB, pages of items do not.
constexpr int kMaxMessageBytes = 16 << 20;

// gRPC's first wait is a second, which a start-up script would feel; its longest is two minutes, in
// which a client would not notice that its server is back.
constexpr int kFirstReconnectMillis = 100;
constexpr int kLongestReconnectMillis = 5'000;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(R"({"loadBalancingConfig":[{"round_robin":{}}]})");
  // Attempts of the channel would multiply with those of RunWithRetries.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMillis);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestReconnectMillis);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetUserAgentPrefix("negatron-cpp/" NEGATRON_VERSION);
  return arguments;
}

// When the last channel of a process goes, gRPC takes itself down, and behind a large message waits
// up to 10 s for one of its threads. So the first client keeps it up to the process's end.
void KeepGrpcUp() {
  [[maybe_unused]] static const bool up = [] {
    grpc_init();
    return true;
  }();
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target,
                                           const SecurityOptions& security) {
  KeepGrpcUp();
  grpc::ChannelArguments arguments = Arguments();
  const std::shared_ptr<grpc::ChannelCredentials> credentials =
      MakeCredentials(security, &arguments);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

}  // namespace negatron::client
