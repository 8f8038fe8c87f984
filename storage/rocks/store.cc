// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/store.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/file_system.h"

#include "storage/base/mutex.h"
#include "storage/base/status.h"
#include "storage/rocks/audit_reads.h"
#include "storage/rocks/batch.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/database.h"
#include "storage/rocks/file_copy.h"
#include "storage/rocks/folder_lock.h"
#include "storage/rocks/io.h"
#include "storage/rocks/receipt.h"
#include "storage/rocks/restore.h"

namespace negatron {
namespace {

constexpr absl::string_view kWaysOut =
    " Ways out: restore the data folder from a backup (with its receipt), or start once with "
    "--accept-data-loss to go on with what is there.";

absl::Status Refused(absl::string_view message, absl::string_view reason) {
  return WithReason(absl::DataLossError(absl::StrCat(message, kWaysOut)), reason);
}

Identity NewIdentity() {
  std::random_device device;
  Identity identity;
  for (uint8_t& byte : identity) byte = static_cast<uint8_t>(device());
  return identity;
}

// Whether the database holds what the receipt says was acknowledged.
absl::Status Compare(const std::optional<ReceiptContents>& receipt, const DatabaseFacts& facts) {
  if (!receipt.has_value()) {
    // The receipt is written before the first batch is: without one, nothing
    // was acknowledged.
    if (facts.last_sequence == 0) return absl::OkStatus();
    return Refused(
        absl::StrCat("The data folder has no receipt, so whether its database (up to commit ",
                     facts.last_sequence, ") is complete is not known."),
        "RECEIPT_MISSING");
  }
  if (receipt->durable_sequence == 0 && facts.last_sequence == 0) return absl::OkStatus();
  if (facts.last_sequence < receipt->durable_sequence) {
    return Refused(
        absl::StrCat("The database ends at commit ", facts.last_sequence,
                     ", but the receipt says that writes up to commit ", receipt->durable_sequence,
                     " were acknowledged: part of the log is lost."),
        "LOG_SHORTER_THAN_RECEIPT");
  }
  if (facts.identity != receipt->identity) {
    return Refused("The receipt belongs to another database.", "RECEIPT_OF_ANOTHER_DATABASE");
  }
  return absl::OkStatus();
}

absl::Status CheckFormat(const DatabaseFacts& facts) {
  if (facts.format_version <= kFormatVersion) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "the data folder has format version ", facts.format_version,
                        "; this program knows versions up to ", kFormatVersion,
                        ": use the version of Negatron that wrote it, or a later one")),
                    "FORMAT_TOO_NEW");
}

// Adds the ways out to a refusal that comes from damaged bytes.
absl::Status WithWaysOut(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  return Refused(absl::StrCat(status.message(), "."),
                 ReasonOf(status).value_or("DATABASE_DAMAGED"));
}

}  // namespace

class Store::Impl {
 public:
  explicit Impl(const StoreOptions& options)
      : path_(options.path), checkpoint_(absl::StrCat(options.path, "/backup.tmp")) {
    database_options_.path = absl::StrCat(options.path, "/db");
    database_options_.file_system =
        options.file_system != nullptr ? options.file_system : rocksdb::FileSystem::Default();
    database_options_.write_buffer_bytes = options.write_buffer_bytes;
  }

  absl::Status Open(bool accept_data_loss);
  absl::Status Write(const Mutations& batch, int64_t last_sequence, bool sync);
  absl::Status SyncLog();
  absl::Status Flush();
  absl::Status Recover();

  template <typename Record>
  absl::Status Scan(std::optional<int64_t> incarnation, Visitor<Record> visit) const;
  absl::Status ScanEventsAt(int64_t incarnation, Micros time, Visitor<EventRecord> visit) const;
  absl::StatusOr<std::optional<EventPosition>> ScanEventPage(int64_t incarnation,
                                                             const EventPosition& start,
                                                             int64_t limit,
                                                             Visitor<EventRecord> visit) const;
  absl::Status ScanEmbeddings(int64_t incarnation, Visitor<EmbeddingRecord> visit, int64_t table,
                              VectorOwner owner) const;
  absl::StatusOr<std::optional<Ordinal>> ScanEmbeddingPage(int64_t incarnation, int64_t table,
                                                           VectorOwner owner, Ordinal start,
                                                           int64_t limit,
                                                           Visitor<EmbeddingRecord> visit) const;

  // Calls read(database) on any thread; `Recover` waits for it.
  template <typename Read>
  auto ReadShared(Read read) const -> decltype(read(std::declval<const Database&>())) {
    MutexLock readers(reader_mutex_);
    NEGATRON_RETURN_IF_ERROR(Refusal());
    return read(*database_);
  }

  bool refusing() const;
  int64_t last_sequence() const { return last_sequence_; }
  int64_t durable_sequence() const { return durable_sequence_.load(std::memory_order_acquire); }
  int64_t highest_incarnation() const { return highest_incarnation_; }
  int64_t failure_count() const { return failure_count_.load(std::memory_order_acquire); }
  absl::StatusOr<Checkpoint> MakeCheckpoint() const;
  absl::Status RemoveCheckpoint() const { return RemoveFolder(file_system(), checkpoint_); }
  absl::StatusOr<int64_t> DiskBytes() const { return FolderBytes(file_system(), path_); }

 private:
  rocksdb::FileSystem& file_system() const { return *database_options_.file_system; }
  absl::Status CheckBeforeOpening(bool accept_data_loss);
  absl::Status OpenReceipt(int64_t durable_sequence);
  absl::Status Reopen();
  // OK, or why writes are refused.
  absl::Status Refusal() const;
  absl::Status Refuse(const absl::Status& status);
  void SetDatabase(std::unique_ptr<Database> database);

  const std::string path_;
  const std::string checkpoint_;  // Folder of the checkpoint.
  DatabaseOptions database_options_;
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<Database> database_;  // Null only after a failed `Reopen`.
  std::unique_ptr<Receipt> receipt_;
  Identity identity_{};
  int64_t last_sequence_ = 0;
  int64_t highest_incarnation_ = 0;
  std::atomic<int64_t> durable_sequence_{0};
  std::atomic<int64_t> failure_count_{0};

  // Held while another thread reads a page, and while `database_` is replaced.
  mutable Mutex reader_mutex_;
  mutable Mutex mutex_ ABSL_ACQUIRED_AFTER(reader_mutex_);
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  // `database_` again, for threads other than the owner's.
  Database* shared_database_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

void Store::Impl::SetDatabase(std::unique_ptr<Database> database) {
  MutexLock readers(reader_mutex_);
  {
    MutexLock lock(mutex_);
    shared_database_ = database.get();
  }
  // Destroys the old one outside of that lock, which RocksDB's threads may take.
  database_ = std::move(database);
}

absl::Status Store::Impl::Refusal() const {
  MutexLock lock(mutex_);
  if (!refusal_.ok() || shared_database_ == nullptr) return refusal_;
  return shared_database_->BackgroundError();
}

bool Store::Impl::refusing() const {
  MutexLock lock(mutex_);
  return !refusal_.ok() || (shared_database_ != nullptr && shared_database_->HasBackgroundError());
}

absl::Status Store::Impl::Refuse(const absl::Status& status) {
  MutexLock lock(mutex_);
  failure_count_.fetch_add(1, std::memory_order_acq_rel);
  if (refusal_.ok()) {
    // Whatever RocksDB called it: to the caller, a failed write is a disk that
    // may become writable again.
    refusal_ = WithReason(absl::UnavailableError(status.message()),
                          status.code() == absl::StatusCode::kUnavailable
                              ? ReasonOf(status).value_or("DISK_UNWRITABLE")
                              : "DISK_UNWRITABLE");
  }
  return refusal_;
}

// Decides about a data folder without changing it.
absl::Status Store::Impl::CheckBeforeOpening(bool accept_data_loss) {
  absl::StatusOr<std::optional<ReceiptContents>> receipt = LoadReceipt(file_system(), path_);
  if (receipt.status().code() == absl::StatusCode::kDataLoss && accept_data_loss) {
    receipt = std::optional<ReceiptContents>();
  }
  if (!receipt.ok()) return receipt.status();
  NEGATRON_ASSIGN_OR_RETURN(const bool exists, Database::Exists(database_options_));
  DatabaseFacts facts;
  if (exists) {
    NEGATRON_ASSIGN_OR_RETURN(facts, Database::Inspect(database_options_));
  }
  NEGATRON_RETURN_IF_ERROR(CheckFormat(facts));
  return accept_data_loss ? absl::OkStatus() : Compare(*receipt, facts);
}

absl::Status Store::Impl::OpenReceipt(int64_t durable_sequence) {
  receipt_.reset();
  NEGATRON_ASSIGN_OR_RETURN(receipt_,
                            Receipt::Create(file_system(), path_, {identity_, durable_sequence}));
  return absl::OkStatus();
}

absl::Status Store::Impl::Open(bool accept_data_loss) {
  NEGATRON_RETURN_IF_ERROR(MakeFolders(file_system(), path_));
  NEGATRON_ASSIGN_OR_RETURN(lock_, FolderLock::Take(database_options_.file_system, path_));
  database_options_.keep_log_before_damage = accept_data_loss;
  NEGATRON_RETURN_IF_ERROR(CheckRestored(file_system(), path_));
  NEGATRON_RETURN_IF_ERROR(WithWaysOut(CheckBeforeOpening(accept_data_loss)));
  NEGATRON_RETURN_IF_ERROR(RemoveCheckpoint());  // A crash during a backup leaves one.
  NEGATRON_RETURN_IF_ERROR(MakeFolders(file_system(), database_options_.path));
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(database_options_);
  if (!database.ok()) return WithWaysOut(database.status());
  if (!(*database)->facts().created) {
    NEGATRON_RETURN_IF_ERROR((*database)->SetUp(NewIdentity()));
  } else if ((*database)->facts().format_version < kFormatVersion) {
    // The opening has created the column families that are new since.
    NEGATRON_RETURN_IF_ERROR((*database)->Upgrade());
  }
  identity_ = (*database)->facts().identity;
  last_sequence_ = (*database)->facts().last_sequence;
  highest_incarnation_ = (*database)->facts().highest_incarnation;
  SetDatabase(*std::move(database));
  // Opening moved what the log held into tables: all of it is durable.
  NEGATRON_RETURN_IF_ERROR(OpenReceipt(last_sequence_));
  durable_sequence_.store(last_sequence_, std::memory_order_release);
  database_options_.keep_log_before_damage = false;
  return absl::OkStatus();
}

absl::Status Store::Impl::Write(const Mutations& batch, int64_t last_sequence, bool sync) {
  NEGATRON_RETURN_IF_ERROR(Refusal());
  if (last_sequence <= last_sequence_) {
    return absl::InternalError(
        absl::StrCat("commit sequence ", last_sequence, " after ", last_sequence_));
  }
  absl::Status status = database_->Write(batch, last_sequence, sync);
  if (status.ok() && sync) status = receipt_->Write(last_sequence);
  if (!status.ok()) return Refuse(status);
  last_sequence_ = last_sequence;
  highest_incarnation_ = database_->facts().highest_incarnation;
  if (sync) durable_sequence_.store(last_sequence, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status Store::Impl::SyncLog() {
  NEGATRON_RETURN_IF_ERROR(Refusal());
  if (durable_sequence() == last_sequence_) return absl::OkStatus();
  absl::Status status = database_->SyncLog();
  if (status.ok()) status = receipt_->Write(last_sequence_);
  if (!status.ok()) return Refuse(status);
  durable_sequence_.store(last_sequence_, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status Store::Impl::Flush() {
  NEGATRON_RETURN_IF_ERROR(SyncLog());
  if (absl::Status status = database_->Flush(); !status.ok()) return Refuse(status);
  return absl::OkStatus();
}

// Opens the database as a start would, but for the batches that were refused.
absl::Status Store::Impl::Reopen() {
  // The receipt may already name a refused batch; a crash after the next step
  // would then look like a loss.
  NEGATRON_RETURN_IF_ERROR(OpenReceipt(durable_sequence()));
  SetDatabase(nullptr);
  DatabaseOptions options = database_options_;
  options.highest_sequence = last_sequence_;
  NEGATRON_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(options));
  if (database->facts().last_sequence != last_sequence_) {
    return WithReason(absl::DataLossError(absl::StrCat(
                          "the disk lost writes after commit ", database->facts().last_sequence,
                          " that were not yet durable; restart the server to go on without them")),
                      "RESTART_REQUIRED");
  }
  NEGATRON_RETURN_IF_ERROR(OpenReceipt(last_sequence_));
  SetDatabase(std::move(database));
  return absl::OkStatus();
}

absl::Status Store::Impl::Recover() {
  const absl::Status refusal = Refusal();
  if (refusal.ok()) return absl::OkStatus();
  Refuse(refusal).IgnoreError();
  if (absl::Status status = Reopen(); !status.ok()) {
    if (ReasonOf(status) == "RESTART_REQUIRED") return status;
    return WithReason(absl::UnavailableError(status.message()),
                      ReasonOf(status) == "DISK_FULL" ? "DISK_FULL" : "DISK_UNWRITABLE");
  }
  durable_sequence_.store(last_sequence_, std::memory_order_release);
  MutexLock lock(mutex_);
  refusal_ = absl::OkStatus();
  return absl::OkStatus();
}

absl::StatusOr<Store::Checkpoint> Store::Impl::MakeCheckpoint() const {
  NEGATRON_RETURN_IF_ERROR(RemoveCheckpoint());
  NEGATRON_RETURN_IF_ERROR(MakeFolders(file_system(), checkpoint_));
  DatabaseOptions options = database_options_;
  options.path = absl::StrCat(checkpoint_, "/db");
  NEGATRON_RETURN_IF_ERROR(
      ReadShared([&](const Database& database) { return database.Checkpoint(options.path); }));
  NEGATRON_ASSIGN_OR_RETURN(const DatabaseFacts facts, Database::Inspect(options));
  NEGATRON_RETURN_IF_ERROR(ReplaceFile(file_system(), checkpoint_, std::string(kReceiptName),
                                       EncodeReceipt({facts.identity, facts.last_sequence})));
  return Checkpoint{checkpoint_, facts.format_version, facts.identity, facts.last_sequence};
}

template <typename Record>
absl::Status Store::Impl::Scan(std::optional<int64_t> incarnation, Visitor<Record> visit) const {
  NEGATRON_RETURN_IF_ERROR(Refusal());
  std::string prefix;
  if (incarnation.has_value()) AppendIncarnationKey(*incarnation, &prefix);
  Record record;
  return database_->Scan(FamilyFor(record), prefix,
                         [&](absl::string_view key, absl::string_view value) {
                           NEGATRON_RETURN_IF_ERROR(Decode(key, value, &record));
                           return visit(record);
                         });
}

absl::Status Store::Impl::ScanEventsAt(int64_t incarnation, Micros time,
                                       Visitor<EventRecord> visit) const {
  NEGATRON_RETURN_IF_ERROR(Refusal());
  std::string prefix;
  AppendInstantKey(incarnation, time, &prefix);
  EventRecord record;
  return database_->Scan(Family::kEvents, prefix,
                         [&](absl::string_view key, absl::string_view value) {
                           NEGATRON_RETURN_IF_ERROR(Decode(key, value, &record));
                           return visit(record);
                         });
}

absl::StatusOr<std::optional<EventPosition>> Store::Impl::ScanEventPage(
    int64_t incarnation, const EventPosition& start, int64_t limit,
    Visitor<EventRecord> visit) const {
  std::string prefix, first;
  AppendIncarnationKey(incarnation, &prefix);
  AppendEventKey(incarnation, start, &first);
  MutexLock readers(reader_mutex_);
  NEGATRON_RETURN_IF_ERROR(Refusal());
  std::optional<EventPosition> next;
  EventRecord record;
  const absl::Status status = database_->Scan(
      Family::kEvents, prefix, first, [&](absl::string_view key, absl::string_view value) {
        NEGATRON_RETURN_IF_ERROR(Decode(key, value, &record));
        if (limit-- > 0) return visit(record);
        next = PositionOf(record);
        return absl::OutOfRangeError("the page is full");  // Ends the scan.
      });
  if (!status.ok() && !next.has_value()) return status;
  return next;
}

absl::Status Store::Impl::ScanEmbeddings(int64_t incarnation, Visitor<EmbeddingRecord> visit,
                                         int64_t table, VectorOwner owner) const {
  NEGATRON_RETURN_IF_ERROR(Refusal());
  const Family family = EmbeddingFamily(table, owner);
  std::string prefix;
  AppendTableKey(incarnation, table, owner, &prefix);
  EmbeddingRecord record;
  return database_->Scan(family, prefix, [&](absl::string_view key, absl::string_view value) {
    NEGATRON_RETURN_IF_ERROR(DecodeEmbedding(family, key, value, &record));
    return visit(record);
  });
}

absl::StatusOr<std::optional<Ordinal>> Store::Impl::ScanEmbeddingPage(
    int64_t incarnation, int64_t table, VectorOwner owner, Ordinal start, int64_t limit,
    Visitor<EmbeddingRecord> visit) const {
  const Family family = EmbeddingFamily(table, owner);
  std::string prefix;
  AppendTableKey(incarnation, table, owner, &prefix);
  std::string first;
  AppendEmbeddingKey(incarnation, table, owner, start, &first);
  MutexLock readers(reader_mutex_);
  NEGATRON_RETURN_IF_ERROR(Refusal());
  std::optional<Ordinal> next;
  EmbeddingRecord record;
  const absl::Status status =
      database_->Scan(family, prefix, first, [&](absl::string_view key, absl::string_view value) {
        NEGATRON_RETURN_IF_ERROR(DecodeEmbedding(family, key, value, &record));
        if (limit-- > 0) return visit(record);
        next = record.ordinal;
        return absl::OutOfRangeError("the page is full");  // Ends the scan.
      });
  if (!status.ok() && !next.has_value()) return status;
  return next;
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  NEGATRON_RETURN_IF_ERROR(impl->Open(options.accept_data_loss));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

absl::Status Store::ScanCollections(Visitor<CollectionRecord> visit) const {
  return impl_->Scan(std::nullopt, visit);
}
absl::Status Store::ScanItems(int64_t incarnation, Visitor<ItemRecord> visit) const {
  return impl_->Scan(incarnation, visit);
}
absl::Status Store::ScanUsers(int64_t incarnation, Visitor<UserRecord> visit) const {
  return impl_->Scan(incarnation, visit);
}
absl::Status Store::ScanEvents(int64_t incarnation, Visitor<EventRecord> visit) const {
  return impl_->Scan(incarnation, visit);
}
absl::Status Store::ScanEmbeddings(int64_t incarnation, Visitor<EmbeddingRecord> visit,
                                   int64_t table, VectorOwner owner) const {
  return impl_->ScanEmbeddings(incarnation, visit, table, owner);
}
absl::Status Store::ScanEmbeddingVersions(int64_t incarnation,
                                          Visitor<EmbeddingVersionRecord> visit) const {
  return impl_->Scan(incarnation, visit);
}
absl::StatusOr<std::optional<Ordinal>> Store::ScanEmbeddingPage(
    int64_t incarnation, int64_t table, VectorOwner owner, Ordinal start, int64_t limit,
    Visitor<EmbeddingRecord> visit) const {
  return impl_->ScanEmbeddingPage(incarnation, table, owner, start, limit, visit);
}
absl::Status Store::ScanRequests(int64_t incarnation, Visitor<RequestRecord> visit) const {
  return impl_->Scan(incarnation, visit);
}

absl::Status Store::ScanStreams(int64_t incarnation, Visitor<StreamRecord> visit) const {
  return impl_->Scan(incarnation, visit);
}
absl::Status Store::ScanPolicies(int64_t incarnation, Visitor<PolicyRecord> visit) const {
  return impl_->Scan(incarnation, visit);
}
absl::Status Store::ScanControllers(int64_t incarnation, Visitor<ControllerRecord> visit) const {
  return impl_->Scan(incarnation, visit);
}
absl::Status Store::ScanEventsAt(int64_t incarnation, Micros time,
                                 Visitor<EventRecord> visit) const {
  return impl_->ScanEventsAt(incarnation, time, visit);
}
absl::StatusOr<std::optional<EventPosition>> Store::ScanEventPage(
    int64_t incarnation, const EventPosition& start, int64_t limit,
    Visitor<EventRecord> visit) const {
  return impl_->ScanEventPage(incarnation, start, limit, visit);
}
absl::StatusOr<std::optional<Micros>> Store::ScanAuditPage(int64_t incarnation, Micros newest,
                                                           int64_t limit,
                                                           Visitor<AuditRecord> visit) const {
  return impl_->ReadShared([&](const Database& database) {
    return negatron::ScanAuditPage(database, incarnation, newest, limit, visit);
  });
}
absl::StatusOr<AuditRecord> Store::ReadAudit(int64_t incarnation, Micros time) const {
  return impl_->ReadShared(
      [&](const Database& database) { return negatron::ReadAudit(database, incarnation, time); });
}
absl::StatusOr<std::vector<AuditErasureRecord>> Store::ReadAuditErasures(
    int64_t incarnation) const {
  return impl_->ReadShared(
      [&](const Database& database) { return negatron::ReadAuditErasures(database, incarnation); });
}
absl::Status Store::Write(StoreBatch& batch, int64_t last_sequence, Sync sync) {
  return impl_->Write(*batch.mutations_, last_sequence, sync == Sync::kYes);
}
absl::Status Store::SyncLog() { return impl_->SyncLog(); }
absl::Status Store::Flush() { return impl_->Flush(); }
absl::Status Store::Recover() { return impl_->Recover(); }
bool Store::refusing() const { return impl_->refusing(); }
int64_t Store::last_sequence() const { return impl_->last_sequence(); }
int64_t Store::durable_sequence() const { return impl_->durable_sequence(); }
int64_t Store::failure_count() const { return impl_->failure_count(); }
absl::StatusOr<Store::Checkpoint> Store::MakeCheckpoint() const { return impl_->MakeCheckpoint(); }
absl::Status Store::RemoveCheckpoint() const { return impl_->RemoveCheckpoint(); }
int64_t Store::next_incarnation() const { return impl_->highest_incarnation() + 1; }
absl::StatusOr<int64_t> Store::DiskBytes() const { return impl_->DiskBytes(); }
absl::StatusOr<DatabaseStatistics> Store::Statistics() const {
  return impl_->ReadShared([](const Database& database) { return database.Statistics(); });
}

}  // namespace negatron
