// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_BACKUP_FOLDER_H_
#define NEGATRON_STORAGE_ROCKS_BACKUP_FOLDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/cancellation.h"
#include "storage/rocks/backup_manifest.h"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace negatron {

// How far a long piece of work on backups is.
struct BackupProgress {
  int64_t done_bytes = 0;
  int64_t total_bytes = 0;
};
using BackupObserver = std::function<void(const BackupProgress&)>;

// A backup as it is listed.
struct BackupEntry {
  std::string id;
  BackupManifest manifest;  // Empty if there is a problem.
  absl::Status problem;     // Why its manifest cannot be read.
};

// The folder that backups lie in, each a folder named by its id: a data folder of one moment, and a
// manifest. Files that do not change are shared between backups by hard links, so a backup after
// another takes room only for what is new, and each can be copied or deleted by itself.
//
// Errors of all methods, beside those of `FromRocks`: FAILED_PRECONDITION [BACKUP_FOLDER_IN_USE]
// while another process changes it; NOT_FOUND [BACKUP_NOT_FOUND]; those of `DecodeManifest`.
//
// Thread-safety: thread-compatible.
class BackupFolder {
 public:
  // `file_system` null: the system's. Nothing is touched yet.
  BackupFolder(std::string path, std::shared_ptr<rocksdb::FileSystem> file_system);

  // Makes a backup of `staged`, which has the form of a data folder and does not change. `manifest`
  // has all but the id, the files and their bytes; its time is moved on if another backup has it.
  // The backup is there whole, durably, or not at all.
  absl::StatusOr<BackupManifest> Create(const std::string& staged, BackupManifest manifest,
                                        const Cancellation& cancellation,
                                        const BackupObserver& observer);

  // All backups, oldest first. Empty if there is no folder.
  absl::StatusOr<std::vector<BackupEntry>> List() const;

  absl::StatusOr<BackupManifest> Read(const std::string& id) const;

  // Reads every file and compares it with the manifest; then the database is opened, for reading
  // alone. DATA_LOSS [BACKUP_DAMAGED] names the first file that is not what it was.
  absl::StatusOr<BackupManifest> Verify(const std::string& id, const Cancellation& cancellation,
                                        const BackupObserver& observer) const;

  absl::Status Delete(const std::string& id);

  // Deletes all but the newest `count` (>= 1) that can be read, and returns the ids. Those that
  // cannot be read stay, for people to look at.
  absl::StatusOr<std::vector<std::string>> KeepLast(int64_t count);

  std::string PathOf(const std::string& id) const;

 private:
  absl::Status Remove(const std::string& id);
  absl::Status RemoveUnfinished();
  // Copies `path` of `staged` to the backup that is being made, or links it to that of `before`.
  absl::StatusOr<FileSum> Take(const std::string& staged, const std::string& target,
                               const std::string& path, const BackupManifest& before,
                               const Cancellation& cancellation, int64_t* copied_bytes) const;

  const std::string path_;
  const std::shared_ptr<rocksdb::FileSystem> file_system_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_BACKUP_FOLDER_H_
