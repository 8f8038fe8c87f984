// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/file_copy.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "rocksdb/file_system.h"

#include "storage/base/crc32c.h"
#include "storage/base/status.h"
#include "storage/rocks/io.h"

namespace negatron {
namespace {

constexpr size_t kPortionBytes = size_t{1} << 20;

// Reads the file; each portion goes to `take` too, unless that is empty.
absl::StatusOr<FileSum> Read(rocksdb::FileSystem& file_system, const std::string& path,
                             const FileWork& work,
                             const std::function<absl::Status(const rocksdb::Slice&)>& take) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system.NewSequentialFile(path, {}, &file, nullptr),
                                     absl::StrCat("opening ", path)));
  std::string buffer(kPortionBytes, '\0');
  FileSum sum;
  while (true) {
    NEGATRON_RETURN_IF_ERROR(work.cancellation.Check());
    rocksdb::Slice portion;
    NEGATRON_RETURN_IF_ERROR(
        FromRocks(file->Read(buffer.size(), {}, &portion, buffer.data(), nullptr),
                  absl::StrCat("reading ", path)));
    if (portion.empty()) return sum;
    sum.crc32c = Crc32c(portion.data(), portion.size(), sum.crc32c);
    sum.size_bytes += static_cast<int64_t>(portion.size());
    if (take) NEGATRON_RETURN_IF_ERROR(take(portion));
    if (work.on_bytes) work.on_bytes(static_cast<int64_t>(portion.size()));
  }
}

struct Entry {
  std::string name;
  bool is_folder = false;
};

absl::StatusOr<std::vector<Entry>> Children(rocksdb::FileSystem& file_system,
                                            const std::string& folder) {
  std::vector<std::string> names;
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system.GetChildren(folder, {}, &names, nullptr),
                                     absl::StrCat("listing ", folder)));
  std::sort(names.begin(), names.end());
  std::vector<Entry> entries;
  entries.reserve(names.size());
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    const std::string path = absl::StrCat(folder, "/", name);
    bool is_folder = false;
    NEGATRON_RETURN_IF_ERROR(FromRocks(file_system.IsDirectory(path, {}, &is_folder, nullptr),
                                       absl::StrCat("looking at ", path)));
    entries.push_back({name, is_folder});
  }
  return entries;
}

}  // namespace

absl::StatusOr<FileSum> SumFile(rocksdb::FileSystem& file_system, const std::string& path,
                                const FileWork& work) {
  return Read(file_system, path, work, nullptr);
}

absl::StatusOr<FileSum> CopyFile(rocksdb::FileSystem& file_system, const std::string& from,
                                 const std::string& to, const FileWork& work) {
  const std::string action = absl::StrCat("writing ", to);
  std::unique_ptr<rocksdb::FSWritableFile> file;
  NEGATRON_RETURN_IF_ERROR(FromRocks(file_system.NewWritableFile(to, {}, &file, nullptr), action));
  NEGATRON_ASSIGN_OR_RETURN(const FileSum sum,
                            Read(file_system, from, work, [&](const rocksdb::Slice& portion) {
                              return FromRocks(file->Append(portion, {}, nullptr), action);
                            }));
  rocksdb::IOStatus status = file->Sync({}, nullptr);
  if (status.ok()) status = file->Close({}, nullptr);
  NEGATRON_RETURN_IF_ERROR(FromRocks(status, action));
  return sum;
}

bool LinkFile(rocksdb::FileSystem& file_system, const std::string& from, const std::string& to) {
  return file_system.LinkFile(from, to, {}, nullptr).ok();
}

absl::StatusOr<std::vector<std::string>> ListFiles(rocksdb::FileSystem& file_system,
                                                   const std::string& folder) {
  std::vector<std::string> files;
  NEGATRON_ASSIGN_OR_RETURN(const std::vector<Entry> entries, Children(file_system, folder));
  for (const Entry& entry : entries) {
    if (!entry.is_folder) {
      files.push_back(entry.name);
      continue;
    }
    NEGATRON_ASSIGN_OR_RETURN(const std::vector<std::string> below,
                              ListFiles(file_system, absl::StrCat(folder, "/", entry.name)));
    for (const std::string& path : below) files.push_back(absl::StrCat(entry.name, "/", path));
  }
  return files;
}

absl::Status RemoveFolder(rocksdb::FileSystem& file_system, const std::string& folder) {
  NEGATRON_ASSIGN_OR_RETURN(const bool exists, FileExists(file_system, folder));
  if (!exists) return absl::OkStatus();
  NEGATRON_ASSIGN_OR_RETURN(const std::vector<Entry> entries, Children(file_system, folder));
  for (const Entry& entry : entries) {
    const std::string path = absl::StrCat(folder, "/", entry.name);
    NEGATRON_RETURN_IF_ERROR(entry.is_folder ? RemoveFolder(file_system, path)
                                             : FromRocks(file_system.DeleteFile(path, {}, nullptr),
                                                         absl::StrCat("removing ", path)));
  }
  return FromRocks(file_system.DeleteDir(folder, {}, nullptr), absl::StrCat("removing ", folder));
}

}  // namespace negatron
