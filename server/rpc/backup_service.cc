// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/backup_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <google/protobuf/empty.pb.h>

#include "server/engine/backups.h"
#include "server/rpc/name_pages.h"
#include "server/rpc/times.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

using CreateCall = Call<v1::CreateBackupRequest, v1::CreateBackupResponse>;
using ListCall = Call<v1::ListBackupsRequest, v1::ListBackupsResponse>;
using VerifyCall = Call<v1::VerifyBackupRequest, v1::Backup>;
using DeleteCall = Call<v1::DeleteBackupRequest, google::protobuf::Empty>;

constexpr absl::string_view kPrefix = "backups/";
constexpr int kMaxKeepCount = 10000;

std::string NameOf(absl::string_view id) { return absl::StrCat(kPrefix, id); }

// The id in `backups/{id}`; the folder is never asked for another.
absl::StatusOr<std::string> ReadName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, kPrefix) || !IsBackupId(name)) {
    return InvalidField("name",
                        "must have the form `backups/{id}`, an id such as "
                        "20260131-235959-123456");
  }
  return std::string(name);
}

void Write(const BackupManifest& manifest, v1::Backup* backup) {
  backup->set_name(NameOf(manifest.id));
  WriteTimestamp(manifest.create_time, backup->mutable_create_time());
  backup->set_format_version(static_cast<int32_t>(manifest.format_version));
  backup->set_commit_sequence(manifest.commit_sequence);
  backup->set_size_bytes(manifest.size_bytes());
  backup->set_copied_bytes(manifest.copied_bytes);
  backup->set_file_count(static_cast<int32_t>(manifest.files.size()));
}

v1::BackupTask TaskOf(BackupTask task) {
  switch (task) {
    case BackupTask::kCreate:
      return v1::BACKUP_TASK_CREATE;
    case BackupTask::kVerify:
      return v1::BACKUP_TASK_VERIFY;
    case BackupTask::kDelete:
      return v1::BACKUP_TASK_DELETE;
  }
  return v1::BACKUP_TASK_UNSPECIFIED;
}

void WriteWork(const BackupWork& work, v1::BackupWork* out) {
  out->set_task(TaskOf(work.task));
  if (!work.id.empty()) out->set_backup(NameOf(work.id));
  WriteTimestamp(work.start_time, out->mutable_start_time());
  out->set_done_bytes(work.progress.done_bytes);
  out->set_total_bytes(work.progress.total_bytes);
}

void Create(CreateCall* call) {
  const int32_t keep_count = call->request().keep_count();
  if (keep_count < 0 || keep_count > kMaxKeepCount) {
    return call->End(InvalidField("keep_count", "must be in [0, 10000]"));
  }
  call->engine()->backups().Create(keep_count, call->cancellation(),
                                   [call](const absl::StatusOr<CreatedBackup>& created) {
                                     if (!created.ok()) return call->End(created.status());
                                     Write(created->manifest, call->response()->mutable_backup());
                                     for (const std::string& id : created->deleted) {
                                       call->response()->add_deleted_backups(NameOf(id));
                                     }
                                     call->End(absl::OkStatus());
                                   });
}

absl::Status List(ListCall* call) {
  Violations violations;
  const NamePage page =
      ReadNamePage(call->request(), NamePageKind::kBackups, "ListBackups", &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_ASSIGN_OR_RETURN(std::vector<BackupEntry> entries, call->engine()->backups().List());
  std::erase_if(entries, [&](const BackupEntry& entry) { return entry.id <= page.after; });
  const bool more = page.Cut(&entries);
  for (const BackupEntry& entry : entries) {
    v1::Backup* const backup = call->response()->add_backups();
    if (entry.problem.ok()) {
      Write(entry.manifest, backup);
    } else {
      backup->set_name(NameOf(entry.id));
      backup->set_problem(std::string(entry.problem.message()));
    }
  }
  if (more) {
    call->response()->set_next_page_token(NamePageToken(NamePageKind::kBackups, entries.back().id));
  }
  if (const std::optional<BackupWork> work = call->engine()->backups().running()) {
    WriteWork(*work, call->response()->mutable_running());
  }
  return absl::OkStatus();
}

void Verify(VerifyCall* call) {
  absl::StatusOr<std::string> id = ReadName(call->request().name());
  if (!id.ok()) return call->End(id.status());
  call->engine()->backups().Verify(*std::move(id), call->cancellation(),
                                   [call](const absl::StatusOr<BackupManifest>& manifest) {
                                     if (manifest.ok()) Write(*manifest, call->response());
                                     call->End(manifest.status());
                                   });
}

absl::Status Delete(DeleteCall* call) {
  NEGATRON_ASSIGN_OR_RETURN(const std::string id, ReadName(call->request().name()));
  absl::Status status = call->engine()->backups().Delete(id);
  if (absl::IsNotFound(status) && call->request().allow_missing()) return absl::OkStatus();
  return status;
}

}  // namespace

grpc::ServerUnaryReactor* BackupService::CreateBackup(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::CreateBackupRequest, v1::CreateBackupResponse>(
      "BackupService/CreateBackup", context, request, response, Create);
}

grpc::ServerUnaryReactor* BackupService::ListBackups(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::ListBackupsRequest, v1::ListBackupsResponse>(
      "BackupService/ListBackups", context, request, response,
      [](ListCall* call) { call->End(List(call)); });
}

grpc::ServerUnaryReactor* BackupService::VerifyBackup(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::VerifyBackupRequest, v1::Backup>(
      "BackupService/VerifyBackup", context, request, response, Verify);
}

grpc::ServerUnaryReactor* BackupService::DeleteBackup(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return dispatcher_->Serve<v1::DeleteBackupRequest, google::protobuf::Empty>(
      "BackupService/DeleteBackup", context, request, response,
      [](DeleteCall* call) { call->End(Delete(call)); });
}

}  // namespace negatron
