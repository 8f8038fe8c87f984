// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_BACKUPS_H_
#define NEGATRON_SERVER_ENGINE_BACKUPS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/cancellation.h"
#include "storage/base/clock.h"
#include "storage/base/executor.h"
#include "storage/base/mutex.h"
#include "storage/model/time.h"
#include "storage/rocks/backup_folder.h"
#include "storage/rocks/store.h"

namespace negatron {

// What a backup is made of.
//
// Thread-safety: thread-safe.
class BackupHost {
 public:
  virtual ~BackupHost() = default;

  // A copy of the data folder as of one moment, with the indexes that were used at that moment.
  // All commits that it holds are durable and were not refused. UNAVAILABLE if the disk fails.
  virtual absl::StatusOr<Store::Checkpoint> StageBackup() = 0;
  virtual void RemoveStaged() = 0;
};

enum class BackupTask { kCreate, kVerify, kDelete };

// What is being done to backups.
struct BackupWork {
  BackupTask task = BackupTask::kCreate;
  std::string id;  // Empty: of a backup that has none yet.
  Micros start_time = 0;
  BackupProgress progress;
};

struct CreatedBackup {
  BackupManifest manifest;
  std::vector<std::string> deleted;  // Ids of older ones that had to go.
};

// Backups of the data folder, made while it is written to and read. One piece of work at a time, on
// a thread of low priority.
//
// Errors of all methods, beside those of BackupFolder: FAILED_PRECONDITION [BACKUPS_OFF] without a
// folder for them; of those that change or read backups whole: FAILED_PRECONDITION [BACKUP_RUNNING]
// during another piece of work.
//
// Thread-safety: thread-safe.
class Backups {
 public:
  // `folder` empty: there are none. `file_system` null: the system's. `host` and `clock` must
  // outlive this.
  Backups(std::string folder, std::shared_ptr<rocksdb::FileSystem> file_system, BackupHost* host,
          const Clock* clock);

  // `done` is called once, on the thread of this object, or on the caller's if it is refused at
  // once; `cancellation` must live until then. `keep_count` 0: no older backup is deleted.
  void Create(int64_t keep_count, const Cancellation& cancellation,
              const std::function<void(absl::StatusOr<CreatedBackup>)>& done);
  void Verify(std::string id, const Cancellation& cancellation,
              const std::function<void(absl::StatusOr<BackupManifest>)>& done);
  absl::Status Delete(const std::string& id);

  absl::StatusOr<std::vector<BackupEntry>> List() const;
  std::optional<BackupWork> running() const;

  // Waits for what is being done, unless its caller cancels it; refuses more. Idempotent.
  void Stop() { executor_.Stop(); }

 private:
  absl::Status CheckOn() const;
  absl::Status Begin(BackupTask task, const std::string& id);
  void End();
  absl::StatusOr<CreatedBackup> MakeBackup(int64_t keep_count, const Cancellation& cancellation);
  BackupObserver Observer();

  const std::string path_;
  BackupFolder folder_;  // Changed by who has begun a piece of work.
  BackupHost* const host_;
  const Clock* const clock_;
  mutable Mutex mutex_;
  std::optional<BackupWork> running_ ABSL_GUARDED_BY(mutex_);
  Executor executor_{1, 1};
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_BACKUPS_H_
