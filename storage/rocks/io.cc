// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/io.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/file_system.h"

#include "storage/base/status.h"

namespace negatron {
namespace {

// What a folder lists may be gone a moment later: the database deletes files in
// the background.
bool IsGone(const rocksdb::IOStatus& status) {
  return status.IsNotFound() || status.IsPathNotFound();
}

}  // namespace

absl::Status FromRocks(const rocksdb::Status& status, absl::string_view action) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(action, ": ", status.ToString());
  // Opening in RocksDB 9 wraps the failure and keeps the text alone.
  if (status.IsNoSpace() || absl::StrContains(message, "No space left on device")) {
    return WithReason(absl::UnavailableError(message), "DISK_FULL");
  }
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound()) {
    return WithReason(absl::DataLossError(message), "DATABASE_DAMAGED");
  }
  if (status.IsInvalidArgument() || status.IsNotSupported()) return absl::InternalError(message);
  return WithReason(absl::UnavailableError(message), "DISK_UNWRITABLE");
}

absl::Status SyncFolder(rocksdb::FileSystem& file_system, const std::string& path) {
  std::unique_ptr<rocksdb::FSDirectory> folder;
  rocksdb::IOStatus status = file_system.NewDirectory(path, {}, &folder, nullptr);
  if (status.ok()) status = folder->Fsync({}, nullptr);
  return FromRocks(status, absl::StrCat("syncing the folder ", path));
}

absl::StatusOr<bool> FileExists(rocksdb::FileSystem& file_system, const std::string& path) {
  const rocksdb::IOStatus status = file_system.FileExists(path, {}, nullptr);
  if (status.ok()) return true;
  if (IsGone(status)) return false;
  return FromRocks(status, absl::StrCat("looking for ", path));
}

absl::Status MakeFolders(rocksdb::FileSystem& file_system, const std::string& path) {
  NEGATRON_ASSIGN_OR_RETURN(const bool exists, FileExists(file_system, path));
  if (exists) return absl::OkStatus();
  const size_t slash = path.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  if (slash != std::string::npos) {
    NEGATRON_RETURN_IF_ERROR(MakeFolders(file_system, parent));
    if (slash + 1 == path.size()) return absl::OkStatus();
  }
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system.CreateDirIfMissing(path, {}, nullptr),
                                     absl::StrCat("creating the folder ", path)));
  return SyncFolder(file_system, parent);
}

absl::StatusOr<std::optional<std::string>> ReadFile(rocksdb::FileSystem& file_system,
                                                    const std::string& path) {
  NEGATRON_ASSIGN_OR_RETURN(const bool exists, FileExists(file_system, path));
  if (!exists) return std::nullopt;
  std::string contents;
  NEGATRON_RETURN_IF_ERROR(FromRocks(rocksdb::ReadFileToString(&file_system, path, &contents),
                                     absl::StrCat("reading ", path)));
  return contents;
}

absl::Status ReplaceFile(rocksdb::FileSystem& file_system, const std::string& folder,
                         const std::string& name, absl::string_view contents) {
  const std::string path = absl::StrCat(folder, "/", name);
  const std::string temporary = absl::StrCat(path, ".tmp");
  std::unique_ptr<rocksdb::FSWritableFile> file;
  rocksdb::IOStatus status = file_system.NewWritableFile(temporary, {}, &file, nullptr);
  if (status.ok()) {
    status = file->Append(rocksdb::Slice(contents.data(), contents.size()), {}, nullptr);
  }
  if (status.ok()) status = file->Sync({}, nullptr);
  if (status.ok()) status = file->Close({}, nullptr);
  if (status.ok()) status = file_system.RenameFile(temporary, path, {}, nullptr);
  NEGATRON_RETURN_IF_ERROR(FromRocks(status, absl::StrCat("writing ", path)));
  return SyncFolder(file_system, folder);
}

absl::StatusOr<int64_t> FolderBytes(rocksdb::FileSystem& file_system, const std::string& path) {
  std::vector<std::string> names;
  rocksdb::IOStatus status = file_system.GetChildren(path, {}, &names, nullptr);
  NEGATRON_RETURN_IF_ERROR(FromRocks(status, absl::StrCat("listing ", path)));
  int64_t bytes = 0;
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    const std::string child = absl::StrCat(path, "/", name);
    bool is_folder = false;
    uint64_t size = 0;
    status = file_system.IsDirectory(child, {}, &is_folder, nullptr);
    if (status.ok() && is_folder) {
      NEGATRON_ASSIGN_OR_RETURN(const int64_t below, FolderBytes(file_system, child));
      bytes += below;
      continue;
    }
    if (status.ok()) status = file_system.GetFileSize(child, {}, &size, nullptr);
    // Posix reports a missing file here as a plain error.
    if (!status.ok() && IsGone(file_system.FileExists(child, {}, nullptr))) continue;
    NEGATRON_RETURN_IF_ERROR(FromRocks(status, absl::StrCat("measuring ", child)));
    bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

}  // namespace negatron
