// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CPP_SECURITY_H_
#define NEGATRON_CLIENT_CPP_SECURITY_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

namespace negatron::client {

// TLS of a client. Everything is PEM.
struct TlsOptions {
  std::string root_certificates;  // Empty: those that gRPC brings.
  // The client's own, for mutual TLS: both or none.
  std::string certificate_chain;
  std::string private_key;
  // In the server's certificate; empty: the target's host.
  std::string server_name;
};

struct SecurityOptions {
  std::optional<TlsOptions> tls;  // Nothing: plain text.
  std::string token;              // Bearer token of each call; empty: none. Needs `tls`.
};

// INVALID_ARGUMENT if they do not fit together. Says nothing of the token or key.
absl::Status CheckSecurity(const SecurityOptions& options);

// Credentials of a channel; `arguments` gets what belongs to them. `options` must be checked.
std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(const SecurityOptions& options,
                                                          grpc::ChannelArguments* arguments);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_SECURITY_H_
