// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_SECURITY_H_
#define NEGATRON_SERVER_APP_SECURITY_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <grpcpp/security/server_credentials.h>

#include "server/app/certificates.h"
#include "server/app/config.h"
#include "server/app/logging.h"
#include "server/app/reloader.h"
#include "server/rpc/access.h"

namespace negatron {

// The certificates and tokens that the configuration names, read and reloaded when they change. A
// change that cannot be used is logged, and what was there before stays in use.
//
// Thread-safety: thread-safe.
class Security {
 public:
  // Fails with INVALID_ARGUMENT, naming the setting, if a file cannot be read or used. `log` must
  // outlive the object.
  static absl::StatusOr<std::unique_ptr<Security>> Load(const Config& config, Log* log);

  // For the port; plain text without certificates. The object must outlive the server.
  const std::shared_ptr<grpc::ServerCredentials>& credentials() const { return credentials_; }

  // Null without a token file: then anybody may call anything.
  const AccessControl* access() const { return access_.get(); }

 private:
  Security() = default;

  std::shared_ptr<CertificateStore> certificates_;
  std::shared_ptr<grpc::ServerCredentials> credentials_ = grpc::InsecureServerCredentials();
  std::unique_ptr<AccessControl> access_;
  std::unique_ptr<Reloader> reloader_;  // Ends first: it changes the others.
};

// Fails as Load does.
absl::Status CheckSecurityFiles(const Config& config);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_SECURITY_H_
