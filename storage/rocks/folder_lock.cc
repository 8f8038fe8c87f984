// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/folder_lock.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/file_system.h"

#include "storage/base/status.h"

namespace negatron {

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(
    std::shared_ptr<rocksdb::FileSystem> file_system, const std::string& folder,
    absl::string_view what, absl::string_view reason) {
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::IOStatus status =
      file_system->LockFile(absl::StrCat(folder, "/LOCK"), {}, &lock, nullptr);
  if (!status.ok()) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the ", what, " ", folder, " is in use, or cannot be locked: ", status.ToString())),
        reason);
  }
  return std::unique_ptr<FolderLock>(new FolderLock(std::move(file_system), lock));
}

FolderLock::FolderLock(std::shared_ptr<rocksdb::FileSystem> file_system, rocksdb::FileLock* lock)
    : file_system_(std::move(file_system)), lock_(lock) {}

FolderLock::~FolderLock() { file_system_->UnlockFile(lock_, {}, nullptr).PermitUncheckedError(); }

}  // namespace negatron
