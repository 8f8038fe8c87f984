// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_STORE_H_
#define NEGATRON_STORAGE_ROCKS_STORE_H_

#include <array>
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

#include "storage/model/audits.h"
#include "storage/model/controllers.h"
#include "storage/model/records.h"
#include "storage/rocks/database_statistics.h"
#include "storage/rocks/store_batch.h"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

// The durable truth: records in RocksDB, and beside it the receipt, which
// remembers what was acknowledged. `storage/FORMAT.md` describes the bytes.
namespace negatron {

struct StoreOptions {
  // Data folder; created (with its parents) if missing.
  std::string path;

  // Opens although the data folder holds less than was acknowledged, or does
  // not say what was: keeps what can be read and rewrites the receipt. A
  // damaged log is kept up to the damage.
  bool accept_data_loss = false;

  // Null: the system's. All I/O goes through it, so that tests can break it.
  std::shared_ptr<rocksdb::FileSystem> file_system;

  // Bounds memory and the time that replaying the log takes at a start; small
  // values make tests switch log files often.
  size_t write_buffer_bytes = size_t{64} << 20;
};

// A data folder, open.
//
// Commit sequences: the caller numbers its batches, strictly increasing. After
// `Open` the store holds exactly the batches up to `last_sequence()`: a prefix
// of what was written, each batch whole.
//
// A failed write: the outcome is decided by `Recover()` or the next start.
// `Recover()` removes every trace of the batch. A start after a crash may find
// the batch whole, since the log may have it; then `last_sequence()` includes
// it, so that its sequence is never given to another.
//
// Thread-safety: confined to one thread at a time, except for the methods
//   marked thread-safe.
class Store {
 public:
  // Opens the folder; takes the time of reading the log twice (its size is at
  // most about four write buffers). A refused start changes nothing on disk.
  //
  // Errors (reasons in brackets):
  //   DATA_LOSS [LOG_SHORTER_THAN_RECEIPT, RECEIPT_MISSING, RECEIPT_DAMAGED,
  //     RECEIPT_OF_ANOTHER_DATABASE, DATABASE_DAMAGED]: acknowledged writes may
  //     be missing. The message tells the ways out.
  //   FAILED_PRECONDITION [FORMAT_TOO_NEW]: written by a later version.
  //   FAILED_PRECONDITION [RESTORE_INCOMPLETE]: a restore into it did not end.
  //   FAILED_PRECONDITION [DATA_FOLDER_IN_USE]: another process has it open.
  //   UNAVAILABLE [DISK_FULL, DISK_UNWRITABLE]: the disk failed.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const StoreOptions& options);

  // Closes without waiting for flushes: nothing that was written is lost.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Scans, in the stated order. A record lives until its callback
  // returns; an error of the callback ends the scan and is returned.
  //
  // Errors: DATA_LOSS [DATABASE_DAMAGED] names the column family and the key of
  //   a record that cannot be read; UNAVAILABLE if the disk cannot be.
  template <typename Record>
  using Visitor = absl::FunctionRef<absl::Status(const Record&)>;
  absl::Status ScanCollections(Visitor<CollectionRecord> visit) const;           // By incarnation.
  absl::Status ScanItems(int64_t incarnation, Visitor<ItemRecord> visit) const;  // By ordinal.
  absl::Status ScanUsers(int64_t incarnation, Visitor<UserRecord> visit) const;  // By ordinal.
  // By time, then commit sequence, then row.
  absl::Status ScanEvents(int64_t incarnation, Visitor<EventRecord> visit) const;
  // Of a table and owner, by ordinal.
  absl::Status ScanEmbeddings(int64_t incarnation, Visitor<EmbeddingRecord> visit,
                              int64_t table = 0, VectorOwner owner = VectorOwner::kItem) const;
  // By model version.
  absl::Status ScanEmbeddingVersions(int64_t incarnation,
                                     Visitor<EmbeddingVersionRecord> visit) const;
  // By id, in order of bytes; policies then by version.
  absl::Status ScanRequests(int64_t incarnation, Visitor<RequestRecord> visit) const;
  absl::Status ScanStreams(int64_t incarnation, Visitor<StreamRecord> visit) const;
  absl::Status ScanPolicies(int64_t incarnation, Visitor<PolicyRecord> visit) const;
  absl::Status ScanControllers(int64_t incarnation, Visitor<ControllerRecord> visit) const;

  // The events of one instant, by commit sequence, then row. Sees all that was
  // written, but not a batch that is still being filled.
  absl::Status ScanEventsAt(int64_t incarnation, Micros time, Visitor<EventRecord> visit) const;

  // A page of ScanEvents: at most `limit` (>= 1) events from `start` on, as they
  // were at one moment during the call. Returns where the next page starts;
  // nullopt: there are no more. `visit` must not call this store. While a page
  // is read, `Recover` waits. Errors: as for scans, and UNAVAILABLE while the
  // store is closed after a failed `Recover`. Thread-safe.
  absl::StatusOr<std::optional<EventPosition>> ScanEventPage(int64_t incarnation,
                                                             const EventPosition& start,
                                                             int64_t limit,
                                                             Visitor<EventRecord> visit) const;

  // The same for a page of ScanEmbeddings, of ordinals from `start` on. Thread-safe.
  absl::StatusOr<std::optional<Ordinal>> ScanEmbeddingPage(int64_t incarnation, int64_t table,
                                                           VectorOwner owner, Ordinal start,
                                                           int64_t limit,
                                                           Visitor<EmbeddingRecord> visit) const;

  // The heads of audits, the newest first: at most `limit` (>= 1) from the time `newest` on, which
  // is not negative. Returns the time of the next; as for the pages above. Thread-safe.
  absl::StatusOr<std::optional<Micros>> ScanAuditPage(int64_t incarnation, Micros newest,
                                                      int64_t limit,
                                                      Visitor<AuditRecord> visit) const;
  // An audit with its body; NOT_FOUND if there is none of this time. Thread-safe.
  absl::StatusOr<AuditRecord> ReadAudit(int64_t incarnation, Micros time) const;
  // All that is left to be done, by commit sequence. Thread-safe.
  absl::StatusOr<std::vector<AuditErasureRecord>> ReadAuditErasures(int64_t incarnation) const;

  enum class Sync {
    kNo,   // Survives a crash of the process, not a loss of power.
    kYes,  // Survives both, and so do all batches before it.
  };

  // Appends the batch (perhaps empty) to the log with `last_sequence`, the
  // highest commit sequence in it; with kYes also syncs the log, then writes
  // and syncs the receipt. `batch` must be cleared before it is used again.
  //
  // Errors: UNAVAILABLE [DISK_FULL, DISK_UNWRITABLE]: nothing of the batch is
  //   seen by later scans or stays after `Recover()`; the store refuses further
  //   writes, with the same status, until `Recover()` succeeds.
  //   INTERNAL: `last_sequence` is not above `last_sequence()`.
  absl::Status Write(StoreBatch& batch, int64_t last_sequence, Sync sync);

  // Makes what earlier kNo writes appended durable, then the receipt; cheap if
  // there is nothing to do. Errors: as `Write`; the earlier writes stay.
  absl::Status SyncLog();

  // Tries to make a refusing store write again: opens the database anew,
  // leaving out refused batches. All that was written before is then durable.
  // Cheap when healthy; may be called again and again.
  //
  // Errors: UNAVAILABLE [DISK_FULL, DISK_UNWRITABLE]: not yet; the store keeps
  //   what it has. DATA_LOSS [RESTART_REQUIRED]: the disk lost writes that were
  //   not yet durable; the store stays closed for writes.
  absl::Status Recover();

  // Whether writes are refused: a write failed, or RocksDB met an error in the
  // background (then the next `Write` fails). Thread-safe.
  bool refusing() const;

  // Of the last successful write, durable or not. 0: nothing was written yet.
  int64_t last_sequence() const;

  // Everything up to here is durable. Thread-safe.
  int64_t durable_sequence() const;

  // Writes that failed, of callers and of RocksDB, so far. Thread-safe.
  int64_t failure_count() const;

  // A copy of the data folder as it is at one moment during the call, without indexes, in a
  // subfolder of it that is replaced: tables are linked, the log is copied. It holds all that was
  // written before; perhaps also a batch that is being written, which may yet fail. While it is
  // made `Recover` and pages wait. Errors: as for pages, and `FromRocks`. Thread-safe, one at a
  // time.
  struct Checkpoint {
    std::string folder;
    uint32_t format_version = 0;
    std::array<uint8_t, 16> identity{};
    int64_t last_sequence = 0;
  };
  absl::StatusOr<Checkpoint> MakeCheckpoint() const;
  // Else the next one, or the next start, does. Thread-safe.
  absl::Status RemoveCheckpoint() const;

  // Above every incarnation ever written, also those of deleted collections.
  int64_t next_incarnation() const;

  // Bytes of the files in the data folder. Thread-safe; reads the folder.
  absl::StatusOr<int64_t> DiskBytes() const;
  // Errors: as for pages. Thread-safe.
  absl::StatusOr<DatabaseStatistics> Statistics() const;

  // For a graceful end: syncs the log, and writes buffers to tables so that the
  // next start has no log to read.
  absl::Status Flush();

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_STORE_H_
