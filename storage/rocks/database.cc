// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/database.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/wal_filter.h"
#include "rocksdb/write_batch.h"

#include "storage/base/mutex.h"
#include "storage/base/status.h"
#include "storage/rocks/info_log.h"
#include "storage/rocks/io.h"

namespace negatron {
namespace {

constexpr uint32_t kMetaFamilyId = 0;  // RocksDB's default family always has it.

rocksdb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
absl::string_view ToView(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

// Finds the sequence stamp of a batch.
class StampFinder final : public rocksdb::WriteBatch::Handler {
 public:
  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    if (family == kMetaFamilyId && ToView(key) == kSequenceKey) {
      found_ = DecodeSequenceStamp(ToView(value), &stamp_);
    }
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(uint32_t, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteRangeCF(uint32_t, const rocksdb::Slice&, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }

  std::optional<SequenceStamp> stamp() const {
    return found_ ? std::optional<SequenceStamp>(stamp_) : std::nullopt;
  }

 private:
  SequenceStamp stamp_;
  bool found_ = false;
};

// Discards what RocksDB says, so that an inspection leaves no file behind.
class SilentLogger final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

bool IsSupported(rocksdb::CompressionType type) {
  const std::vector<rocksdb::CompressionType> supported = rocksdb::GetSupportedCompressions();
  return std::find(supported.begin(), supported.end(), type) != supported.end();
}

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, size_t write_buffer_bytes) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = write_buffer_bytes;
  options.level_compaction_dynamic_level_bytes = true;
  // Not every build of RocksDB has every compressor. Vectors do not compress.
  const bool compress = family != Family::kEmbeddings;
  options.compression = compress && IsSupported(rocksdb::kLZ4Compression) ? rocksdb::kLZ4Compression
                                                                          : rocksdb::kNoCompression;
  if (compress && IsSupported(rocksdb::kZSTD)) {
    options.bottommost_compression = rocksdb::kZSTD;
  }
  return options;
}

rocksdb::DBOptions GlobalOptions(const DatabaseOptions& options) {
  rocksdb::DBOptions rocks;
  rocks.create_if_missing = true;
  rocks.create_missing_column_families = true;
  // The default mode drops what follows a damaged record, synced or not, and
  // says nothing.
  rocks.wal_recovery_mode = options.keep_log_before_damage
                                ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocks.db_write_buffer_size = 4 * options.write_buffer_bytes;
  rocks.max_total_wal_size = 4 * options.write_buffer_bytes;
  rocks.max_background_jobs = 2;
  // RocksDB's own resumption flushes one column family after the other, and a
  // crash in the midst of it can tear a batch. `Store::Recover` opens anew.
  rocks.max_bgerror_resume_count = 0;
  rocks.max_open_files = 512;
  rocks.skip_stats_update_on_db_open = true;
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  return rocks;
}

}  // namespace

// Remembers the first error that RocksDB met in the background.
class BackgroundErrors final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    MutexLock lock(mutex_);
    if (first_.ok()) first_ = FromRocks(*status, "RocksDB stopped");
    any_.store(true, std::memory_order_release);
  }

  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

  bool any() const { return any_.load(std::memory_order_acquire); }

  absl::Status first() const {
    MutexLock lock(mutex_);
    return first_;
  }

 private:
  std::atomic<bool> any_{false};
  mutable Mutex mutex_;
  absl::Status first_ ABSL_GUARDED_BY(mutex_);
};

// Sees each batch while the log is read. Stops at a gap in the chain: a loss of
// power can keep a later log file and lose the end of an earlier one.
class LogFilter final : public rocksdb::WalFilter {
 public:
  explicit LogFilter(std::optional<int64_t> highest_sequence)
      : highest_sequence_(highest_sequence) {}

  const char* Name() const override { return "negatron.LogFilter"; }

  WalProcessingOption LogRecordFound(unsigned long long, const std::string&,  // NOLINT
                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*,
                                     bool*) override {
    StampFinder finder;
    if (!batch.Iterate(&finder).ok()) return WalProcessingOption::kCorruptedRecord;
    const std::optional<SequenceStamp> stamp = finder.stamp();
    // RocksDB may add batches of its own.
    if (!stamp.has_value()) return WalProcessingOption::kContinueProcessing;
    if (highest_sequence_.has_value() && stamp->last > *highest_sequence_) {
      return WalProcessingOption::kIgnoreCurrentRecord;
    }
    if (before_.has_value() && stamp->previous != before_) {
      return WalProcessingOption::kStopReplay;
    }
    before_ = stamp->last;
    return WalProcessingOption::kContinueProcessing;
  }

 private:
  const std::optional<int64_t> highest_sequence_;
  std::optional<int64_t> before_;  // `last` of the batch before.
};

Database::Database() = default;

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* const handle : handles_) {
    db_->DestroyColumnFamilyHandle(handle);
  }
}

absl::StatusOr<bool> Database::Exists(const DatabaseOptions& options) {
  return FileExists(*options.file_system, absl::StrCat(options.path, "/CURRENT"));
}

absl::StatusOr<DatabaseFacts> Database::Inspect(const DatabaseOptions& options) {
  Database database;
  NEGATRON_RETURN_IF_ERROR(database.OpenRocks(options, /*inspect=*/true));
  NEGATRON_RETURN_IF_ERROR(database.ReadFacts());
  return database.facts();
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  std::unique_ptr<Database> database(new Database);
  NEGATRON_RETURN_IF_ERROR(database->OpenRocks(options, /*inspect=*/false));
  NEGATRON_RETURN_IF_ERROR(database->ReadFacts());
  return database;
}

absl::Status Database::OpenRocks(const DatabaseOptions& options, bool inspect) {
  background_errors_ = std::make_shared<BackgroundErrors>();
  log_filter_ = std::make_unique<LogFilter>(options.highest_sequence);
  env_ = rocksdb::NewCompositeEnv(options.file_system);
  rocksdb::DBOptions rocks = GlobalOptions(options);
  rocks.env = env_.get();
  rocks.wal_filter = log_filter_.get();
  rocks.listeners = {background_errors_};
  // An inspection reads the default family alone, so that nearly all of the log
  // passes by without being kept.
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (int i = 0; i < (inspect ? 1 : kFamilyCount); ++i) {
    const auto family = static_cast<Family>(i);
    families.emplace_back(std::string(FamilyName(family)),
                          FamilyOptions(family, options.write_buffer_bytes));
  }
  rocksdb::DB* db = nullptr;
  rocksdb::Status status;
  if (inspect) {
    rocks.info_log = std::make_shared<SilentLogger>();
    status = rocksdb::DB::OpenForReadOnly(rocks, options.path, families, &handles_, &db);
  } else {
    rocks.info_log = OpenInfoLog(options.path);
    status = rocksdb::DB::Open(rocks, options.path, families, &handles_, &db);
  }
  db_.reset(db);
  return FromRocks(status, absl::StrCat("opening the database in ", options.path));
}

absl::Status Database::ReadFacts() {
  facts_ = DatabaseFacts();
  const auto read = [this](absl::string_view key, auto decode) -> absl::Status {
    std::string value;
    const rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), handle(Family::kMeta), ToSlice(key), &value);
    if (status.IsNotFound()) return absl::OkStatus();
    NEGATRON_RETURN_IF_ERROR(FromRocks(status, absl::StrCat("reading ", key)));
    if (decode(value)) return absl::OkStatus();
    return WithReason(absl::DataLossError(absl::StrCat("column family default, key ", key,
                                                       ": the value has a wrong length")),
                      "DATABASE_DAMAGED");
  };
  SequenceStamp stamp;
  NEGATRON_RETURN_IF_ERROR(read(kFormatVersionKey, [&](const std::string& value) {
    facts_.created = true;
    return DecodeFormatVersion(value, &facts_.format_version);
  }));
  NEGATRON_RETURN_IF_ERROR(read(kIdentityKey, [&](const std::string& value) {
    if (value.size() != facts_.identity.size()) return false;
    std::copy(value.begin(), value.end(), facts_.identity.begin());
    return true;
  }));
  NEGATRON_RETURN_IF_ERROR(read(
      kSequenceKey, [&](const std::string& value) { return DecodeSequenceStamp(value, &stamp); }));
  NEGATRON_RETURN_IF_ERROR(read(kIncarnationKey, [&](const std::string& value) {
    return DecodeIncarnation(value, &facts_.highest_incarnation);
  }));
  facts_.last_sequence = stamp.last;
  return absl::OkStatus();
}

absl::Status Database::SetUp(const Identity& identity) {
  rocksdb::WriteBatch batch;
  const auto put = [&](absl::string_view key, absl::string_view value) {
    return batch.Put(handle(Family::kMeta), ToSlice(key), ToSlice(value));
  };
  const std::string identity_bytes(identity.begin(), identity.end());
  rocksdb::Status status = put(kFormatVersionKey, EncodeFormatVersion(kFormatVersion));
  if (status.ok()) status = put(kIdentityKey, identity_bytes);
  if (status.ok()) status = put(kSequenceKey, EncodeSequenceStamp({}));
  rocksdb::WriteOptions options;
  options.sync = true;
  if (status.ok()) status = db_->Write(options, &batch);
  NEGATRON_RETURN_IF_ERROR(FromRocks(status, "setting up the database"));
  return ReadFacts();
}

absl::Status Database::Upgrade() {
  rocksdb::WriteOptions options;
  options.sync = true;
  NEGATRON_RETURN_IF_ERROR(
      FromRocks(db_->Put(options, handle(Family::kMeta), ToSlice(kFormatVersionKey),
                         EncodeFormatVersion(kFormatVersion)),
                "upgrading the database"));
  return ReadFacts();
}

absl::Status Database::Write(const Mutations& batch, int64_t last_sequence, bool sync) {
  rocksdb::WriteBatch rocks(batch.size_bytes() + 256);
  rocksdb::Status status;
  batch.ForEach([&](const Mutations::Mutation& mutation) {
    if (!status.ok()) return;
    rocksdb::ColumnFamilyHandle* const family = handle(mutation.family);
    const rocksdb::Slice key = ToSlice(mutation.key);
    switch (mutation.kind) {
      case Mutations::Kind::kPut:
        status = rocks.Put(family, key, ToSlice(mutation.value));
        break;
      case Mutations::Kind::kDelete:
        status = rocks.Delete(family, key);
        break;
      case Mutations::Kind::kDeleteRange:
        status = rocks.DeleteRange(family, key, ToSlice(mutation.value));
        break;
    }
  });
  const int64_t incarnation = std::max(facts_.highest_incarnation, batch.highest_incarnation());
  if (status.ok() && incarnation != facts_.highest_incarnation) {
    status =
        rocks.Put(handle(Family::kMeta), ToSlice(kIncarnationKey), EncodeIncarnation(incarnation));
  }
  if (status.ok()) {
    status = rocks.Put(handle(Family::kMeta), ToSlice(kSequenceKey),
                       EncodeSequenceStamp({facts_.last_sequence, last_sequence}));
  }
  // One write with `sync`, not a write and then SyncWAL: RocksDB shows the batch
  // to readers only after the sync, so a failed one leaves nothing in memory.
  rocksdb::WriteOptions options;
  options.sync = sync;
  if (status.ok()) status = db_->Write(options, &rocks);
  NEGATRON_RETURN_IF_ERROR(FromRocks(status, "writing the log"));
  facts_.last_sequence = last_sequence;
  facts_.highest_incarnation = incarnation;
  return absl::OkStatus();
}

absl::Status Database::SyncLog() { return FromRocks(db_->SyncWAL(), "syncing the log"); }

absl::Status Database::Flush() {
  return FromRocks(db_->Flush(rocksdb::FlushOptions(), handles_), "flushing");
}

absl::Status Database::Checkpoint(const std::string& path) const {
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // However long the log is, it is copied: flushing would leave a small table for each backup.
  constexpr uint64_t kNeverFlush = std::numeric_limits<uint64_t>::max();
  if (status.ok()) status = checkpoint->CreateCheckpoint(path, kNeverFlush);
  return FromRocks(status, "making a checkpoint");
}

absl::Status Database::Scan(
    Family family, absl::string_view prefix,
    absl::FunctionRef<absl::Status(absl::string_view, absl::string_view)> visit) const {
  return Scan(family, prefix, prefix, visit);
}

absl::Status Database::Scan(
    Family family, absl::string_view prefix, absl::string_view first,
    absl::FunctionRef<absl::Status(absl::string_view, absl::string_view)> visit) const {
  rocksdb::ReadOptions options;
  // Of a whole collection, rather than of one instant.
  if (prefix.size() <= sizeof(int64_t)) {
    options.readahead_size = size_t{2} << 20;
    options.fill_cache = false;
  }
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options, handle(family)));
  for (iterator->Seek(ToSlice(first)); iterator->Valid(); iterator->Next()) {
    const absl::string_view key = ToView(iterator->key());
    if (key.substr(0, prefix.size()) != prefix) break;
    NEGATRON_RETURN_IF_ERROR(visit(key, ToView(iterator->value())));
  }
  return FromRocks(iterator->status(), absl::StrCat("reading ", FamilyName(family)));
}

absl::Status Database::BackgroundError() const { return background_errors_->first(); }

bool Database::HasBackgroundError() const { return background_errors_->any(); }

}  // namespace negatron
