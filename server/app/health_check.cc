// SPDX-License-Identifier: Apache-2.0
#include "server/app/health_check.h"

#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>

#include "negatron/wire/status.pb.h"
#include "proto/cc/status.h"
#include "server/app/reloader.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

using HealthStub = grpc::TemplatedGenericStub<wire::HealthCheckRequest, wire::HealthCheckResponse>;

// The check runs beside the server and hands over no secret, so it need not know who answers: the
// server's certificate rarely has a name for this machine's own address. It shows a certificate of
// its own where the server asks for one.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const Config& config) {
  if (config.tls_cert.empty()) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  if (!config.tls_client_ca.empty()) {
    const bool own = !config.health_tls_cert.empty();
    NEGATRON_ASSIGN_OR_RETURN(const std::vector<std::string> pair,
                              ReadFiles({"health check",
                                         {own ? config.health_tls_cert : config.tls_cert,
                                          own ? config.health_tls_key : config.tls_key},
                                         nullptr}));
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
            std::vector<grpc::experimental::IdentityKeyCertPair>{{pair[1], pair[0]}}));
    options.watch_identity_key_cert_pairs();
  }
  return grpc::experimental::TlsCredentials(options);
}

absl::StatusOr<Address> FindServer(const Config& config) {
  Address address = config.listen.ForLocalClient();
  if (address.port != 0) return address;
  if (config.port_file.empty()) {
    return absl::FailedPreconditionError("port 0 is any free port; only a port file tells which");
  }
  std::ifstream file(config.port_file);
  if (!(file >> address.port)) {
    return absl::UnavailableError(absl::StrCat("there is no port in ", config.port_file));
  }
  return address;
}

}  // namespace

absl::Status CheckHealth(const Config& config, absl::Duration timeout) {
  NEGATRON_ASSIGN_OR_RETURN(const Address address, FindServer(config));
  grpc::ChannelArguments arguments;
  // The server is on this machine, whatever proxy the environment names.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  NEGATRON_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials,
                            MakeCredentials(config));
  HealthStub stub(grpc::CreateCustomChannel(address.ToString(), credentials, arguments));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  const wire::HealthCheckRequest request;
  wire::HealthCheckResponse response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  NEGATRON_RETURN_IF_ERROR(FromGrpcStatus(done.get_future().get()));
  if (response.status() != wire::HealthCheckResponse::SERVING) {
    return absl::UnavailableError("the server is up, but does not serve yet or any more");
  }
  return absl::OkStatus();
}

}  // namespace negatron
