// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_DATABASE_H_
#define NEGATRON_STORAGE_ROCKS_DATABASE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "storage/rocks/batch.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/database_statistics.h"
#include "storage/rocks/receipt.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class FileSystem;
}  // namespace rocksdb

namespace negatron {

class BackgroundErrors;
class LogFilter;

struct DatabaseOptions {
  std::string path;
  std::shared_ptr<rocksdb::FileSystem> file_system;
  size_t write_buffer_bytes = 0;
  // Keeps the log up to the first damage; otherwise damage before the end of
  // the log refuses the opening.
  bool keep_log_before_damage = false;
  // Leaves batches above it out when the log is read.
  std::optional<int64_t> highest_sequence;
};

// What the database says about itself.
struct DatabaseFacts {
  bool created = false;  // Has been set up; if not, all else is zero.
  uint32_t format_version = 0;
  Identity identity{};
  int64_t last_sequence = 0;
  int64_t highest_incarnation = 0;
};

// RocksDB with our column families, options and chain of batches: after an
// opening it holds a prefix of the batches that were written, each whole.
//
// Errors of all methods: those of `FromRocks`.
//
// Thread-safety: confined to one thread at a time, except for the methods
//   marked thread-safe.
class Database {
 public:
  // Whether there is one; a folder whose creation was interrupted has none.
  static absl::StatusOr<bool> Exists(const DatabaseOptions& options);

  // The facts that `Open` would find; changes nothing on disk.
  static absl::StatusOr<DatabaseFacts> Inspect(const DatabaseOptions& options);

  // Creates what is missing. What the log held is in tables afterwards, durable.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const DatabaseOptions& options);
  ~Database();

  // Finishes the creation of a new database.
  absl::Status SetUp(const Identity& identity);

  // Makes a database of an earlier format version one of this version; older
  // programs refuse it from then on. Durable when it returns.
  absl::Status Upgrade();

  const DatabaseFacts& facts() const { return facts_; }

  // Appends the batch to the log, with what it changes in `facts()`. With
  // `sync`, the whole log is synced before the batch becomes visible.
  absl::Status Write(const Mutations& batch, int64_t last_sequence, bool sync);

  absl::Status SyncLog();
  absl::Status Flush();

  // A copy as of one moment during the call, in a new folder on the same disk. Moves nothing from
  // the log into tables. Thread-safe.
  absl::Status Checkpoint(const std::string& path) const;

  // Calls `visit` for each (key, value) of the family whose key starts with
  // `prefix`, in the order of keys, until it returns an error.
  absl::Status Scan(
      Family family, absl::string_view prefix,
      absl::FunctionRef<absl::Status(absl::string_view, absl::string_view)> visit) const;

  // As `Scan`, from the key `first` on, of keys that start with `prefix`. May
  // be called by any thread while others write; sees one moment.
  absl::Status Scan(
      Family family, absl::string_view prefix, absl::string_view first,
      absl::FunctionRef<absl::Status(absl::string_view, absl::string_view)> visit) const;

  absl::StatusOr<DatabaseStatistics> Statistics() const;  // Thread-safe.

  // OK, or why RocksDB stopped working in the background. Thread-safe.
  absl::Status BackgroundError() const;
  bool HasBackgroundError() const;  // Thread-safe.

 private:
  Database();
  absl::Status OpenRocks(const DatabaseOptions& options, bool inspect);
  absl::Status ReadFacts();
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles_[static_cast<size_t>(family)];
  }

  // In the order in which they may be destroyed last to first.
  std::shared_ptr<BackgroundErrors> background_errors_;
  std::unique_ptr<LogFilter> log_filter_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  DatabaseFacts facts_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_DATABASE_H_
