// SPDX-License-Identifier: Apache-2.0
// Crashes, losses of power and disks that take no writes.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

std::set<int64_t> StoredItems(EngineHarness& harness) {
  const auto listed = harness.engine().ListItems("c", 0, 100000);
  return {listed->items.numbers.begin(), listed->items.numbers.end()};
}

// One import in batches; after a crash in its middle, repeated whole.
void ImportThroughACrash(uint64_t seed, bool lose_power) {
  SCOPED_TRACE(absl::StrCat("seed ", seed, lose_power ? ", power lost" : ", process killed"));
  EngineHarness harness;
  ASSERT_TRUE(harness.Open().ok());
  ASSERT_TRUE(harness.Create(Settings("c")).ok());
  const int64_t crash_after = 3 + static_cast<int64_t>(seed % 7);
  constexpr int64_t kBatches = 12, kRows = 5;
  const auto batch_items = [](int64_t batch) {
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < kRows; ++i) ids.push_back(batch * kRows + i);
    return ids;
  };
  const auto import = [&](int64_t end, AckLevel level) {
    for (int64_t batch = 0; batch < end; ++batch) {
      WriteItemsRequest items = ItemsAlways(batch_items(batch), absl::StrCat("i", batch));
      items.options.level = level;
      ASSERT_TRUE(harness.Items("c", items).ok());
      WriteEventsRequest events =
          EventsOf(std::vector<int64_t>(kRows, 1), batch_items(batch),
                   std::vector<Micros>(kRows, batch), absl::StrCat("e", batch));
      events.options.level = level;
      ASSERT_TRUE(harness.Events("c", events).ok());
    }
  };
  import(crash_after, AckLevel::kDurable);
  // Acknowledged as APPLIED: a crash of the process keeps it, lost power may not.
  WriteItemsRequest applied = ItemsAlways({1000000}, "applied");
  applied.options.level = AckLevel::kApplied;
  ASSERT_TRUE(harness.Items("c", applied).ok());
  harness.Crash(lose_power, seed);
  ASSERT_TRUE(harness.Open().ok());
  std::set<int64_t> stored = StoredItems(harness);
  if (!lose_power) {
    EXPECT_TRUE(stored.contains(1000000));
  }
  stored.erase(1000000);
  EXPECT_EQ(stored.size(), static_cast<size_t>(crash_after * kRows));
  EXPECT_EQ(harness.engine().GetStatistics("c", 1000)->event_count, crash_after * kRows);
  import(kBatches, AckLevel::kDurable);
  EXPECT_EQ(harness.engine().GetStatistics("c", 1000)->event_count, kBatches * kRows);
  const auto history = harness.engine().GetStatistics("c", 1000);
  EXPECT_EQ(history->user_count, 1);
}

TEST(DurabilityTest, AnImportSurvivesLostPower) {
  for (uint64_t seed = 1; seed <= 25; ++seed) ImportThroughACrash(seed, true);
}

TEST(DurabilityTest, AnImportSurvivesAKilledProcess) {
  for (uint64_t seed = 1; seed <= 7; ++seed) ImportThroughACrash(seed, false);
}

TEST(DurabilityTest, AppliedWritesAreSyncedWithinTheInterval) {
  EngineHarness harness;
  harness.options().sync_interval = absl::Milliseconds(1);
  ASSERT_TRUE(harness.Open().ok());
  ASSERT_TRUE(harness.Create(Settings("c")).ok());
  WriteItemsRequest items = ItemsAlways({1});
  items.options.level = AckLevel::kApplied;
  const auto written = harness.Items("c", items);
  // No notification says so: the background sync is what is waited for.
  while (harness.engine().durable_sequence() < written->commit_sequence) {
  }
  harness.Crash(true, 1);
  ASSERT_TRUE(harness.Open().ok());
  EXPECT_TRUE(StoredItems(harness).contains(1));
}

// Writes that fail leave no trace, reads go on, and writes go on once the disk
// does.
TEST(DurabilityTest, AFullDiskRefusesWritesUntilThereIsRoom) {
  EngineHarness harness;
  ASSERT_TRUE(harness.Open().ok());
  ASSERT_TRUE(harness.Create(Settings("c")).ok());
  ASSERT_TRUE(harness.Items("c", ItemsAlways({1, 2}, "a")).ok());
  harness.disk().SetFreeBytes(0);
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = harness.Items("c", ItemsAlways({3}, "b")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_TRUE(ReasonOf(status).has_value());
    EXPECT_EQ(harness.Events("c", EventsOf({1}, {1}, {5}, "c")).status().code(),
              absl::StatusCode::kUnavailable);
    EXPECT_THAT(StoredItems(harness), testing::ElementsAre(1, 2));
    EXPECT_TRUE(harness.Sample("c", SampleOf(UniformSource{}, 2, 2, 10)).ok());
  }
  harness.disk().SetFreeBytes(std::nullopt);
  const auto written = harness.Items("c", ItemsAlways({3}, "b"));
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_FALSE(written->replayed);
  EXPECT_TRUE(harness.Items("c", ItemsAlways({1, 2}, "a"))->replayed);
  EXPECT_FALSE(harness.Events("c", EventsOf({1}, {1}, {5}, "c"))->replayed);
  harness.Crash(true, 3);
  ASSERT_TRUE(harness.Open().ok());
  EXPECT_THAT(StoredItems(harness), testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(harness.engine().GetStatistics("c", 10)->event_count, 1);
}

// A crash right behind a failed write may keep or lose it, whole, and the next
// start goes on from either.
TEST(DurabilityTest, ACrashBehindAFailedSyncLeavesAWholeWriteOrNone) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    EngineHarness harness;
    ASSERT_TRUE(harness.Open().ok());
    ASSERT_TRUE(harness.Create(Settings("c")).ok());
    ASSERT_TRUE(harness.Items("c", ItemsAlways({1})).ok());
    harness.disk().Inject({FaultFileSystem::Operation::kSync, ".log"});
    EXPECT_FALSE(harness.Items("c", ItemsAlways({2, 3, 4}, "x")).ok());
    harness.disk().ClearFaults();
    harness.Crash(seed % 2 == 0, seed);
    ASSERT_TRUE(harness.Open().ok());
    const std::set<int64_t> stored = StoredItems(harness);
    EXPECT_TRUE(stored.size() == 1 || stored.size() == 4) << stored.size();
    ASSERT_TRUE(harness.Items("c", ItemsAlways({2, 3, 4}, "x")).ok());
    EXPECT_THAT(StoredItems(harness), testing::ElementsAre(1, 2, 3, 4));
  }
}

}  // namespace
}  // namespace negatron
