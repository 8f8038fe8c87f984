// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/store.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"

#include "storage/rocks/codec.h"
#include "storage/rocks/receipt.h"
#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreTest : public StoreTestBase {
 protected:
  // Changes one byte in the middle of a file.
  static void FlipByte(const std::string& path, uint64_t offset) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
    ASSERT_TRUE(file.good());
  }

  std::string NewestLog() const { return DatabaseFiles(".log").back(); }

  // Opens the database without the store and writes one fact.
  void WriteFact(absl::string_view key, const std::string& value) {
    rocksdb::Options options;
    std::vector<std::string> names;
    const std::string path = data() + "/db";
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, path, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, options);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, path, families, &handles, &db).ok());
    EXPECT_TRUE(db->Put({}, rocksdb::Slice(key.data(), key.size()), value).ok());
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
    delete db;
  }
};

TEST_F(StoreTest, StartsEmptyAndCreatesItsFolders) {
  StoreOptions options;
  options.path = folder_.path() + "/a/b/c/";
  const auto store = Store::Open(options);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->last_sequence(), 0);
  EXPECT_EQ((*store)->durable_sequence(), 0);
  EXPECT_EQ((*store)->next_incarnation(), 1);
  EXPECT_FALSE((*store)->refusing());
  EXPECT_EQ(ReadStore(**store)->record_count(), 0);
}

TEST_F(StoreTest, HoldsWhatAModelHolds) {
  Open();
  std::mt19937_64 random(7);
  StoreModel model;
  for (int64_t sequence = 1; sequence <= 300; ++sequence) {
    StoreBatch batch;
    RandomBatch(sequence, random, model, batch);
    ASSERT_TRUE(store_->Write(batch, sequence, Store::Sync::kNo).ok());
    if (sequence % 100 == 0) {
      if (sequence == 200) Open();
      const auto found = ReadStore(*store_);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_TRUE(*found == model) << "after batch " << sequence;
    }
  }
  EXPECT_GT(model.record_count(), 500);
}

TEST_F(StoreTest, ScansEventsByTimeThenSequenceThenRow) {
  Open();
  StoreBatch batch;
  for (const Micros time : {Micros{5}, kMinTime, kMaxTime, Micros{-1}}) {
    for (const int64_t sequence : {2, 1}) {
      for (const uint32_t row : {1u, 0u}) {
        EventRecord event;
        event.time = time;
        event.commit_sequence = sequence;
        event.row = row;
        batch.PutEvent(1, event);
      }
    }
  }
  ASSERT_TRUE(store_->Write(batch, 2, Store::Sync::kNo).ok());
  std::vector<std::tuple<Micros, int64_t, uint32_t>> order;
  ASSERT_TRUE(store_
                  ->ScanEvents(1,
                               [&](const EventRecord& event) {
                                 order.emplace_back(event.time, event.commit_sequence, event.row);
                                 return absl::OkStatus();
                               })
                  .ok());
  EXPECT_EQ(order.size(), 16u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(StoreTest, ReturnsTheErrorOfTheCallback) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kNo, 0).ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kNo, 1).ok());
  int seen = 0;
  const absl::Status status = store_->ScanItems(1, [&](const ItemRecord&) {
    ++seen;
    return absl::AbortedError("enough");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(seen, 1);
}

TEST_F(StoreTest, DeletedCollectionLeavesNothingAndItsNeighboursStay) {
  Open();
  StoreBatch batch;
  for (const int64_t incarnation : {1, 2, 3}) {
    CollectionRecord collection;
    collection.incarnation = incarnation;
    batch.PutCollection(collection);
    // The first and the last key that an incarnation can have.
    for (const Ordinal ordinal : {Ordinal{0}, Ordinal{0xFFFFFFFF}}) {
      const float number = 1.0f;
      batch.PutItem(incarnation, {ordinal, {1, ""}, {}, false, 1});
      batch.PutUser(incarnation, {ordinal, {1, ""}, 1});
      batch.PutEmbedding(incarnation, ordinal, {&number, 1}, 1, {});
    }
    batch.PutEvent(incarnation, {kMinTime, 1, 0, 0, 0, EventKind::kPositive, 1.0f});
    batch.PutEvent(incarnation, {kMaxTime, 1, 1, 0, 0, EventKind::kPositive, 1.0f});
    batch.PutRequest(incarnation, {"\x7F", 0, 0, 1, 0, 0, false});
  }
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kYes).ok());
  batch.Clear();
  batch.DeleteCollection(2);
  ASSERT_TRUE(store_->Write(batch, 2, Store::Sync::kYes).ok());
  for (int reopened = 0; reopened < 2; ++reopened) {
    const auto model = ReadStore(*store_);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->collections.size(), 2u);
    EXPECT_EQ(model->record_count(), 2 * 10);
    EXPECT_EQ(model->collections.count(2), 0u);
    EXPECT_EQ(store_->next_incarnation(), 4);
    Open();
  }
}

TEST_F(StoreTest, NeverReusesTheIncarnationOfADeletedCollection) {
  Open();
  StoreBatch batch;
  CollectionRecord collection;
  collection.incarnation = store_->next_incarnation();
  batch.PutCollection(collection);
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kYes).ok());
  EXPECT_EQ(store_->next_incarnation(), 2);
  batch.Clear();
  batch.DeleteCollection(1);
  ASSERT_TRUE(store_->Write(batch, 2, Store::Sync::kYes).ok());
  EXPECT_EQ(store_->next_incarnation(), 2);
  Open();
  EXPECT_EQ(store_->next_incarnation(), 2);
}

TEST_F(StoreTest, LaterMutationsOfABatchWin) {
  Open();
  StoreBatch batch;
  batch.PutRequest(1, {"r", 1, 0, 1, 0, 0, false});
  batch.DeleteRequest(1, "r");
  batch.PutItem(1, {0, {1, ""}, {}, false, 1});
  batch.PutItem(1, {0, {2, ""}, {}, false, 1});
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kNo).ok());
  EXPECT_THAT(Items(), ElementsAre(2));
  EXPECT_TRUE(
      store_
          ->ScanRequests(
              1, [](const RequestRecord&) { return absl::InternalError("a request is left"); })
          .ok());
}

TEST_F(StoreTest, BatchesTellTheirSizeAndClear) {
  StoreBatch batch;
  EXPECT_TRUE(batch.empty());
  batch.PutItem(1, {});
  const size_t one = batch.size_bytes();
  EXPECT_GT(one, 20u);
  EXPECT_FALSE(batch.empty());
  batch.Clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.size_bytes(), 0u);
}

TEST_F(StoreTest, CountsSequencesAndRefusesThoseThatDoNotGrow) {
  Open();
  ASSERT_TRUE(WriteItem(3, Store::Sync::kYes).ok());
  ASSERT_TRUE(WriteItem(5, Store::Sync::kNo).ok());
  EXPECT_EQ(store_->last_sequence(), 5);
  EXPECT_EQ(store_->durable_sequence(), 3);
  EXPECT_EQ(WriteItem(5, Store::Sync::kNo).code(), absl::StatusCode::kInternal);
  EXPECT_FALSE(store_->refusing());
  ASSERT_TRUE(store_->SyncLog().ok());
  EXPECT_EQ(store_->durable_sequence(), 5);
  StoreBatch empty;
  ASSERT_TRUE(store_->Write(empty, 6, Store::Sync::kYes).ok());
  Open();
  EXPECT_EQ(store_->last_sequence(), 6);
  EXPECT_EQ(store_->durable_sequence(), 6);
}

TEST_F(StoreTest, SecondOpeningOfTheFolderIsRefused) {
  Open();
  const absl::Status status = TryOpen().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "DATA_FOLDER_IN_USE");
}

TEST_F(StoreTest, FlushMovesTheLogIntoTablesAndDiskBytesCountsThem) {
  Open();
  StoreBatch batch;
  std::mt19937_64 random(1);
  std::vector<float> vector(256);
  for (Ordinal ordinal = 0; ordinal < 1000; ++ordinal) {
    for (float& number : vector) number = static_cast<float>(random());
    batch.PutEmbedding(1, ordinal, vector, 1, {});
  }
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kNo).ok());
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->durable_sequence(), 1);
  EXPECT_FALSE(DatabaseFiles(".sst").empty());
  EXPECT_EQ(std::filesystem::file_size(NewestLog()), 0u);
  EXPECT_GT(*store_->DiskBytes(), 1000 * 256 * 4);
  EXPECT_LT(*store_->DiskBytes(), 3 * 1000 * 256 * 4);
}

TEST_F(StoreTest, UnsyncedWritesSurviveACrashOfTheProcess) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kNo, 1).ok());
  Crash();
  Open();
  EXPECT_THAT(Items(), ElementsAre(1, 2));
}

TEST_F(StoreTest, SyncedWritesSurviveALossOfPowerAndUnsyncedOnesGo) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kNo, 0).ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kYes, 1).ok());
  ASSERT_TRUE(WriteItem(3, Store::Sync::kNo, 2).ok());
  LosePower();
  Open();
  EXPECT_THAT(Items(), ElementsAre(1, 2));
  EXPECT_EQ(store_->last_sequence(), 2);
  ASSERT_TRUE(WriteItem(3, Store::Sync::kNo, 2).ok());
  ASSERT_TRUE(store_->SyncLog().ok());
  LosePower();
  Open();
  EXPECT_THAT(Items(), ElementsAre(1, 2, 3));
}

TEST_F(StoreTest, RefusesALogShorterThanTheReceiptAndChangesNothing) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes).ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kYes).ok());
  Crash();
  const std::string log = NewestLog();
  const std::string aside = folder_.path() + "/aside";
  std::filesystem::rename(log, aside);
  const absl::Status status = TryOpen().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), "LOG_SHORTER_THAN_RECEIPT");
  EXPECT_THAT(status.message(), HasSubstr("up to commit 2"));
  EXPECT_THAT(status.message(), HasSubstr("backup"));
  EXPECT_THAT(status.message(), HasSubstr("--accept-data-loss"));
  // Bringing the log back repairs everything.
  std::filesystem::rename(aside, log);
  Open();
  EXPECT_THAT(Items(), ElementsAre(2));
}

TEST_F(StoreTest, AcceptedDataLossStartsAgainFromWhatIsThere) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes).ok());
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kYes).ok());
  Crash();
  std::filesystem::remove(NewestLog());
  ExpectRefused(absl::StatusCode::kDataLoss, "LOG_SHORTER_THAN_RECEIPT");
  Open(/*accept_data_loss=*/true);
  EXPECT_THAT(Items(), ElementsAre(1));
  EXPECT_EQ(store_->last_sequence(), 1);
  Open();  // The receipt was rewritten.
  EXPECT_EQ(store_->last_sequence(), 1);
}

TEST_F(StoreTest, RefusesWhenTheDatabaseIsGone) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes).ok());
  Crash();
  std::filesystem::remove_all(data() + "/db");
  ExpectRefused(absl::StatusCode::kDataLoss, "LOG_SHORTER_THAN_RECEIPT");
  EXPECT_FALSE(std::filesystem::exists(data() + "/db"));
}

TEST_F(StoreTest, RefusesWithoutAReceipt) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes).ok());
  Crash();
  ASSERT_TRUE(disk_->DeleteFile(data() + "/RECEIPT", {}, nullptr).ok());
  ExpectRefused(absl::StatusCode::kDataLoss, "RECEIPT_MISSING");
  Open(/*accept_data_loss=*/true);
  EXPECT_THAT(Items(), ElementsAre(1));
  Open();
}

TEST_F(StoreTest, OpensWithoutAReceiptWhenNothingWasWritten) {
  Open();
  Crash();
  ASSERT_TRUE(disk_->DeleteFile(data() + "/RECEIPT", {}, nullptr).ok());
  Open();
  EXPECT_EQ(store_->last_sequence(), 0);
}

TEST_F(StoreTest, RefusesADamagedReceipt) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes).ok());
  Crash();
  FlipByte(data() + "/RECEIPT", 30);
  Open();  // The other slot is enough.
  ASSERT_TRUE(WriteItem(2, Store::Sync::kYes).ok());
  Crash();
  FlipByte(data() + "/RECEIPT", 30);
  FlipByte(data() + "/RECEIPT", kReceiptSlotStride + 30);
  ExpectRefused(absl::StatusCode::kDataLoss, "RECEIPT_DAMAGED");
  Open(/*accept_data_loss=*/true);
  EXPECT_EQ(store_->last_sequence(), 2);
}

TEST_F(StoreTest, RefusesTheReceiptOfAnotherDatabase) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes).ok());
  Crash();
  ASSERT_TRUE(Receipt::Create(*disk_, data(), {Identity{1, 2, 3}, 1}).ok());
  ExpectRefused(absl::StatusCode::kDataLoss, "RECEIPT_OF_ANOTHER_DATABASE");
}

TEST_F(StoreTest, RefusesALogDamagedInTheMiddle) {
  Open();
  for (int64_t sequence = 1; sequence <= 100; ++sequence) {
    ASSERT_TRUE(WriteItem(sequence, Store::Sync::kYes, static_cast<Ordinal>(sequence)).ok());
  }
  Crash();
  FlipByte(NewestLog(), std::filesystem::file_size(NewestLog()) / 2);
  ExpectRefused(absl::StatusCode::kDataLoss, "DATABASE_DAMAGED");
  Open(/*accept_data_loss=*/true);
  const std::vector<int64_t> items = Items();
  EXPECT_GT(items.size(), 40u);
  EXPECT_LT(items.size(), 60u);
  EXPECT_EQ(store_->last_sequence(), static_cast<int64_t>(items.size()));
}

TEST_F(StoreTest, OpensALogThatLostUnacknowledgedBytesAtItsEnd) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kNo, 1).ok());
  Crash();
  std::filesystem::resize_file(NewestLog(), std::filesystem::file_size(NewestLog()) - 10);
  Open();
  EXPECT_THAT(Items(), ElementsAre(1));
  EXPECT_EQ(store_->last_sequence(), 1);
}

TEST_F(StoreTest, RefusesALogThatLostAcknowledgedBytesAtItsEnd) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes).ok());
  Crash();
  std::filesystem::resize_file(NewestLog(), std::filesystem::file_size(NewestLog()) - 10);
  ExpectRefused(absl::StatusCode::kDataLoss, "LOG_SHORTER_THAN_RECEIPT");
}

TEST_F(StoreTest, RefusesAMissingTable) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes).ok());
  ASSERT_TRUE(store_->Flush().ok());
  store_.reset();
  for (const std::string& path : DatabaseFiles(".sst")) std::filesystem::remove(path);
  ExpectRefused(absl::StatusCode::kDataLoss, "DATABASE_DAMAGED");
}

TEST_F(StoreTest, RefusesANewerFormat) {
  Open();
  store_.reset();
  WriteFact(kFormatVersionKey, EncodeFormatVersion(kFormatVersion + 1));
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "FORMAT_TOO_NEW");
}

TEST_F(StoreTest, RefusesAFactItCannotRead) {
  Open();
  store_.reset();
  WriteFact(kSequenceKey, "short");
  ExpectRefused(absl::StatusCode::kDataLoss, "DATABASE_DAMAGED");
}

TEST_F(StoreTest, ScanNamesARecordItCannotRead) {
  Open();
  StoreBatch batch;
  ItemRecord item;
  item.alive = {{5, 4}};  // Such an interval is never written by the engine.
  batch.PutItem(1, item);
  ASSERT_TRUE(store_->Write(batch, 1, Store::Sync::kNo).ok());
  const absl::Status status =
      store_->ScanItems(1, [](const ItemRecord&) { return absl::OkStatus(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), "DATABASE_DAMAGED");
  EXPECT_THAT(status.message(), HasSubstr("column family items, key 000000000000000100000000"));
}

}  // namespace
}  // namespace negatron
