// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_RESTORE_H_
#define NEGATRON_STORAGE_ROCKS_RESTORE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/cancellation.h"
#include "storage/rocks/backup_folder.h"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace negatron {

struct RestoreOptions {
  std::string backup_dir;
  std::string backup_id;
  std::string data_dir;  // Missing, or empty.
  // Null: the system's.
  std::shared_ptr<rocksdb::FileSystem> file_system;
};

// Makes a data folder of a backup, which is verified first and not changed. While it is not done
// the folder has a file that makes every start refuse it.
//
// Errors, beside those of `BackupFolder::Verify` and `FromRocks`:
//   FAILED_PRECONDITION [DATA_FOLDER_NOT_EMPTY, FORMAT_TOO_NEW]: nothing was changed.
absl::StatusOr<BackupManifest> RestoreBackup(const RestoreOptions& options,
                                             const Cancellation& cancellation,
                                             const BackupObserver& observer);

// FAILED_PRECONDITION [RESTORE_INCOMPLETE] if a restore into the folder did not end.
absl::Status CheckRestored(rocksdb::FileSystem& file_system, const std::string& data_dir);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_RESTORE_H_
