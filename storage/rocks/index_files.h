// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_INDEX_FILES_H_
#define NEGATRON_STORAGE_ROCKS_INDEX_FILES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rocksdb {
class FileSystem;
}

namespace negatron {

// The files of indexes, one for an incarnation of a collection at most, in the
// subfolder `index` of the data folder. None of them is needed: what is lost is
// built again. All errors are those of `FromRocks`.
//
// Thread-safety: thread-compatible.
class IndexFiles {
 public:
  // `file_system` null: the system's. Who opens it holds the data folder.
  static absl::StatusOr<std::unique_ptr<IndexFiles>> Open(
      const std::string& data_folder, std::shared_ptr<rocksdb::FileSystem> file_system);

  // The contents; nullopt if there is no file.
  absl::StatusOr<std::optional<std::string>> Read(int64_t incarnation) const;

  // Durably; after a loss of power the file has the old contents or the new ones.
  absl::Status Replace(int64_t incarnation, absl::string_view contents);

  // A copy of all of them as they are, in the new folder `copy` on the same disk: a file is never
  // changed once it is there, so that a link is enough. Must not overlap with the others.
  absl::Status LinkAll(const std::string& copy) const;

  // Removes the files of all other incarnations, and what a crash left half-written.
  absl::Status KeepOnly(const std::set<int64_t>& incarnations);

 private:
  IndexFiles(std::string folder, std::shared_ptr<rocksdb::FileSystem> file_system);

  const std::string folder_;
  const std::shared_ptr<rocksdb::FileSystem> file_system_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_INDEX_FILES_H_
