// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/security.h"

#include <algorithm>

#include "absl/strings/ascii.h"

#include "proto/cc/status.h"

namespace negatron::client {

absl::Status CheckSecurity(const SecurityOptions& options) {
  if (!options.token.empty() && !options.tls.has_value()) {
    return BadFieldError("token", "needs tls, or it would travel in clear");
  }
  // gRPC would refuse each call, and print the token.
  if (!std::all_of(options.token.begin(), options.token.end(), absl::ascii_isgraph)) {
    return BadFieldError("token", "has a character that no token has, such as a space");
  }
  if (options.tls.has_value() &&
      options.tls->certificate_chain.empty() != options.tls->private_key.empty()) {
    return BadFieldError("tls", "certificate_chain and private_key: give both or none");
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(const SecurityOptions& options,
                                                          grpc::ChannelArguments* arguments) {
  if (!options.tls.has_value()) return grpc::InsecureChannelCredentials();
  const TlsOptions& tls = *options.tls;
  if (!tls.server_name.empty()) arguments->SetSslTargetNameOverride(tls.server_name);
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = tls.root_certificates;
  ssl.pem_cert_chain = tls.certificate_chain;
  ssl.pem_private_key = tls.private_key;
  std::shared_ptr<grpc::ChannelCredentials> channel = grpc::SslCredentials(ssl);
  if (options.token.empty()) return channel;
  return grpc::CompositeChannelCredentials(channel, grpc::AccessTokenCredentials(options.token));
}

}  // namespace negatron::client
