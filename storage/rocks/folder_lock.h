// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_FOLDER_LOCK_H_
#define NEGATRON_STORAGE_ROCKS_FOLDER_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rocksdb {
class FileLock;
class FileSystem;
}  // namespace rocksdb

namespace negatron {

// Holds a folder against other processes, and against other holders in this one, by its file LOCK.
//
// Thread-safety: immutable.
class FolderLock {
 public:
  // `what` is the folder in words ("data folder"). Errors: FAILED_PRECONDITION with `reason` if
  // another holds it, or it cannot be locked.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(
      std::shared_ptr<rocksdb::FileSystem> file_system, const std::string& folder,
      absl::string_view what = "data folder", absl::string_view reason = "DATA_FOLDER_IN_USE");
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  FolderLock(std::shared_ptr<rocksdb::FileSystem> file_system, rocksdb::FileLock* lock);

  const std::shared_ptr<rocksdb::FileSystem> file_system_;
  rocksdb::FileLock* const lock_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_FOLDER_LOCK_H_
