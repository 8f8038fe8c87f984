// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_CERTIFICATES_H_
#define NEGATRON_SERVER_APP_CERTIFICATES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include <grpcpp/security/server_credentials.h>

#include "storage/base/mutex.h"

namespace negatron {

// What a TLS server shows and asks for. All in PEM.
struct Certificates {
  std::string chain;      // The server's certificate, and those between it and the root.
  std::string key;        // Its private key, not encrypted.
  std::string client_ca;  // Who signs certificates of clients; empty: clients need none.
};

// Whether handshakes with them can succeed at `now`: all parse, the key is that of the first
// certificate, and that one is valid. INVALID_ARGUMENT says what is wrong; it never quotes the key.
absl::Status CheckCertificates(const Certificates& certificates, absl::Time now);

// The certificates of new handshakes, which may change while a server runs. Connections that stand
// keep theirs.
//
// Thread-safety: thread-safe.
class CertificateStore {
 public:
  // `certificates` must have passed CheckCertificates, here and below.
  explicit CertificateStore(Certificates certificates);

  void Set(Certificates certificates);

  // Those of now, and their number, which grows with each change.
  Certificates Get(int64_t* version) const;

 private:
  mutable Mutex mutex_;
  Certificates certificates_ ABSL_GUARDED_BY(mutex_);
  int64_t version_ ABSL_GUARDED_BY(mutex_) = 1;
};

// Credentials of a server that takes its certificates from `store`, TLS 1.2 at least; with a
// `client_ca`, a client must have a certificate of it. Whether there is one is decided here, once.
//
// They stand on the certificate fetcher of gRPC's core, which asks at each handshake and keeps the
// old certificates when new ones do not load. FileWatcherCertificateProvider of 1.51 is not used:
// its connector frees the old handshaker before it makes the new one, so a key that is read before
// its certificate was replaced ends all handshakes.
//
// They must outlive the server.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    std::shared_ptr<const CertificateStore> store);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_CERTIFICATES_H_
