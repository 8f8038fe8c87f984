// SPDX-License-Identifier: Apache-2.0
#include "client/cli/session.h"

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <google/protobuf/util/json_util.h>

#include "client/cli/values.h"
#include "proto/cc/status.h"

namespace negatron::client {
namespace {

// Payload of errors that the program finds itself: the exit code.
constexpr absl::string_view kExitCodeUrl = "negatron.client.cli/exit_code";

// More of them seldom tell more.
constexpr int kMaxViolations = 5;

absl::Status LocalError(absl::string_view message, ExitCode code) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kExitCodeUrl, absl::Cord(absl::StrCat(static_cast<int>(code))));
  return status;
}

// What a person can do about it; empty if there is nothing general to say.
std::string Advice(const absl::Status& status, const std::string& server) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return absl::StrCat("No answer from ", server,
                          ". Is negatrond running and ready? Another address goes into --server "
                          "or NEGATRON_SERVER.");
    case absl::StatusCode::kDeadlineExceeded:
      return "The time was over before the answer came; --timeout, or --patience of an import, "
             "gives it "
             "more.";
    case absl::StatusCode::kResourceExhausted:
      return "The server has too much to do, or the message is over its limit; try again later.";
    case absl::StatusCode::kUnauthenticated:
      return "A token goes into --token-file or NEGATRON_TOKEN; `negatrond token` makes one.";
    case absl::StatusCode::kUnimplemented:
      return absl::StrCat("Is the server at ", server, " a Negatron of this version?");
    default:
      return "";
  }
}

// The text of a small file; nothing without a path.
absl::StatusOr<std::string> ReadText(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad() || text.empty()) {
    return InputError(absl::StrCat("cannot read ", path, ", or it is empty"));
  }
  return text;
}

}  // namespace

absl::Status UsageError(absl::string_view message) { return LocalError(message, ExitCode::kUsage); }

absl::Status InputError(absl::string_view message) { return LocalError(message, ExitCode::kInput); }

ExitCode ToExitCode(const absl::Status& status) {
  if (status.ok()) return ExitCode::kOk;
  int code = 0;
  if (const auto payload = status.GetPayload(kExitCodeUrl);
      payload.has_value() && absl::SimpleAtoi(std::string(*payload), &code)) {
    return static_cast<ExitCode>(code);
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return ExitCode::kUnreachable;
    default:
      return ExitCode::kRefused;
  }
}

absl::StatusOr<SecurityOptions> Session::ReadSecurity() const {
  SecurityOptions options;
  const auto read = [](const std::string& path, std::string* text) {
    absl::StatusOr<std::string> content = ReadText(path);
    if (!content.ok()) return content.status();
    *text = *std::move(content);
    return absl::OkStatus();
  };
  options.token = token;
  if (!token_file.empty()) {
    if (absl::Status status = read(token_file, &options.token); !status.ok()) return status;
    absl::StripAsciiWhitespace(&options.token);
  }
  if (!tls && tls_ca.empty() && tls_cert.empty() && tls_key.empty()) return options;
  TlsOptions& made = options.tls.emplace();
  made.server_name = tls_server_name;
  absl::Status status = read(tls_ca, &made.root_certificates);
  if (status.ok()) status = read(tls_cert, &made.certificate_chain);
  if (status.ok()) status = read(tls_key, &made.private_key);
  if (!status.ok()) return status;
  return options;
}

absl::StatusOr<Client*> Session::Connect() {
  if (client_ != nullptr) return client_.get();
  const absl::StatusOr<absl::Duration> deadline = ParsePositiveDuration(timeout);
  if (!deadline.ok()) return UsageError(absl::StrCat("--timeout: ", deadline.status().message()));
  ClientOptions options;
  options.target = server;
  options.deadline = *deadline;
  absl::StatusOr<SecurityOptions> security = ReadSecurity();
  if (!security.ok()) return security.status();
  if (const absl::Status status = CheckSecurity(*security); !status.ok()) {
    return UsageError(status.message());
  }
  options.security = *std::move(security);
  absl::StatusOr<std::unique_ptr<Client>> made = Client::Create(std::move(options));
  if (!made.ok()) return UsageError(absl::StrCat("--server: ", made.status().message()));
  client_ = *std::move(made);
  return client_.get();
}

absl::StatusOr<v1::Collection> Session::GetCollection(const std::string& id_or_name) {
  const absl::StatusOr<Client*> client = Connect();
  if (!client.ok()) return client.status();
  v1::GetCollectionRequest request;
  request.set_name(CollectionName(id_or_name));
  return (*client)->GetCollection(request);
}

absl::Status Session::PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) return absl::InternalError("the answer cannot be written as JSON");
  *out << text;
  if (!absl::EndsWith(text, "\n")) *out << "\n";
  return absl::OkStatus();
}

void Session::PrintTable(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (size_t column = 0; column < header.size(); ++column) {
    size_t width = header[column].size();
    for (const std::vector<std::string>& row : rows) width = std::max(width, row[column].size());
    widths.push_back(width);
  }
  const auto print = [&](const std::vector<std::string>& row) {
    for (size_t column = 0; column + 1 < row.size(); ++column) {
      *out << std::left << std::setw(static_cast<int>(widths[column])) << row[column] << "  ";
    }
    *out << row.back() << "\n";
  };
  print(header);
  for (const std::vector<std::string>& row : rows) print(row);
}

void Session::PrintError(const absl::Status& status) {
  *err << "error: " << status.message() << "\n";
  const wire::BadRequest bad = GetBadRequest(status).value_or(wire::BadRequest());
  int printed = 0;
  for (const auto& violation : bad.field_violations()) {
    // A message that names the field already says it all.
    if (absl::StrContains(status.message(), violation.description())) continue;
    if (printed++ == kMaxViolations) {
      *err << "  ... and more of them\n";
      break;
    }
    *err << "  " << violation.field() << ": " << violation.description() << "\n";
  }
  if (ToExitCode(status) == ExitCode::kUsage) *err << "  `negatron --help` lists the options.\n";
  if (const std::string advice = Advice(status, server); !advice.empty()) {
    *err << "  " << advice << "\n";
  }
  *err << std::flush;
}

std::string CollectionName(const std::string& id_or_name) {
  constexpr absl::string_view kPrefix = "collections/";
  if (absl::StartsWith(id_or_name, kPrefix)) return id_or_name;
  return absl::StrCat(kPrefix, id_or_name);
}

}  // namespace negatron::client
