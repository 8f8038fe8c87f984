// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_versions.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <CLI/CLI.hpp>

#include "client/cli/values.h"

namespace negatron::client {
namespace {

struct VersionSettings {
  std::string collection;
  int64_t model_version = 0;
};

// `staging`, `committed`.
std::string StateName(v1::EmbeddingVersionState state) {
  const std::string& name = v1::EmbeddingVersionState_Name(state);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "EMBEDDING_VERSION_STATE_"));
}

absl::Status List(Session& session, const VersionSettings& settings) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::ListEmbeddingVersionsRequest request;
  request.set_collection(CollectionName(settings.collection));
  const auto versions = (*client)->ListEmbeddingVersions(request);
  if (!versions.ok()) return versions.status();
  if (session.json) return session.PrintJson(*versions);
  std::vector<std::vector<std::string>> rows;
  for (const v1::EmbeddingVersion& version : versions->versions()) {
    const bool staging = version.state() == v1::EMBEDDING_VERSION_STATE_STAGING;
    rows.push_back({absl::StrCat(version.model_version()), StateName(version.state()),
                    FormatMicros(ToMicros(version.create_time())),
                    FormatMicros(ToMicros(staging ? version.expire_time() : version.end_time())),
                    WithCommas(version.row_count()), WithCommas(version.user_row_count())});
  }
  session.PrintTable({"model version", "state", "began", "ended or expires", "items", "users"},
                     rows);
  return absl::OkStatus();
}

absl::Status Abort(Session& session, const VersionSettings& settings) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::AbortEmbeddingVersionRequest request;
  request.set_name(absl::StrCat(CollectionName(settings.collection), "/embeddingVersions/",
                                settings.model_version));
  const absl::StatusOr<v1::EmbeddingVersion> version = (*client)->AbortEmbeddingVersion(request);
  if (!version.ok()) return version.status();
  if (session.json) return session.PrintJson(*version);
  *session.out << version->name() << " is " << StateName(version->state()) << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddVersionCommands(CLI::App* app, Session* session) {
  CLI::App* group = app->add_subcommand(
      "embeddings", "Shows and aborts staged versions: whole tables that are being uploaded.");
  group->require_subcommand(1)->fallthrough();
  const auto settings = std::make_shared<VersionSettings>();
  const auto add = [&](const char* name, const char* description,
                       absl::Status (*run)(Session&, const VersionSettings&)) {
    CLI::App* command = group->add_subcommand(name, description);
    command->fallthrough();
    command->add_option("--collection", settings->collection, "Id of the collection.")->required();
    command->callback([session, settings, run] {
      session->command = [settings, run](Session& now) { return run(now, *settings); };
    });
    return command;
  };
  add("versions", "Lists the versions that are staged, and those that ended.", List);
  CLI::App* abort =
      add("abort", "Ends a version that is staged, with all that was uploaded of it.", Abort);
  abort->add_option("model-version", settings->model_version, "Its model version.")
      ->required()
      ->check(CLI::PositiveNumber);
}

}  // namespace negatron::client
