// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_IO_H_
#define NEGATRON_STORAGE_ROCKS_IO_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rocksdb {
class FileSystem;
class Status;
}  // namespace rocksdb

// Files, and what their failures mean. All errors are those of `FromRocks`.
//
// Thread-safety: all functions are thread-safe.
namespace negatron {

// OK for OK. Else a status whose message starts with `action` ("writing the
// log") and whose reason is
//   DISK_FULL, DISK_UNWRITABLE: UNAVAILABLE, may get better;
//   DATABASE_DAMAGED: DATA_LOSS, bytes or files are not what they were.
absl::Status FromRocks(const rocksdb::Status& status, absl::string_view action);

// Creates the folder and its parents where missing, durably.
absl::Status MakeFolders(rocksdb::FileSystem& file_system, const std::string& path);

// Makes files created, renamed or deleted in the folder so for good.
absl::Status SyncFolder(rocksdb::FileSystem& file_system, const std::string& path);

absl::StatusOr<bool> FileExists(rocksdb::FileSystem& file_system, const std::string& path);

// The contents; nullopt if there is no such file.
absl::StatusOr<std::optional<std::string>> ReadFile(rocksdb::FileSystem& file_system,
                                                    const std::string& path);

// Replaces `folder`/`name`, durably; after a loss of power the file has the old
// contents or the new ones.
absl::Status ReplaceFile(rocksdb::FileSystem& file_system, const std::string& folder,
                         const std::string& name, absl::string_view contents);

// Bytes of the files in the folder and those below it.
absl::StatusOr<int64_t> FolderBytes(rocksdb::FileSystem& file_system, const std::string& path);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_IO_H_
