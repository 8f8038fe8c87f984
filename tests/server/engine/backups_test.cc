// SPDX-License-Identifier: Apache-2.0
// Backups that are made while the engine works, and the engines that are restored from them.
#include "server/engine/backups.h"

#include <atomic>
#include <future>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "storage/rocks/restore.h"
#include "tests/server/engine/eventful_collection.h"
#include "tests/server/engine/row_bytes.h"
#include "tests/support/random_catalogue.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kRows = 60;

class BackupsTest : public testing::Test {
 protected:
  BackupsTest() : rows_(TestSeed(3), kRows) {
    harness_.options().backup_dir = folder_.path() + "/backups";
    harness_.options().index_interval = absl::InfiniteDuration();
    harness_.options().index_min_items = 100;
    EXPECT_TRUE(harness_.Open().ok());
  }

  absl::StatusOr<CreatedBackup> Make(int64_t keep_count = 0) {
    std::promise<absl::StatusOr<CreatedBackup>> promise;
    harness_.engine().backups().Create(
        keep_count, nobody_,
        [&](absl::StatusOr<CreatedBackup> made) { promise.set_value(std::move(made)); });
    return promise.get_future().get();
  }

  // The engine goes on with what the backup holds.
  void Restore(const std::string& id) {
    harness_.Close();
    const std::string data = folder_.path() + "/restored-" + id;
    const absl::Status status =
        RestoreBackup({harness_.options().backup_dir, id, data, nullptr}, nobody_, nullptr)
            .status();
    ASSERT_TRUE(status.ok()) << status;
    harness_.options().data_dir = data;
    const absl::Status opened = harness_.Open();
    ASSERT_TRUE(opened.ok()) << opened;
  }

  // What all rows get under every policy, byte by byte, and under which tokens.
  std::vector<std::string> Ask() {
    std::vector<int> all(kRows);
    std::iota(all.begin(), all.end(), 0);
    std::vector<std::string> answers;
    for (const Policy& policy : EventfulPolicies()) {
      const auto result = harness_.Sample("c", rows_.RequestFor(policy, all));
      EXPECT_TRUE(result.ok()) << result.status();
      if (!result.ok()) return {};
      answers.push_back(std::to_string(result->snapshot.incarnation) + "/" +
                        std::to_string(result->snapshot.commit_sequence));
      for (int row = 0; row < kRows; ++row) answers.push_back(BytesOf(*result, row));
    }
    return answers;
  }

  // Of the index; 0: there is none.
  int64_t Generation() {
    const auto statistics = harness_.engine().GetStatistics("c", std::nullopt);
    EXPECT_TRUE(statistics.ok()) << statistics.status();
    return statistics.ok() && statistics->index.has_value() ? statistics->index->generation : 0;
  }

  TempFolder folder_;
  Cancellation nobody_;
  EngineHarness harness_;
  EventfulRows rows_;
};

TEST_F(BackupsTest, AnswersAfterARestoreAreEqualByteForByte) {
  EventfulCollection(&harness_, TestSeed(1), true).Live("c");
  harness_.engine().RunIndexing();
  const int64_t generation = Generation();
  ASSERT_NE(generation, 0);
  const std::vector<std::string> before = Ask();
  const auto made = Make();
  ASSERT_TRUE(made.ok()) << made.status();
  // What comes later must not be in it.
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({900001, 900002})).ok());
  ASSERT_NE(Ask(), before);
  Restore(made->manifest.id);
  EXPECT_EQ(Generation(), generation);
  EXPECT_EQ(Ask(), before);
  const auto found = harness_.engine().GetItems("c", IdBatch{std::vector<int64_t>{900001, 900002}});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->found, testing::Each(0));
}

// Writers, one of them durable, and a reader go on. Each writer writes items in order, and notes
// what was acknowledged: what a backup holds of it is a prefix that covers what was acknowledged
// before the backup was asked for.
TEST_F(BackupsTest, WritesAndReadsGoOnAndABackupIsAPrefix) {
  ASSERT_TRUE(harness_.Create(Settings("c")).ok());
  constexpr int kWriters = 3;
  constexpr int64_t kStride = 1000000;
  std::atomic<bool> stop = false;
  std::atomic<int64_t> acknowledged[kWriters] = {};
  std::atomic<int64_t> reads = 0;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      for (int64_t i = 0; !stop; ++i) {
        WriteItemsRequest request = ItemsAlways({w * kStride + i});
        request.options.level = w == 0 ? AckLevel::kDurable : AckLevel::kApplied;
        if (!harness_.Items("c", std::move(request)).ok()) return;
        acknowledged[w] = i + 1;
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      if (harness_.engine().ListItems("c", 0, 10).ok()) ++reads;
    }
  });
  while (acknowledged[0] < 5 || acknowledged[1] < 5 || acknowledged[2] < 5) {
    std::this_thread::yield();
  }
  struct Point {
    std::string id;
    int64_t before[kWriters];
    int64_t after[kWriters];
  };
  std::vector<Point> points;
  for (int b = 0; b < 3; ++b) {
    Point point;
    const int64_t reads_before = reads;
    for (int w = 0; w < kWriters; ++w) point.before[w] = acknowledged[w];
    const auto made = Make();
    ASSERT_TRUE(made.ok()) << made.status();
    for (int w = 0; w < kWriters; ++w) point.after[w] = acknowledged[w] + 1;
    point.id = made->manifest.id;
    points.push_back(point);
    // Nobody waited for the backup.
    for (int w = 0; w < kWriters; ++w) EXPECT_GT(point.after[w], point.before[w] + 1) << w;
    EXPECT_GT(reads, reads_before);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (const Point& point : points) {
    Restore(point.id);
    int64_t counts[kWriters] = {};
    const auto items = harness_.engine().ListItems("c", 0, 10000000);
    ASSERT_TRUE(items.ok()) << items.status();
    for (const int64_t id : items->items.numbers) {
      const auto writer = static_cast<int>(id / kStride);
      EXPECT_EQ(id % kStride, counts[writer]) << "a hole, or twice";
      ++counts[writer];
    }
    for (int w = 0; w < kWriters; ++w) {
      EXPECT_GE(counts[w], point.before[w]) << w;
      EXPECT_LE(counts[w], point.after[w]) << w;
    }
  }
}

TEST_F(BackupsTest, OneAtATimeAndProgressIsTold) {
  ASSERT_TRUE(harness_.Create(Settings("c")).ok());
  Backups& backups = harness_.engine().backups();
  std::promise<void> reached;
  std::promise<void> release;
  std::promise<void> done;
  // The observer of a verification runs on the backups' thread; the callback of the first work
  // holds that thread, while the work counts as ended.
  const auto first = Make();
  ASSERT_TRUE(first.ok()) << first.status();
  backups.Verify(first->manifest.id, nobody_, [&](const absl::StatusOr<BackupManifest>& verified) {
    EXPECT_TRUE(verified.ok()) << verified.status();
    reached.set_value();
    release.get_future().wait();
  });
  reached.get_future().wait();
  backups.Create(0, nobody_, [&](const absl::StatusOr<CreatedBackup>& made) {
    EXPECT_TRUE(made.ok()) << made.status();
    done.set_value();
  });
  const std::optional<BackupWork> work = backups.running();
  ASSERT_TRUE(work.has_value());
  EXPECT_EQ(work->task, BackupTask::kCreate);
  EXPECT_EQ(ReasonOf(Make().status()), "BACKUP_RUNNING");
  EXPECT_EQ(ReasonOf(backups.Delete(first->manifest.id)), "BACKUP_RUNNING");
  release.set_value();
  done.get_future().wait();
  EXPECT_FALSE(backups.running().has_value());
  EXPECT_EQ(backups.List()->size(), 2U);
  const auto third = Make(1);
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->deleted.size(), 2U);
}

TEST_F(BackupsTest, AreOffWithoutAFolder) {
  harness_.options().backup_dir.clear();
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(ReasonOf(Make().status()), "BACKUPS_OFF");
  EXPECT_EQ(ReasonOf(harness_.engine().backups().List().status()), "BACKUPS_OFF");
}

TEST_F(BackupsTest, AFailingDiskMakesNoBackupAndTheEngineGoesOn) {
  ASSERT_TRUE(harness_.Create(Settings("c")).ok());
  FaultFileSystem::Fault full{FaultFileSystem::Operation::kAppend, "backup"};
  full.error = rocksdb::IOStatus::NoSpace("injected");
  harness_.disk().Inject(full);
  const absl::Status status = Make().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  harness_.disk().ClearFaults();
  EXPECT_TRUE(harness_.Items("c", ItemsAlways({1})).ok());
  EXPECT_TRUE(Make().ok());
}

}  // namespace
}  // namespace negatron
