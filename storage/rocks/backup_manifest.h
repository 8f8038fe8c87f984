// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_BACKUP_MANIFEST_H_
#define NEGATRON_STORAGE_ROCKS_BACKUP_MANIFEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "storage/model/time.h"
#include "storage/rocks/file_copy.h"
#include "storage/rocks/receipt.h"

// What a backup says about itself; `storage/FORMAT.md` describes the bytes.
namespace negatron {

inline constexpr absl::string_view kManifestName = "BACKUP";

struct BackupFile {
  std::string path;  // Relative to the backup: `db/000012.sst`.
  FileSum sum;

  friend bool operator==(const BackupFile&, const BackupFile&) = default;
};

struct BackupManifest {
  std::string id;
  Micros create_time = 0;
  uint32_t format_version = 0;  // Of the data folder in it.
  Identity identity{};
  int64_t commit_sequence = 0;    // It holds all commits up to this one, and no other.
  int64_t copied_bytes = 0;       // That it did not share with a backup before it.
  std::vector<BackupFile> files;  // By path.

  int64_t size_bytes() const;

  friend bool operator==(const BackupManifest&, const BackupManifest&) = default;
};

// An id is the time of its creation, `20260131-235959-123456` in UTC: the order of ids is that of
// times.
std::string BackupIdOf(Micros time);
bool IsBackupId(absl::string_view id);

std::string EncodeManifest(const BackupManifest& manifest);

// Errors: DATA_LOSS [BACKUP_DAMAGED]: not what was written, or a path leads out of the backup;
//   FAILED_PRECONDITION [FORMAT_TOO_NEW]: a later version of the manifest.
absl::StatusOr<BackupManifest> DecodeManifest(absl::string_view bytes);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_BACKUP_MANIFEST_H_
