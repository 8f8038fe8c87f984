// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/restore.h"

#include "absl/status/statusor.h"
#include "absl/time/clock.h"

#include "server/app/lifecycle.h"
#include "storage/base/cancellation.h"

namespace negatron {
namespace {

constexpr absl::Duration kReportInterval = absl::Seconds(1);

}  // namespace

int RunRestore(const Config& config, const std::string& backup_id, Log& log) {
  log.Info(
      "restore_started",
      {{"backup", backup_id}, {"backup_dir", config.backup_dir}, {"data_dir", config.data_dir}});
  absl::Time reported = absl::Now();
  const Cancellation nobody;  // A signal ends the process; what it leaves is refused by a start.
  const absl::StatusOr<BackupManifest> restored = RestoreBackup(
      {config.backup_dir, backup_id, config.data_dir, nullptr}, nobody,
      [&](const BackupProgress& progress) {
        if (absl::Now() - reported < kReportInterval) return;
        reported = absl::Now();
        log.Info("restore",
                 {{"done_bytes", progress.done_bytes}, {"total_bytes", progress.total_bytes}});
      });
  if (!restored.ok()) {
    log.Error("restore_refused", {{"code", absl::StatusCodeToString(restored.status().code())},
                                  {"message", restored.status().message()}});
    return kExitStartRefused;
  }
  log.Info("restored", {{"backup", backup_id},
                        {"commit_sequence", restored->commit_sequence},
                        {"bytes", restored->size_bytes()}});
  return kExitClean;
}

}  // namespace negatron
