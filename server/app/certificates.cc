// SPDX-License-Identifier: Apache-2.0
#include "server/app/certificates.h"

#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "storage/base/status.h"

namespace negatron {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Pointer = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio OpenText(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

X509Pointer ReadCertificate(BIO* bio) {
  return {PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), X509_free};
}

// Reads the rest of a bundle: the number of its certificates, or -1 if something in it is none.
int CountCertificates(BIO* bio) {
  ERR_clear_error();
  int count = 0;
  while (ReadCertificate(bio) != nullptr) ++count;
  return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? count : -1;
}

// For PEM_read_bio_PrivateKey: no passphrase, where the default would ask at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::Status CheckChain(const std::string& chain, const std::string& key, absl::Time now) {
  const Bio chain_bio = OpenText(chain);
  const X509Pointer certificate = ReadCertificate(chain_bio.get());
  if (certificate == nullptr) {
    return absl::InvalidArgumentError("the certificate is not one in PEM");
  }
  const Bio key_bio = OpenText(key);
  const KeyPointer parsed(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassphrase, nullptr),
                          EVP_PKEY_free);
  if (parsed == nullptr) {
    return absl::InvalidArgumentError("the key is not an unencrypted private key in PEM");
  }
  if (X509_check_private_key(certificate.get(), parsed.get()) != 1) {
    return absl::InvalidArgumentError("the key is not that of the certificate");
  }
  std::time_t at = absl::ToTimeT(now);
  if (X509_cmp_time(X509_get0_notBefore(certificate.get()), &at) > 0) {
    return absl::InvalidArgumentError("the certificate is not valid yet");
  }
  if (X509_cmp_time(X509_get0_notAfter(certificate.get()), &at) < 0) {
    return absl::InvalidArgumentError("the certificate has expired");
  }
  if (CountCertificates(chain_bio.get()) < 0) {
    return absl::InvalidArgumentError("a certificate behind the first one is not one in PEM");
  }
  return absl::OkStatus();
}

class TlsCredentials final : public grpc::ServerCredentials {
 public:
  explicit TlsCredentials(std::shared_ptr<const CertificateStore> store)
      : store_(std::move(store)) {
    const auto request = store_->Get(&served_version_).client_ca.empty()
                             ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                             : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    served_version_ = 0;
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, Fetch, this));
  }
  ~TlsCredentials() override { grpc_server_credentials_release(credentials_); }
  TlsCredentials(const TlsCredentials&) = delete;
  TlsCredentials& operator=(const TlsCredentials&) = delete;

  // Never called: tokens are checked in server/rpc, which knows the methods.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Asked before each handshake, by one thread at a time.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<TlsCredentials*>(self)->Fetch(config);
  }
  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config) {
    int64_t version = 0;
    const Certificates certificates = store_->Get(&version);
    if (version == served_version_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair = {certificates.key.c_str(), certificates.chain.c_str()};
    // The core aborts without roots, also where no client is asked for a certificate; then they are
    // not used, and the chain is as good as any.
    const std::string& roots =
        certificates.client_ca.empty() ? certificates.chain : certificates.client_ca;
    *config = grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
    served_version_ = version;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const std::shared_ptr<const CertificateStore> store_;
  int64_t served_version_ = 0;
  grpc_server_credentials* credentials_ = nullptr;
};

}  // namespace

absl::Status CheckCertificates(const Certificates& certificates, absl::Time now) {
  absl::Status status = CheckChain(certificates.chain, certificates.key, now);
  if (status.ok() && !certificates.client_ca.empty() &&
      CountCertificates(OpenText(certificates.client_ca).get()) < 1) {
    status = absl::InvalidArgumentError("the certificates of the client CA are not all in PEM");
  }
  ERR_clear_error();  // The queue is the thread's, and gRPC reads it too.
  return status;
}

CertificateStore::CertificateStore(Certificates certificates)
    : certificates_(std::move(certificates)) {}

void CertificateStore::Set(Certificates certificates) {
  MutexLock lock(mutex_);
  certificates_ = std::move(certificates);
  ++version_;
}

Certificates CertificateStore::Get(int64_t* version) const {
  MutexLock lock(mutex_);
  *version = version_;
  return certificates_;
}

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    std::shared_ptr<const CertificateStore> store) {
  return std::make_shared<TlsCredentials>(std::move(store));
}

}  // namespace negatron
