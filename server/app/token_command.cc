// SPDX-License-Identifier: Apache-2.0
#include "server/app/token_command.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <CLI/CLI.hpp>

#include "server/app/reloader.h"
#include "server/rpc/tokens.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

struct CreateOptions {
  std::string id;
  std::string scopes;
  std::string collections = "*";
  std::string expires = "never";
  std::string file;
};

absl::Status FileError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

// What a token file holds; nothing if there is none.
absl::StatusOr<std::string> ReadTokenFile(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) return std::string();
  NEGATRON_ASSIGN_OR_RETURN(const std::vector<std::string> contents,
                            ReadFiles({"tokens", {path}, nullptr}));
  return contents[0];
}

absl::Status WriteAll(int descriptor, absl::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0) return FileError("write", path);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(descriptor) == 0 ? absl::OkStatus() : FileError("write", path);
}

// Puts a whole new file in the place of the old one, so that a server never reads half of it. Owner
// and mode stay; a new file is readable by its owner and group.
absl::Status ReplaceFile(const std::string& path, absl::string_view text) {
  struct stat old {};
  const bool exists = stat(path.c_str(), &old) == 0;
  const std::string next = absl::StrCat(path, ".new");
  const int descriptor = open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (descriptor < 0) return FileError("make", next);
  absl::Status status = WriteAll(descriptor, text, next);
  if (status.ok() && exists &&
      (fchown(descriptor, old.st_uid, old.st_gid) != 0 || fchmod(descriptor, old.st_mode) != 0)) {
    status = FileError("set the owner and mode of", next);
  }
  close(descriptor);
  if (status.ok() && rename(next.c_str(), path.c_str()) != 0) status = FileError("replace", path);
  if (!status.ok()) unlink(next.c_str());
  return status;
}

absl::StatusOr<std::string> CreateToken(const CreateOptions& options) {
  TokenEntry entry;
  NEGATRON_RETURN_IF_ERROR(ReadTokenId(options.id, &entry));
  NEGATRON_RETURN_IF_ERROR(ReadScopes(options.scopes, &entry));
  NEGATRON_RETURN_IF_ERROR(ReadCollections(options.collections, &entry));
  NEGATRON_RETURN_IF_ERROR(ReadExpireTime(options.expires, &entry));
  if (entry.expire_time <= absl::Now()) {
    return absl::InvalidArgumentError("the time of expiry is over");
  }
  NEGATRON_ASSIGN_OR_RETURN(std::string text, ReadTokenFile(options.file));
  std::string token = DrawToken(&entry);
  if (!text.empty() && !absl::EndsWith(text, "\n")) absl::StrAppend(&text, "\n");
  absl::StrAppend(&text, FormatTokenEntry(entry), "\n");
  // Also finds an id that is there already, and whatever was wrong with the file before.
  if (const auto list = TokenList::Parse(text); !list.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(options.file, ": ", list.status().message()));
  }
  NEGATRON_RETURN_IF_ERROR(ReplaceFile(options.file, text));
  return token;
}

}  // namespace

int RunTokenCommand(const std::vector<std::string>& arguments) {
  CLI::App app("Bearer tokens of the server.", "negatrond");
  app.require_subcommand(1);
  CLI::App* const tokens = app.add_subcommand(kTokenCommand, "Makes tokens.");
  tokens->require_subcommand(1);
  CLI::App* const create = tokens->add_subcommand(
      "create", "Adds an entry to a token file, and prints the token, which is kept nowhere.");
  CreateOptions options;
  create->add_option("id", options.id, "Name of the entry, [a-z0-9-]; logs may show it.")
      ->required();
  create->add_option("--scopes", options.scopes, "Of read, write and admin, as read,write.")
      ->required();
  create->add_option("--collections", options.collections, "Ids, as films,books; * for all.")
      ->capture_default_str();
  create->add_option("--expires", options.expires, "As 2027-01-01T00:00:00Z, or never.")
      ->capture_default_str();
  create->add_option("--file", options.file, "The token file; made if there is none.")->required();
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  const absl::StatusOr<std::string> token = CreateToken(options);
  if (!token.ok()) {
    std::fprintf(stderr, "negatrond: %s\n", std::string(token.status().message()).c_str());
    return 1;
  }
  std::printf("%s\n", token->c_str());
  return 0;
}

}  // namespace negatron
