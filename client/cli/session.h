// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_SESSION_H_
#define NEGATRON_CLIENT_CLI_SESSION_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <google/protobuf/message.h>

#include "client/cpp/client.h"

namespace negatron::client {

// What the program's exit code tells a script.
enum class ExitCode : int {
  kOk = 0,
  kUsage = 1,        // Wrong options.
  kRefused = 2,      // The server answered with an error; trying again would not help.
  kUnreachable = 3,  // The server could not be reached, is not ready, or has too much to do.
  kInput = 4,        // A file cannot be read or holds nonsense.
};

// Errors that the program finds itself. ToExitCode tells them from the server's.
absl::Status UsageError(absl::string_view message);
absl::Status InputError(absl::string_view message);

ExitCode ToExitCode(const absl::Status& status);

// One run of the program: options that all commands share, where output goes, and the connection.
//
// Thread-safety: thread-compatible.
struct Session {
  std::ostream* out = nullptr;  // Results.
  std::ostream* err = nullptr;  // Progress and errors.
  bool terminal = false;        // `err` is a terminal.

  std::string server = "dns:///127.0.0.1:7600";
  std::string timeout = "30s";
  bool json = false;

  // Of the connection; paths of PEM files, empty: none.
  bool tls = false;  // Also without any of them: against the roots that gRPC brings.
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_server_name;
  std::string token;
  std::string token_file;  // Wins over `token`, which the environment gives.

  // What the command line asked for.
  std::function<absl::Status(Session&)> command;

  // The connection, made at the first call. Usage error if an option is not valid.
  absl::StatusOr<Client*> Connect();

  // A collection, by id or name.
  absl::StatusOr<v1::Collection> GetCollection(const std::string& id_or_name);

  // Prints in protobuf's JSON, with fields that have their default.
  absl::Status PrintJson(const google::protobuf::Message& message);

  // Prints columns side by side; `rows` are as long as `header`.
  void PrintTable(const std::vector<std::string>& header,
                  const std::vector<std::vector<std::string>>& rows);

  // Prints for people: what is wrong, in which field or row, what to do.
  void PrintError(const absl::Status& status);

 private:
  absl::StatusOr<SecurityOptions> ReadSecurity() const;

  std::unique_ptr<Client> client_;
};

// `collections/{id}` of an id or of such a name.
std::string CollectionName(const std::string& id_or_name);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_SESSION_H_
