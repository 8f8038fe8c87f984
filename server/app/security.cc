// SPDX-License-Identifier: Apache-2.0
#include "server/app/security.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "server/rpc/tokens.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

using Contents = std::vector<std::string>;

FileGroup CertificateFiles(const Config& config) {
  FileGroup group{"certificates", {config.tls_cert, config.tls_key}, nullptr};
  if (!config.tls_client_ca.empty()) group.paths.push_back(config.tls_client_ca);
  return group;
}

absl::StatusOr<Certificates> ReadCertificates(const Contents& contents) {
  Certificates certificates{contents[0], contents[1], contents.size() > 2 ? contents[2] : ""};
  // An empty file would mean that clients need no certificate.
  if (contents.size() > 2 && certificates.client_ca.empty()) {
    return absl::InvalidArgumentError("the file of the client CA is empty");
  }
  NEGATRON_RETURN_IF_ERROR(CheckCertificates(certificates, absl::Now()));
  return certificates;
}

absl::StatusOr<std::shared_ptr<const TokenList>> ReadTokens(const Contents& contents) {
  NEGATRON_ASSIGN_OR_RETURN(TokenList list, TokenList::Parse(contents[0]));
  return std::make_shared<const TokenList>(std::move(list));
}

// Says of which setting an error is.
absl::Status OfSetting(absl::string_view setting, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(setting, ": ", status.message()));
}

// Reads the files of a group, which `setting` stands for, and what they say.
template <typename Parse>
auto LoadGroup(const FileGroup& group, absl::string_view setting, Parse parse, Contents* contents)
    -> decltype(parse(*contents)) {
  absl::StatusOr<Contents> read = ReadFiles(group);
  if (!read.ok()) return OfSetting(setting, read.status());
  *contents = *std::move(read);
  auto parsed = parse(*contents);
  if (!parsed.ok()) return OfSetting(setting, parsed.status());
  return parsed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Security>> Security::Load(const Config& config, Log* log) {
  std::unique_ptr<Security> security(new Security);
  std::vector<FileGroup> groups;
  std::vector<Contents> all_contents;
  if (!config.tls_cert.empty()) {
    FileGroup group = CertificateFiles(config);
    NEGATRON_ASSIGN_OR_RETURN(
        Certificates certificates,
        LoadGroup(group, "tls-cert", ReadCertificates, &all_contents.emplace_back()));
    security->certificates_ = std::make_shared<CertificateStore>(std::move(certificates));
    security->credentials_ = MakeTlsCredentials(security->certificates_);
    group.apply = [store =
                       security->certificates_.get()](const Contents& contents) -> absl::Status {
      NEGATRON_ASSIGN_OR_RETURN(Certificates changed, ReadCertificates(contents));
      store->Set(std::move(changed));
      return absl::OkStatus();
    };
    groups.push_back(std::move(group));
  }
  if (!config.token_file.empty()) {
    FileGroup group{"tokens", {config.token_file}, nullptr};
    NEGATRON_ASSIGN_OR_RETURN(
        std::shared_ptr<const TokenList> tokens,
        LoadGroup(group, "token-file", ReadTokens, &all_contents.emplace_back()));
    security->access_ = std::make_unique<AccessControl>(std::move(tokens));
    group.apply = [access = security->access_.get()](const Contents& contents) -> absl::Status {
      NEGATRON_ASSIGN_OR_RETURN(std::shared_ptr<const TokenList> changed, ReadTokens(contents));
      access->Set(std::move(changed));
      return absl::OkStatus();
    };
    groups.push_back(std::move(group));
  }
  if (groups.empty()) return security;
  security->reloader_ = std::make_unique<Reloader>(
      std::move(groups), std::move(all_contents), config.reload_interval,
      [log](absl::string_view group, const absl::Status& status) {
        if (status.ok()) {
          log->Info("reloaded", {{"files", group}});
        } else {
          log->Error("reload_failed", {{"files", group}, {"message", status.message()}});
        }
      });
  return security;
}

absl::Status CheckSecurityFiles(const Config& config) {
  Log quiet(LogLevel::kError, LogFormat::kText);
  return Security::Load(config, &quiet).status();
}

}  // namespace negatron
