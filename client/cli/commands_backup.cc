// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_backup.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "client/cli/values.h"

namespace negatron::client {
namespace {

constexpr absl::string_view kPrefix = "backups/";

struct BackupOptions {
  std::string name;
  int keep_count = 0;
  bool allow_missing = false;
};

// `backups/{id}` of an id or of such a name.
std::string BackupName(const std::string& id_or_name) {
  return absl::StartsWith(id_or_name, kPrefix) ? id_or_name : absl::StrCat(kPrefix, id_or_name);
}

std::string IdOf(const v1::Backup& backup) { return backup.name().substr(kPrefix.size()); }

absl::Status Create(Session& session, const BackupOptions& options) {
  v1::CreateBackupRequest request;
  request.set_keep_count(options.keep_count);
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::CreateBackupResponse> made = (*client)->CreateBackup(request);
  if (!made.ok()) return made.status();
  if (session.json) return session.PrintJson(*made);
  *session.out << IdOf(made->backup()) << ": " << FormatBytes(made->backup().size_bytes())
               << ", of which " << FormatBytes(made->backup().copied_bytes()) << " are new\n";
  for (const std::string& name : made->deleted_backups()) {
    *session.out << "deleted " << name.substr(kPrefix.size()) << "\n";
  }
  return absl::OkStatus();
}

absl::Status List(Session& session, const BackupOptions&) {
  v1::ListBackupsRequest request;
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::ListBackupsResponse all;
  do {
    const absl::StatusOr<v1::ListBackupsResponse> page = (*client)->ListBackups(request);
    if (!page.ok()) return page.status();
    all.mutable_backups()->MergeFrom(page->backups());
    if (page->has_running()) *all.mutable_running() = page->running();
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (session.json) return session.PrintJson(all);
  std::vector<std::vector<std::string>> rows;
  rows.reserve(static_cast<size_t>(all.backups_size()));
  for (const v1::Backup& backup : all.backups()) {
    if (!backup.problem().empty()) {
      rows.push_back({IdOf(backup), "-", "-", "-", "-", "-", backup.problem()});
      continue;
    }
    rows.push_back({IdOf(backup), FormatMicros(ToMicros(backup.create_time())),
                    FormatBytes(backup.size_bytes()), FormatBytes(backup.copied_bytes()),
                    absl::StrCat(backup.format_version()), WithCommas(backup.commit_sequence()),
                    ""});
  }
  session.PrintTable({"backup", "time", "size", "new", "format", "commit", "problem"}, rows);
  if (all.has_running()) {
    *session.out << "running: "
                 << ShortName(v1::BackupTask_Name(all.running().task()), "BACKUP_TASK_") << " "
                 << all.running().backup() << ", " << FormatBytes(all.running().done_bytes())
                 << " of " << FormatBytes(all.running().total_bytes()) << "\n";
  }
  return absl::OkStatus();
}

absl::Status Verify(Session& session, const BackupOptions& options) {
  v1::VerifyBackupRequest request;
  request.set_name(BackupName(options.name));
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Backup> backup = (*client)->VerifyBackup(request);
  if (!backup.ok()) return backup.status();
  if (session.json) return session.PrintJson(*backup);
  *session.out << IdOf(*backup) << " is whole: " << WithCommas(backup->file_count()) << " files, "
               << FormatBytes(backup->size_bytes()) << "\n";
  return absl::OkStatus();
}

absl::Status Delete(Session& session, const BackupOptions& options) {
  v1::DeleteBackupRequest request;
  request.set_name(BackupName(options.name));
  request.set_allow_missing(options.allow_missing);
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  return (*client)->DeleteBackup(request);
}

}  // namespace

void AddBackupCommands(CLI::App* app, Session* session) {
  CLI::App* backup = app->add_subcommand("backup", "Makes and looks after backups on the server.");
  backup->require_subcommand(1)->fallthrough();
  const auto options = std::make_shared<BackupOptions>();
  const auto add = [&](const char* name, const char* description,
                       absl::Status (*run)(Session&, const BackupOptions&), bool has_name) {
    CLI::App* command = backup->add_subcommand(name, description);
    command->fallthrough();
    if (has_name) command->add_option("name", options->name, "Id of the backup.")->required();
    command->callback([session, options, run] {
      session->command = [options, run](Session& now) { return run(now, *options); };
    });
    return command;
  };
  add("create", "Makes a backup; give it time with --timeout.", Create, false)
      ->add_option("--keep", options->keep_count, "Delete the oldest beyond this many.")
      ->check(CLI::Range(1, 10000));
  add("list", "Lists backups, oldest first.", List, false);
  add("verify", "Compares every byte with the checksums.", Verify, true);
  add("delete", "Deletes a backup.", Delete, true)
      ->add_flag("--allow-missing", options->allow_missing, "No error if there is none.");
}

}  // namespace negatron::client
