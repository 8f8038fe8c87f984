// SPDX-License-Identifier: Apache-2.0
// Retraction, erasure, retention.
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Micros kHour = 3600LL * 1000000;

class RemovalsTest : public testing::Test {
 protected:
  RemovalsTest() {
    EXPECT_TRUE(harness_.Open().ok());
    EXPECT_TRUE(harness_.Create(Settings("c")).ok());
    EXPECT_TRUE(harness_.Items("c", ItemsAlways({1, 2, 3, 4})).ok());
  }

  CollectionStatistics Statistics() { return *harness_.engine().GetStatistics("c", kMaxTime); }
  SnapshotToken Token() { return Statistics().snapshot; }

  // Items that `uniform` draws for the user as of the end of time.
  std::set<int64_t> Negatives(int64_t user) {
    SampleRequest request = SampleOf(UniformSource{}, 1, 200, kMaxTime);
    request.users = IdBatch{std::vector<int64_t>{user}};
    const auto result = harness_.Sample("c", request);
    EXPECT_TRUE(result.ok()) << result.status();
    return {result->ids.begin(), result->ids.end()};
  }

  std::vector<int64_t> Users() { return harness_.engine().ListUsers("c", 0, 100)->numbers; }

  void Restart() {
    harness_.Close();
    ASSERT_TRUE(harness_.Open().ok());
  }

  static RetractEventsRequest Retraction(std::vector<int64_t> users, std::vector<int64_t> items,
                                         std::vector<Micros> times) {
    RetractEventsRequest request;
    request.users.values = std::move(users);
    request.items.values = std::move(items);
    request.times = std::move(times);
    return request;
  }

  static EraseUsersRequest Erasure(std::vector<int64_t> users) {
    EraseUsersRequest request;
    request.users.values = std::move(users);
    return request;
  }

  EngineHarness harness_;
};

TEST_F(RemovalsTest, RetractedEventsAreAsIfNeverWritten) {
  ASSERT_TRUE(harness_.Events("c", EventsOf({7, 7, 7, 8}, {1, 1, 2, 1}, {10, 20, 30, 10})).ok());
  EXPECT_EQ(Negatives(7), (std::set<int64_t>{3, 4}));
  const SnapshotToken before = Token();
  const auto first =
      harness_.Retract("c", Retraction({7, 7, 9, 7}, {1, 2, 1, 99}, {10, 31, 10, 10}));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(first->found, ElementsAre(1, 0, 0, 0));
  EXPECT_EQ(first->written_count, 1);
  // The second positive of (7, 1) becomes the first.
  EXPECT_EQ(Negatives(7), (std::set<int64_t>{3, 4}));
  EXPECT_GT(Token().commit_sequence, before.commit_sequence);
  ASSERT_TRUE(harness_.Retract("c", Retraction({7, 7}, {1, 1}, {20, 20})).ok());
  EXPECT_EQ(Negatives(7), (std::set<int64_t>{1, 3, 4}));
  EXPECT_EQ(Negatives(8), (std::set<int64_t>{2, 3, 4}));
  const SnapshotToken token = Token();
  Restart();
  EXPECT_EQ(Token().commit_sequence, token.commit_sequence);
  EXPECT_EQ(Statistics().event_count, 2);
  EXPECT_EQ(Negatives(7), (std::set<int64_t>{1, 3, 4}));
}

TEST_F(RemovalsTest, RetractionByKindLeavesOtherKinds) {
  WriteEventsRequest events = EventsOf({7, 7, 7}, {1, 1, 2}, {10, 10, 10});
  events.kinds = {EventKind::kPositive, EventKind::kExposure, EventKind::kMined};
  events.propensities = {0, 0.5f, 0};
  events.cohorts = {3, 0, 0};
  ASSERT_TRUE(harness_.Events("c", events).ok());
  RetractEventsRequest request = Retraction({7, 7}, {1, 2}, {10, 10});
  request.kinds = {EventKind::kPositive, EventKind::kPositive};
  EXPECT_THAT(harness_.Retract("c", request)->found, ElementsAre(1, 0));
  EXPECT_EQ(Negatives(7), (std::set<int64_t>{1, 2, 3, 4}));
  EXPECT_THAT(harness_.Retract("c", Retraction({7, 7}, {1, 2}, {10, 10}))->found,
              ElementsAre(1, 1));
  EXPECT_THAT(harness_.Retract("c", Retraction({7, 7}, {1, 2}, {10, 10}))->found,
              ElementsAre(0, 0));
}

TEST_F(RemovalsTest, RetractionSeesEventsThatWaitBeforeIt) {
  for (int i = 0; i < 50; ++i) {
    harness_.engine().WriteEvents("c", EventsOf({7}, {1}, {i}), [](const auto&) {});
    EXPECT_THAT(harness_.Retract("c", Retraction({7}, {1}, {i}))->found, ElementsAre(1));
  }
}

TEST_F(RemovalsTest, RetractionWithARequestIdIsDoneOnce) {
  ASSERT_TRUE(harness_.Events("c", EventsOf({7}, {1}, {10})).ok());
  RetractEventsRequest request = Retraction({7}, {1}, {10});
  request.options.request_id = "r";
  EXPECT_FALSE(harness_.Retract("c", request)->replayed);
  ASSERT_TRUE(harness_.Events("c", EventsOf({7}, {1}, {10})).ok());
  const auto again = harness_.Retract("c", request);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->written_count, 1);
  EXPECT_THAT(again->found, IsEmpty());
  EXPECT_EQ(Statistics().event_count, 1);
}

TEST_F(RemovalsTest, ErasedUsersAreForgottenWithTheirEvents) {
  std::vector<int64_t> users, items;
  std::vector<Micros> times;
  for (int i = 0; i < 10000; ++i) {
    users.push_back(i % 3);
    items.push_back(1 + i % 4);
    times.push_back(i);
  }
  ASSERT_TRUE(harness_.Events("c", EventsOf(users, items, times)).ok());
  const auto erased = harness_.Erase("c", Erasure({2, 77, 0}));
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_THAT(erased->found, ElementsAre(1, 0, 1));
  EXPECT_EQ(erased->written_count, 2);
  EXPECT_EQ(Statistics().event_count, 3333);
  EXPECT_THAT(Users(), ElementsAre(1));
  EXPECT_EQ(Negatives(0).size(), 4u);
  // The id is free for another user.
  ASSERT_TRUE(harness_.Events("c", EventsOf({0}, {1}, {5})).ok());
  EXPECT_EQ(Negatives(0), (std::set<int64_t>{2, 3, 4}));
  EXPECT_THAT(Users(), ElementsAre(1, 0));
  const SnapshotToken token = Token();
  Restart();
  EXPECT_EQ(Token().commit_sequence, token.commit_sequence);
  EXPECT_EQ(Statistics().event_count, 3334);
  EXPECT_THAT(Users(), ElementsAre(1, 0));
  EXPECT_EQ(Negatives(0), (std::set<int64_t>{2, 3, 4}));
  EXPECT_THAT(harness_.Erase("c", Erasure({2}))->found, ElementsAre(0));
}

TEST_F(RemovalsTest, ErasureOfStringUsersByNumberAndName) {
  CollectionRecord settings = Settings("s");
  settings.user_id_type = IdType::kString;
  ASSERT_TRUE(harness_.Create(settings).ok());
  ASSERT_TRUE(harness_.Items("s", ItemsAlways({1})).ok());
  WriteEventsRequest events = EventsOf({}, {1, 1}, {10, 20});
  events.users.values = std::vector<std::string>{"ann", "bob"};
  ASSERT_TRUE(harness_.Events("s", events).ok());
  EXPECT_THAT(harness_.Erase("s", Erasure({0, 5}))->found, ElementsAre(1, 0));
  // The number belongs to nobody from now on.
  EXPECT_EQ(harness_.Events("s", EventsOf({0}, {1}, {30})).status().code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(harness_.Events("s", events).ok());
  for (int round = 0; round < 2; ++round) {
    const auto users = harness_.engine().ListUsers("s", 0, 10);
    EXPECT_THAT(users->names, ElementsAre("bob", "ann"));
    EXPECT_THAT(users->numbers, ElementsAre(1, 2));
    Restart();
  }
}

TEST_F(RemovalsTest, AStartFinishesAnErasureThatWasCutShort) {
  for (const int portions : {0, 2}) {
    SCOPED_TRACE(portions);
    std::vector<int64_t> users(20000, 7), items(20000, 1);
    std::vector<Micros> times(20000);
    for (int i = 0; i < 20000; ++i) times[i] = i;
    users.back() = 8;
    ASSERT_TRUE(harness_.Events("c", EventsOf(users, items, times)).ok());
    FaultFileSystem::Fault fault{FaultFileSystem::Operation::kSync, ".log"};
    fault.skip = 1 + portions;
    harness_.disk().Inject(fault);
    EXPECT_EQ(harness_.Erase("c", Erasure({7})).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(Users(), ElementsAre(8));
    harness_.Crash(/*lose_power=*/portions == 0, 1);
    harness_.disk().ClearFaults();
    ASSERT_TRUE(harness_.Open().ok());
    harness_.engine().RunHousekeeping();
    EXPECT_THAT(Users(), ElementsAre(8));
    EXPECT_EQ(Statistics().event_count, 1);
    ASSERT_TRUE(harness_.Retract("c", Retraction({8}, {1}, {19999})).ok());
  }
}

TEST_F(RemovalsTest, ARepeatedErasureWaitsForTheFirst) {
  ASSERT_TRUE(harness_.Events("c", EventsOf({7, 7}, {1, 2}, {1, 2})).ok());
  FaultFileSystem::Fault fault{FaultFileSystem::Operation::kSync, ".log"};
  fault.skip = 1;
  harness_.disk().Inject(fault);
  EXPECT_EQ(harness_.Erase("c", Erasure({7})).status().code(), absl::StatusCode::kUnavailable);
  harness_.disk().ClearFaults();
  const auto again = harness_.Erase("c", Erasure({7}));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->found, ElementsAre(0));
  EXPECT_EQ(Statistics().event_count, 0);
}

TEST_F(RemovalsTest, RetentionMovesTheWatermarkAndKeepsFirstPositives) {
  CollectionRecord settings = Settings("r");
  settings.event_retention_micros = 64 * kHour;
  ASSERT_TRUE(harness_.Create(settings).ok());
  ASSERT_TRUE(harness_.Items("r", ItemsAlways({1, 2})).ok());
  WriteEventsRequest events =
      EventsOf({7, 7, 7, 8, 7, 7}, {1, 1, 1, 1, 2, 2},
               {1 * kHour, 2 * kHour, 3 * kHour, 4 * kHour, 5 * kHour, 6 * kHour});
  events.kinds.assign(6, EventKind::kPositive);
  events.kinds[4] = EventKind::kExposure;
  events.kinds[5] = EventKind::kMined;
  ASSERT_TRUE(harness_.Events("r", events).ok());
  ASSERT_TRUE(harness_.Events("r", EventsOf({7}, {1}, {50 * kHour})).ok());
  harness_.clock().Set(20 * kHour);
  harness_.engine().RunHousekeeping();
  const auto watermark = [&] { return harness_.engine().GetCollection("r")->watermark; };
  EXPECT_EQ(watermark(), -44 * kHour);
  harness_.clock().Set(74 * kHour + 5);
  harness_.engine().RunHousekeeping();
  EXPECT_EQ(watermark(), 10 * kHour);
  const SnapshotToken token = harness_.engine().GetStatistics("r", kMaxTime)->snapshot;
  harness_.engine().RunHousekeeping();
  EXPECT_EQ(harness_.engine().GetStatistics("r", kMaxTime)->snapshot.commit_sequence,
            token.commit_sequence);
  Restart();
  EXPECT_EQ(watermark(), 10 * kHour);
  EXPECT_EQ(harness_.engine().GetStatistics("r", kMaxTime)->snapshot.commit_sequence,
            token.commit_sequence);
  // What the store still has: the first of (7, 1) and (8, 1), exposure, mined, the newest.
  RetractEventsRequest all =
      Retraction({7, 7, 7, 8, 7, 7, 7}, {1, 1, 1, 1, 2, 2, 1},
                 {1 * kHour, 2 * kHour, 3 * kHour, 4 * kHour, 5 * kHour, 6 * kHour, 50 * kHour});
  EXPECT_THAT(harness_.Retract("r", all)->found, ElementsAre(1, 0, 0, 1, 1, 1, 1));
}

TEST_F(RemovalsTest, RetentionIsMutableAndTheWatermarkNeverGoesBack) {
  CollectionUpdate update;
  update.event_retention_micros = 64 * kHour;
  const std::string etag = EtagOf(*harness_.engine().GetCollection("c"));
  ASSERT_TRUE(harness_.Update("c", update).ok());
  EXPECT_NE(EtagOf(*harness_.engine().GetCollection("c")), etag);
  const std::string etag2 = EtagOf(*harness_.engine().GetCollection("c"));
  harness_.clock().Set(100 * kHour);
  harness_.engine().RunHousekeeping();
  EXPECT_EQ(harness_.engine().GetCollection("c")->watermark, 36 * kHour);
  EXPECT_EQ(EtagOf(*harness_.engine().GetCollection("c")), etag2);
  update.event_retention_micros = 640 * kHour;
  ASSERT_TRUE(harness_.Update("c", update).ok());
  harness_.engine().RunHousekeeping();
  EXPECT_EQ(harness_.engine().GetCollection("c")->watermark, 36 * kHour);
  update.event_retention_micros = 0;
  ASSERT_TRUE(harness_.Update("c", update).ok());
  harness_.clock().Set(1000 * kHour);
  harness_.engine().RunHousekeeping();
  EXPECT_EQ(harness_.engine().GetCollection("c")->watermark, 36 * kHour);
  update.event_retention_micros = kHour - 1;
  EXPECT_EQ(harness_.Update("c", update).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace negatron
