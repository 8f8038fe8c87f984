// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/backup_folder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "rocksdb/file_system.h"

#include "storage/base/status.h"
#include "storage/rocks/database.h"
#include "storage/rocks/folder_lock.h"
#include "storage/rocks/io.h"

namespace negatron {
namespace {

// Of a backup that is being made or removed.
constexpr absl::string_view kUnfinished = ".tmp";

// Bounds what reading the log keeps in memory: as in a store with default options.
constexpr size_t kInspectionBufferBytes = size_t{64} << 20;

absl::Status NoBackup(absl::string_view id) {
  return WithReason(absl::NotFoundError(absl::StrCat("there is no backup `", id, "`")),
                    "BACKUP_NOT_FOUND");
}

absl::Status Damaged(absl::string_view what) {
  return WithReason(absl::DataLossError(what), "BACKUP_DAMAGED");
}

// Files that are written once and never changed; the others grow, or are replaced.
bool IsImmutable(absl::string_view path) {
  return absl::EndsWith(path, ".sst") || absl::EndsWith(path, ".index");
}

const BackupFile* Find(const BackupManifest& manifest, const std::string& path) {
  const auto found = std::lower_bound(
      manifest.files.begin(), manifest.files.end(), path,
      [](const BackupFile& file, const std::string& wanted) { return file.path < wanted; });
  return found != manifest.files.end() && found->path == path ? &*found : nullptr;
}

// Adds up the bytes of a piece of work.
class Counter {
 public:
  Counter(const BackupObserver& observer, int64_t total_bytes)
      : observer_(observer), progress_{0, total_bytes} {}

  void Add(int64_t bytes) {
    progress_.done_bytes += bytes;
    if (observer_) observer_(progress_);
  }

 private:
  const BackupObserver& observer_;
  BackupProgress progress_;
};

}  // namespace

BackupFolder::BackupFolder(std::string path, std::shared_ptr<rocksdb::FileSystem> file_system)
    : path_(std::move(path)),
      file_system_(file_system != nullptr ? std::move(file_system)
                                          : rocksdb::FileSystem::Default()) {}

std::string BackupFolder::PathOf(const std::string& id) const {
  return absl::StrCat(path_, "/", id);
}

absl::StatusOr<BackupManifest> BackupFolder::Read(const std::string& id) const {
  if (!IsBackupId(id)) return NoBackup(id);
  NEGATRON_ASSIGN_OR_RETURN(const bool exists, FileExists(*file_system_, PathOf(id)));
  if (!exists) return NoBackup(id);
  NEGATRON_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            ReadFile(*file_system_, absl::StrCat(PathOf(id), "/", kManifestName)));
  if (!bytes.has_value()) return Damaged(absl::StrCat("backup ", id, " has no manifest"));
  NEGATRON_ASSIGN_OR_RETURN(BackupManifest manifest, DecodeManifest(*bytes));
  if (manifest.id != id) {
    return Damaged(absl::StrCat("backup ", id, " has the manifest of ", manifest.id));
  }
  return manifest;
}

absl::StatusOr<std::vector<BackupEntry>> BackupFolder::List() const {
  std::vector<BackupEntry> entries;
  NEGATRON_ASSIGN_OR_RETURN(const bool exists, FileExists(*file_system_, path_));
  if (!exists) return entries;
  std::vector<std::string> names;
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system_->GetChildren(path_, {}, &names, nullptr),
                                     absl::StrCat("listing ", path_)));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!IsBackupId(name)) continue;
    BackupEntry entry;
    entry.id = name;
    absl::StatusOr<BackupManifest> manifest = Read(name);
    if (manifest.ok()) {
      entry.manifest = *std::move(manifest);
    } else {
      entry.problem = manifest.status();
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::Status BackupFolder::RemoveUnfinished() {
  std::vector<std::string> names;
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system_->GetChildren(path_, {}, &names, nullptr),
                                     absl::StrCat("listing ", path_)));
  for (const std::string& name : names) {
    absl::string_view id = name;
    if (!absl::ConsumeSuffix(&id, kUnfinished) || !IsBackupId(id)) continue;
    NEGATRON_RETURN_IF_ERROR(RemoveFolder(*file_system_, PathOf(name)));
  }
  return absl::OkStatus();
}

absl::StatusOr<FileSum> BackupFolder::Take(const std::string& staged, const std::string& target,
                                           const std::string& path, const BackupManifest& before,
                                           const Cancellation& cancellation,
                                           int64_t* copied_bytes) const {
  const FileWork quiet{cancellation, nullptr};
  const std::string from = absl::StrCat(staged, "/", path);
  const std::string to = absl::StrCat(target, "/", path);
  if (const BackupFile* const old = IsImmutable(path) ? Find(before, path) : nullptr;
      old != nullptr) {
    const std::string shared = absl::StrCat(PathOf(before.id), "/", path);
    NEGATRON_ASSIGN_OR_RETURN(const FileSum sum, SumFile(*file_system_, from, quiet));
    // The old copy is read too: what rotted there must not come into this backup.
    if (sum == old->sum) {
      const absl::StatusOr<FileSum> kept = SumFile(*file_system_, shared, quiet);
      NEGATRON_RETURN_IF_ERROR(cancellation.Check());
      if (kept.ok() && *kept == sum && LinkFile(*file_system_, shared, to)) return sum;
    }
  }
  NEGATRON_ASSIGN_OR_RETURN(const FileSum sum, CopyFile(*file_system_, from, to, quiet));
  *copied_bytes += sum.size_bytes;
  return sum;
}

absl::StatusOr<BackupManifest> BackupFolder::Create(const std::string& staged,
                                                    BackupManifest manifest,
                                                    const Cancellation& cancellation,
                                                    const BackupObserver& observer) {
  NEGATRON_RETURN_IF_ERROR(MakeFolders(*file_system_, path_));
  NEGATRON_ASSIGN_OR_RETURN(
      const auto lock,
      FolderLock::Take(file_system_, path_, "folder of backups", "BACKUP_FOLDER_IN_USE"));
  NEGATRON_RETURN_IF_ERROR(RemoveUnfinished());
  NEGATRON_ASSIGN_OR_RETURN(const std::vector<BackupEntry> others, List());
  BackupManifest before;
  for (const BackupEntry& other : others) {
    manifest.create_time = std::max(manifest.create_time, other.manifest.create_time + 1);
    if (other.problem.ok() && other.manifest.identity == manifest.identity) before = other.manifest;
  }
  manifest.id = BackupIdOf(manifest.create_time);
  const std::string target = PathOf(absl::StrCat(manifest.id, kUnfinished));
  NEGATRON_RETURN_IF_ERROR(MakeFolders(*file_system_, absl::StrCat(target, "/db")));
  NEGATRON_RETURN_IF_ERROR(MakeFolders(*file_system_, absl::StrCat(target, "/index")));

  const absl::Status copied = [&]() -> absl::Status {
    NEGATRON_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                              ListFiles(*file_system_, staged));
    NEGATRON_ASSIGN_OR_RETURN(const int64_t total, FolderBytes(*file_system_, staged));
    Counter counter(observer, total);
    for (const std::string& path : paths) {
      NEGATRON_ASSIGN_OR_RETURN(const FileSum sum, Take(staged, target, path, before, cancellation,
                                                        &manifest.copied_bytes));
      manifest.files.push_back({path, sum});
      counter.Add(sum.size_bytes);
    }
    NEGATRON_RETURN_IF_ERROR(SyncFolder(*file_system_, absl::StrCat(target, "/db")));
    NEGATRON_RETURN_IF_ERROR(SyncFolder(*file_system_, absl::StrCat(target, "/index")));
    NEGATRON_RETURN_IF_ERROR(
        ReplaceFile(*file_system_, target, std::string(kManifestName), EncodeManifest(manifest)));
    NEGATRON_RETURN_IF_ERROR(cancellation.Check());
    NEGATRON_RETURN_IF_ERROR(
        FromRocks(file_system_->RenameFile(target, PathOf(manifest.id), {}, nullptr),
                  absl::StrCat("naming the backup ", manifest.id)));
    return SyncFolder(*file_system_, path_);
  }();
  if (!copied.ok()) {
    RemoveFolder(*file_system_, target).IgnoreError();  // Else the next backup does.
    return copied;
  }
  return manifest;
}

absl::StatusOr<BackupManifest> BackupFolder::Verify(const std::string& id,
                                                    const Cancellation& cancellation,
                                                    const BackupObserver& observer) const {
  NEGATRON_ASSIGN_OR_RETURN(BackupManifest manifest, Read(id));
  Counter counter(observer, manifest.size_bytes());
  const FileWork work{cancellation, [&](int64_t bytes) { counter.Add(bytes); }};
  for (const BackupFile& file : manifest.files) {
    const std::string path = absl::StrCat(PathOf(id), "/", file.path);
    NEGATRON_ASSIGN_OR_RETURN(const bool exists, FileExists(*file_system_, path));
    if (!exists) return Damaged(absl::StrCat("backup ", id, " lacks its file ", file.path));
    NEGATRON_ASSIGN_OR_RETURN(const FileSum sum, SumFile(*file_system_, path, work));
    if (sum != file.sum) {
      return Damaged(absl::StrCat("backup ", id, ": the file ", file.path,
                                  " is not what was written: its size or checksum differs"));
    }
  }
  // A later format may hold what this program cannot open.
  if (manifest.format_version > kFormatVersion) return manifest;
  DatabaseOptions options;
  options.path = absl::StrCat(PathOf(id), "/db");
  options.file_system = file_system_;
  options.write_buffer_bytes = kInspectionBufferBytes;
  NEGATRON_ASSIGN_OR_RETURN(const DatabaseFacts facts, Database::Inspect(options));
  if (facts.identity != manifest.identity || facts.last_sequence != manifest.commit_sequence ||
      facts.format_version != manifest.format_version) {
    return Damaged(absl::StrCat("backup ", id, ": its database ends at commit ",
                                facts.last_sequence, ", its manifest says ",
                                manifest.commit_sequence, ", or they are of different databases"));
  }
  return manifest;
}

absl::Status BackupFolder::Remove(const std::string& id) {
  const std::string removed = PathOf(absl::StrCat(id, kUnfinished));
  // Under another name first: a crash in between leaves no half of a backup.
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system_->RenameFile(PathOf(id), removed, {}, nullptr),
                                     absl::StrCat("removing the backup ", id)));
  NEGATRON_RETURN_IF_ERROR(SyncFolder(*file_system_, path_));
  return RemoveFolder(*file_system_, removed);
}

absl::Status BackupFolder::Delete(const std::string& id) {
  if (!IsBackupId(id)) return NoBackup(id);
  NEGATRON_ASSIGN_OR_RETURN(const bool exists, FileExists(*file_system_, PathOf(id)));
  if (!exists) return NoBackup(id);
  NEGATRON_ASSIGN_OR_RETURN(
      const auto lock,
      FolderLock::Take(file_system_, path_, "folder of backups", "BACKUP_FOLDER_IN_USE"));
  NEGATRON_RETURN_IF_ERROR(RemoveUnfinished());
  return Remove(id);
}

absl::StatusOr<std::vector<std::string>> BackupFolder::KeepLast(int64_t count) {
  NEGATRON_ASSIGN_OR_RETURN(std::vector<BackupEntry> entries, List());
  std::erase_if(entries, [](const BackupEntry& entry) { return !entry.problem.ok(); });
  std::vector<std::string> deleted;
  for (int64_t i = 0; i + count < static_cast<int64_t>(entries.size()); ++i) {
    NEGATRON_RETURN_IF_ERROR(Delete(entries[static_cast<size_t>(i)].id));
    deleted.push_back(entries[static_cast<size_t>(i)].id);
  }
  return deleted;
}

}  // namespace negatron
