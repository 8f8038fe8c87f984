// SPDX-License-Identifier: Apache-2.0
#include "server/engine/backups.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/priority.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

absl::Status Stopping() {
  return WithReason(absl::UnavailableError("the server is shutting down"), "SHUTTING_DOWN");
}

}  // namespace

Backups::Backups(std::string folder, std::shared_ptr<rocksdb::FileSystem> file_system,
                 BackupHost* host, const Clock* clock)
    : path_(std::move(folder)),
      folder_(path_, std::move(file_system)),
      host_(host),
      clock_(clock) {}

absl::Status Backups::CheckOn() const {
  if (!path_.empty()) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(
                        "this server makes no backups: it was started without --backup-dir"),
                    "BACKUPS_OFF");
}

absl::Status Backups::Begin(BackupTask task, const std::string& id) {
  NEGATRON_RETURN_IF_ERROR(CheckOn());
  MutexLock lock(mutex_);
  if (running_.has_value()) {
    return WithReason(
        absl::FailedPreconditionError("a backup is being made, verified or deleted; one at a time"),
        "BACKUP_RUNNING");
  }
  running_ = BackupWork{task, id, clock_->NowMicros(), {}};
  return absl::OkStatus();
}

void Backups::End() {
  MutexLock lock(mutex_);
  running_.reset();
}

std::optional<BackupWork> Backups::running() const {
  MutexLock lock(mutex_);
  return running_;
}

BackupObserver Backups::Observer() {
  return [this](const BackupProgress& progress) {
    MutexLock lock(mutex_);
    running_->progress = progress;
  };
}

absl::StatusOr<CreatedBackup> Backups::MakeBackup(int64_t keep_count,
                                                  const Cancellation& cancellation) {
  BackupManifest manifest;
  manifest.create_time = clock_->NowMicros();
  NEGATRON_RETURN_IF_ERROR(cancellation.Check());
  absl::StatusOr<Store::Checkpoint> staged = host_->StageBackup();
  CreatedBackup created;
  if (staged.ok()) {
    manifest.format_version = staged->format_version;
    manifest.identity = staged->identity;
    manifest.commit_sequence = staged->last_sequence;
    absl::StatusOr<BackupManifest> made =
        folder_.Create(staged->folder, std::move(manifest), cancellation, Observer());
    host_->RemoveStaged();
    NEGATRON_RETURN_IF_ERROR(made.status());
    created.manifest = *std::move(made);
  } else {
    host_->RemoveStaged();
    return staged.status();
  }
  if (keep_count == 0) return created;
  absl::StatusOr<std::vector<std::string>> deleted = folder_.KeepLast(keep_count);
  if (!deleted.ok()) {
    return WithReason(absl::Status(deleted.status().code(),
                                   absl::StrCat("the backup ", created.manifest.id,
                                                " was made, but an older one cannot be deleted: ",
                                                deleted.status().message())),
                      ReasonOf(deleted.status()).value_or("DISK_UNWRITABLE"));
  }
  created.deleted = *std::move(deleted);
  return created;
}

void Backups::Create(int64_t keep_count, const Cancellation& cancellation,
                     const std::function<void(absl::StatusOr<CreatedBackup>)>& done) {
  if (absl::Status status = Begin(BackupTask::kCreate, ""); !status.ok()) return done(status);
  if (executor_.TrySchedule([this, keep_count, &cancellation, done] {
        YieldToOtherThreads();
        absl::StatusOr<CreatedBackup> created = MakeBackup(keep_count, cancellation);
        End();
        done(std::move(created));
      })) {
    return;
  }
  End();
  done(Stopping());
}

void Backups::Verify(std::string id, const Cancellation& cancellation,
                     const std::function<void(absl::StatusOr<BackupManifest>)>& done) {
  if (absl::Status status = Begin(BackupTask::kVerify, id); !status.ok()) return done(status);
  if (executor_.TrySchedule([this, id = std::move(id), &cancellation, done] {
        YieldToOtherThreads();
        absl::StatusOr<BackupManifest> manifest = folder_.Verify(id, cancellation, Observer());
        End();
        done(std::move(manifest));
      })) {
    return;
  }
  End();
  done(Stopping());
}

absl::Status Backups::Delete(const std::string& id) {
  NEGATRON_RETURN_IF_ERROR(Begin(BackupTask::kDelete, id));
  absl::Status status = folder_.Delete(id);
  End();
  return status;
}

absl::StatusOr<std::vector<BackupEntry>> Backups::List() const {
  NEGATRON_RETURN_IF_ERROR(CheckOn());
  return folder_.List();
}

}  // namespace negatron
