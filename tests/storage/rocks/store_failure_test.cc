// SPDX-License-Identifier: Apache-2.0
// Disks that fail while the store writes.

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using Operation = FaultFileSystem::Operation;

// A way in which a synced write can fail.
struct Failure {
  std::string name;
  FaultFileSystem::Fault fault;
  std::string reason;
};

FaultFileSystem::Fault MakeFault(Operation operation, const std::string& path_part, double done,
                                 rocksdb::IOStatus error, bool retryable = false) {
  FaultFileSystem::Fault fault;
  fault.operation = operation;
  fault.path_part = path_part;
  fault.done = done;
  error.SetRetryable(retryable);
  fault.error = std::move(error);
  return fault;
}

std::vector<Failure> Failures() {
  const auto broken = [] { return rocksdb::IOStatus::IOError("injected"); };
  const auto full = [] { return rocksdb::IOStatus::NoSpace("injected"); };
  return {
      {"AppendOfNothing", MakeFault(Operation::kAppend, ".log", 0, broken()), "DISK_UNWRITABLE"},
      {"AppendOfHalf", MakeFault(Operation::kAppend, ".log", 0.5, broken()), "DISK_UNWRITABLE"},
      {"AppendOfAll", MakeFault(Operation::kAppend, ".log", 1, broken()), "DISK_UNWRITABLE"},
      {"RetryableAppendOfHalf", MakeFault(Operation::kAppend, ".log", 0.5, broken(), true),
       "DISK_UNWRITABLE"},
      {"RetryableAppendOfAll", MakeFault(Operation::kAppend, ".log", 1, broken(), true),
       "DISK_UNWRITABLE"},
      {"DiskFullAtHalf", MakeFault(Operation::kAppend, ".log", 0.5, full()), "DISK_FULL"},
      {"DiskFullAfterAll", MakeFault(Operation::kAppend, ".log", 1, full()), "DISK_FULL"},
      {"SyncInVain", MakeFault(Operation::kSync, ".log", 0, broken()), "DISK_UNWRITABLE"},
      {"SyncThatWorked", MakeFault(Operation::kSync, ".log", 1, broken()), "DISK_UNWRITABLE"},
      {"RetryableSync", MakeFault(Operation::kSync, ".log", 1, broken(), true), "DISK_UNWRITABLE"},
      {"DiskFullAtSync", MakeFault(Operation::kSync, ".log", 0, full()), "DISK_FULL"},
      {"ReceiptOfNothing", MakeFault(Operation::kOverwrite, "RECEIPT", 0, broken()),
       "DISK_UNWRITABLE"},
      {"ReceiptOfAll", MakeFault(Operation::kOverwrite, "RECEIPT", 1, broken()), "DISK_UNWRITABLE"},
      {"ReceiptSyncInVain", MakeFault(Operation::kSync, "RECEIPT", 0, broken()), "DISK_UNWRITABLE"},
      {"ReceiptSyncThatWorked", MakeFault(Operation::kSync, "RECEIPT", 1, broken()),
       "DISK_UNWRITABLE"},
  };
}

class StoreFailureTest : public StoreTestBase, public testing::WithParamInterface<Failure> {
 protected:
  // Two good batches, of which the second is not synced, then one that fails.
  void FailThirdWrite() {
    Open();
    ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
    ASSERT_TRUE(WriteItem(2, Store::Sync::kNo, 1).ok());
    disk_->Inject(GetParam().fault);
    const absl::Status status = WriteItem(3, Store::Sync::kYes, 2);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_EQ(ReasonOf(status), GetParam().reason) << status;
    EXPECT_TRUE(store_->refusing());
    EXPECT_EQ(store_->last_sequence(), 2);
    EXPECT_EQ(store_->durable_sequence(), 1);
    EXPECT_GT(disk_->failed_count(), 0);
  }

  void StartAfresh() {
    store_.reset();
    std::filesystem::remove_all(data());
    disk_ = std::make_shared<FaultFileSystem>(folder_.path() + "/scratch");
  }
};

std::ostream& operator<<(std::ostream& out, const Failure& failure) { return out << failure.name; }

TEST_P(StoreFailureTest, RefusesFurtherWritesUntilRecovered) {
  FailThirdWrite();
  disk_->ClearFaults();
  const absl::Status status = WriteItem(4, Store::Sync::kNo, 3);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), GetParam().reason);
  EXPECT_EQ(store_->SyncLog().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_->Flush().code(), absl::StatusCode::kUnavailable);

  ASSERT_TRUE(store_->Recover().ok());
  EXPECT_FALSE(store_->refusing());
  EXPECT_EQ(store_->durable_sequence(), 2);
  EXPECT_THAT(Items(), ElementsAre(1, 2));
}

// The refused batch and the one after it have the same sequence.
TEST_P(StoreFailureTest, RefusedBatchNeverAppearsBesideALaterOne) {
  FailThirdWrite();
  disk_->ClearFaults();
  ASSERT_TRUE(store_->Recover().ok());
  ASSERT_TRUE(WriteItem(3, Store::Sync::kYes, 7).ok());
  EXPECT_THAT(Items(), ElementsAre(1, 2, 3));
  Crash();
  Open();
  EXPECT_EQ(store_->last_sequence(), 3);
  std::vector<Ordinal> ordinals;
  ASSERT_TRUE(store_
                  ->ScanItems(1,
                              [&](const ItemRecord& record) {
                                ordinals.push_back(record.ordinal);
                                return absl::OkStatus();
                              })
                  .ok());
  EXPECT_THAT(ordinals, ElementsAre(0, 1, 7));
}

TEST_P(StoreFailureTest, CrashAfterRecoveryDoesNotBringTheRefusedBatchBack) {
  FailThirdWrite();
  disk_->ClearFaults();
  ASSERT_TRUE(store_->Recover().ok());
  LosePower();
  Open();
  EXPECT_EQ(store_->last_sequence(), 2);
  EXPECT_THAT(Items(), ElementsAre(1, 2));
}

TEST_P(StoreFailureTest, CrashInsteadOfRecoveryKeepsTheRefusedBatchWholeOrNotAtAll) {
  for (const bool power : {false, true}) {
    FailThirdWrite();
    if (power) {
      LosePower();
    } else {
      Crash();
    }
    disk_->ClearFaults();
    Open();
    if (HasFatalFailure()) return;
    const int64_t last = store_->last_sequence();
    const std::vector<int64_t> items = Items();
    if (last == 3) {
      EXPECT_THAT(items, ElementsAre(1, 2, 3));
    } else if (last == 2) {
      EXPECT_THAT(items, ElementsAre(1, 2));
    } else {
      EXPECT_TRUE(power) << "a crash of the process lost an acknowledged batch";
      EXPECT_THAT(items, ElementsAre(1));
    }
    // Its sequence is not given to another.
    ASSERT_TRUE(WriteItem(last + 1, Store::Sync::kYes, 9).ok());
    StartAfresh();
  }
}

TEST_P(StoreFailureTest, RecoveryThatFailsCanBeTriedAgain) {
  FailThirdWrite();
  disk_->ClearFaults();
  // Every kind of operation fails once, as early as it can.
  for (const Operation operation : {Operation::kCreate, Operation::kAppend, Operation::kSync,
                                    Operation::kRename, Operation::kSyncFolder}) {
    for (const char* const path_part : {"RECEIPT", "MANIFEST", ".sst", ".log"}) {
      FaultFileSystem::Fault fault;
      fault.operation = operation;
      fault.path_part = path_part;
      fault.count = 1;
      disk_->Inject(fault);
    }
  }
  int attempts = 1;
  while (!store_->Recover().ok()) {
    EXPECT_TRUE(store_->refusing());
    ASSERT_LT(++attempts, 50);
  }
  EXPECT_GT(attempts, 3);
  disk_->ClearFaults();
  EXPECT_THAT(Items(), ElementsAre(1, 2));
  ASSERT_TRUE(WriteItem(3, Store::Sync::kYes, 2).ok());
  LosePower();
  Open();
  EXPECT_THAT(Items(), ElementsAre(1, 2, 3));
}

TEST_P(StoreFailureTest, LossOfPowerDuringRecoveryLosesNothing) {
  // Recovery gets a little farther each time; the ways to fail share the range.
  const int first = 3 * static_cast<int>(GetParam().name.size() % 4);
  for (int step = 0; step < 18; ++step) {
    FailThirdWrite();
    if (HasFatalFailure()) return;
    disk_->ClearFaults();
    for (const Operation operation :
         {Operation::kCreate, Operation::kAppend, Operation::kSync, Operation::kRename,
          Operation::kDelete, Operation::kSyncFolder}) {
      FaultFileSystem::Fault fault;
      fault.operation = operation;
      fault.skip = first + step / 6;
      if (static_cast<int>(operation) % 6 == step % 6) disk_->Inject(fault);
    }
    const bool recovered = store_->Recover().ok();
    disk_->Freeze();
    store_.reset();
    disk_->LosePower(static_cast<uint64_t>(step));
    Open();
    if (HasFatalFailure()) return;
    EXPECT_GE(store_->last_sequence(), recovered ? 2 : 1);
    StartAfresh();
  }
}

INSTANTIATE_TEST_SUITE_P(Failures, StoreFailureTest, testing::ValuesIn(Failures()),
                         [](const auto& param) { return param.param.name; });

class StoreSyncFailureTest : public StoreTestBase {};

TEST_F(StoreSyncFailureTest, FailedSyncOfTheLogKeepsTheBatches) {
  for (const char* const path_part : {".log", "RECEIPT"}) {
    Open();
    const int64_t first = store_->last_sequence() + 1;
    ASSERT_TRUE(WriteItem(first, Store::Sync::kNo, static_cast<Ordinal>(first)).ok());
    FaultFileSystem::Fault fault;
    fault.operation = Operation::kSync;
    fault.path_part = path_part;
    disk_->Inject(fault);
    EXPECT_EQ(store_->SyncLog().code(), absl::StatusCode::kUnavailable);
    EXPECT_TRUE(store_->refusing());
    EXPECT_EQ(store_->durable_sequence(), first - 1);
    disk_->ClearFaults();
    ASSERT_TRUE(store_->Recover().ok());
    EXPECT_EQ(store_->durable_sequence(), first);
    LosePower();
    Open();
    EXPECT_EQ(store_->last_sequence(), first);
  }
  EXPECT_THAT(Items(), ElementsAre(1, 2));
}

TEST_F(StoreSyncFailureTest, FullDiskRefusesWritesAndLetsThemGoOnOnceThereIsRoom) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  disk_->SetFreeBytes(0);
  const absl::Status status = WriteItem(2, Store::Sync::kYes, 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  for (int i = 0; i < 3; ++i) {
    const absl::Status still = store_->Recover();
    EXPECT_EQ(still.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(ReasonOf(still), "DISK_FULL");
  }
  // Room for the receipt, not for the database.
  disk_->SetFreeBytes(8500);
  EXPECT_EQ(ReasonOf(store_->Recover()), "DISK_FULL");
  EXPECT_TRUE(store_->refusing());
  disk_->SetFreeBytes(uint64_t{1} << 30);
  ASSERT_TRUE(store_->Recover().ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kYes, 1).ok());
  EXPECT_THAT(Items(), ElementsAre(1, 2));
}

TEST_F(StoreSyncFailureTest, FailureInTheBackgroundIsNoticed) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  FaultFileSystem::Fault fault;
  fault.operation = Operation::kAppend;
  fault.path_part = ".sst";
  fault.error = rocksdb::IOStatus::NoSpace("injected");
  disk_->Inject(fault);
  EXPECT_EQ(store_->Flush().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(store_->refusing());
  EXPECT_EQ(ReasonOf(WriteItem(2, Store::Sync::kYes, 1)), "DISK_FULL");
  disk_->ClearFaults();
  ASSERT_TRUE(store_->Recover().ok());
  ASSERT_TRUE(WriteItem(2, Store::Sync::kYes, 1).ok());
  EXPECT_THAT(Items(), ElementsAre(1, 2));
}

TEST_F(StoreSyncFailureTest, RecoveryIsCheapWhenNothingIsWrong) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kNo, 0).ok());
  disk_->Freeze();  // It must not touch the disk.
  EXPECT_TRUE(store_->Recover().ok());
  disk_->Thaw();
  EXPECT_EQ(store_->durable_sequence(), 0);
}

// The kernel may drop pages that it failed to write: what was accepted but not
// durable is then gone from the log, though this process still knows it.
TEST_F(StoreSyncFailureTest, LogThatLostAcceptedWritesNeedsARestart) {
  Open();
  ASSERT_TRUE(WriteItem(1, Store::Sync::kYes, 0).ok());
  const std::string log = DatabaseFiles(".log").back();
  const uint64_t synced = std::filesystem::file_size(log);
  ASSERT_TRUE(WriteItem(2, Store::Sync::kNo, 1).ok());
  FaultFileSystem::Fault fault;
  fault.operation = Operation::kSync;
  fault.path_part = ".log";
  disk_->Inject(fault);
  EXPECT_EQ(store_->SyncLog().code(), absl::StatusCode::kUnavailable);
  disk_->ClearFaults();
  std::filesystem::resize_file(log, synced);
  const absl::Status status = store_->Recover();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), "RESTART_REQUIRED");
  EXPECT_EQ(WriteItem(3, Store::Sync::kYes, 2).code(), absl::StatusCode::kUnavailable);
  Open();
  EXPECT_THAT(Items(), ElementsAre(1));
}

TEST_F(StoreSyncFailureTest, OpeningOnAFullDiskFailsAndChangesNothing) {
  disk_->SetFreeBytes(1000);
  const absl::Status status = TryOpen().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(ReasonOf(status), "DISK_FULL") << status;
  disk_->SetFreeBytes(std::nullopt);
  Open();
  EXPECT_EQ(store_->last_sequence(), 0);
}

}  // namespace
}  // namespace negatron
