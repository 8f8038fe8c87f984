// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/restore.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/file_system.h"

#include "storage/base/status.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/folder_lock.h"
#include "storage/rocks/io.h"

namespace negatron {
namespace {

constexpr absl::string_view kMarkerName = "RESTORING";

absl::Status CheckEmpty(rocksdb::FileSystem& file_system, const std::string& folder) {
  NEGATRON_ASSIGN_OR_RETURN(const bool exists, FileExists(file_system, folder));
  if (!exists) return absl::OkStatus();
  std::vector<std::string> names;
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system.GetChildren(folder, {}, &names, nullptr),
                                     absl::StrCat("listing ", folder)));
  for (const std::string& name : names) {
    if (name == "." || name == ".." || name == "lost+found") continue;
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "a backup is restored into a new or empty folder only; ", folder, " has ", name,
            ". If a restore into it was interrupted, remove what is in it first.")),
        "DATA_FOLDER_NOT_EMPTY");
  }
  return absl::OkStatus();
}

absl::Status CopyFiles(const BackupFolder& backups, const BackupManifest& manifest,
                       const RestoreOptions& options, rocksdb::FileSystem& file_system,
                       const Cancellation& cancellation, const BackupObserver& observer) {
  BackupProgress progress{0, manifest.size_bytes()};
  const FileWork work{cancellation, [&](int64_t bytes) {
                        progress.done_bytes += bytes;
                        if (observer) observer(progress);
                      }};
  const std::string from = absl::StrCat(backups.PathOf(manifest.id), "/");
  const std::string to = absl::StrCat(options.data_dir, "/");
  NEGATRON_RETURN_IF_ERROR(MakeFolders(file_system, absl::StrCat(to, "db")));
  NEGATRON_RETURN_IF_ERROR(MakeFolders(file_system, absl::StrCat(to, "index")));
  for (const BackupFile& file : manifest.files) {
    NEGATRON_ASSIGN_OR_RETURN(
        const FileSum sum,
        CopyFile(file_system, absl::StrCat(from, file.path), absl::StrCat(to, file.path), work));
    if (sum == file.sum) continue;
    return WithReason(
        absl::DataLossError(absl::StrCat("the file ", file.path, " of the backup ", manifest.id,
                                         " changed while it was being restored")),
        "BACKUP_DAMAGED");
  }
  NEGATRON_RETURN_IF_ERROR(SyncFolder(file_system, absl::StrCat(to, "db")));
  NEGATRON_RETURN_IF_ERROR(SyncFolder(file_system, absl::StrCat(to, "index")));
  return SyncFolder(file_system, options.data_dir);
}

}  // namespace

absl::Status CheckRestored(rocksdb::FileSystem& file_system, const std::string& data_dir) {
  NEGATRON_ASSIGN_OR_RETURN(const bool restoring,
                            FileExists(file_system, absl::StrCat(data_dir, "/", kMarkerName)));
  if (!restoring) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "a backup was being restored into ", data_dir,
          ", and that did not end. Way out: remove what is in the folder, and restore again.")),
      "RESTORE_INCOMPLETE");
}

absl::StatusOr<BackupManifest> RestoreBackup(const RestoreOptions& options,
                                             const Cancellation& cancellation,
                                             const BackupObserver& observer) {
  const std::shared_ptr<rocksdb::FileSystem> file_system =
      options.file_system != nullptr ? options.file_system : rocksdb::FileSystem::Default();
  NEGATRON_RETURN_IF_ERROR(CheckEmpty(*file_system, options.data_dir));
  const BackupFolder backups(options.backup_dir, file_system);
  NEGATRON_ASSIGN_OR_RETURN(BackupManifest manifest, backups.Read(options.backup_id));
  if (manifest.format_version > kFormatVersion) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the backup ", manifest.id, " has format version ", manifest.format_version,
            "; this program knows versions up to ", kFormatVersion,
            ": restore it with the version of Negatron that made "
            "it, or a later one")),
        "FORMAT_TOO_NEW");
  }
  NEGATRON_RETURN_IF_ERROR(backups.Verify(options.backup_id, cancellation, nullptr).status());
  NEGATRON_RETURN_IF_ERROR(MakeFolders(*file_system, options.data_dir));
  // Before the lock, which leaves a file of its own: from here on a start refuses the folder.
  NEGATRON_RETURN_IF_ERROR(
      ReplaceFile(*file_system, options.data_dir, std::string(kMarkerName),
                  absl::StrCat("backup ", manifest.id, " is being restored here\n")));
  NEGATRON_ASSIGN_OR_RETURN(const auto lock, FolderLock::Take(file_system, options.data_dir));
  NEGATRON_RETURN_IF_ERROR(
      CopyFiles(backups, manifest, options, *file_system, cancellation, observer));
  NEGATRON_RETURN_IF_ERROR(FromRocks(
      file_system->DeleteFile(absl::StrCat(options.data_dir, "/", kMarkerName), {}, nullptr),
      "ending the restore"));
  NEGATRON_RETURN_IF_ERROR(SyncFolder(*file_system, options.data_dir));
  return manifest;
}

}  // namespace negatron
