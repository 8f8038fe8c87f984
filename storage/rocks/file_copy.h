// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_FILE_COPY_H_
#define NEGATRON_STORAGE_ROCKS_FILE_COPY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "storage/base/cancellation.h"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

// Whole files, read and copied in portions. Errors: those of `FromRocks`, and those of the
// cancellation, which is asked between portions.
//
// Thread-safety: all functions are thread-safe.
namespace negatron {

struct FileSum {
  int64_t size_bytes = 0;
  uint32_t crc32c = 0;

  friend bool operator==(const FileSum&, const FileSum&) = default;
};

// Who waits for a long reading or copying, and who wants to know how far it is.
struct FileWork {
  const Cancellation& cancellation;
  // Told of the bytes of each portion; may be empty.
  std::function<void(int64_t bytes)> on_bytes;
};

absl::StatusOr<FileSum> SumFile(rocksdb::FileSystem& file_system, const std::string& path,
                                const FileWork& work);

// Writes a new file and syncs it, not its folder. The sum is of what was read and written.
absl::StatusOr<FileSum> CopyFile(rocksdb::FileSystem& file_system, const std::string& from,
                                 const std::string& to, const FileWork& work);

// A second name for the file. False if the disk has no such thing, or not for this file.
bool LinkFile(rocksdb::FileSystem& file_system, const std::string& from, const std::string& to);

// The files in the folder and those below it, relative to it, in order.
absl::StatusOr<std::vector<std::string>> ListFiles(rocksdb::FileSystem& file_system,
                                                   const std::string& folder);

// Removes the folder and all that is in it; no error if there is none.
absl::Status RemoveFolder(rocksdb::FileSystem& file_system, const std::string& folder);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_FILE_COPY_H_
