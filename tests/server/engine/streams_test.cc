// SPDX-License-Identifier: Apache-2.0
// Import streams: positions, order, crashes; and what items and events carry.
#include <future>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> BadFields(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  std::vector<std::string> fields;
  for (const auto& violation : FieldViolationsOf(status)) fields.push_back(violation.field);
  return fields;
}

class StreamsTest : public testing::Test {
 protected:
  StreamsTest() {
    EXPECT_TRUE(harness_.Open().ok());
    CollectionRecord settings = Settings("c");
    settings.missing_item_rule = MissingItemRule::kCreate;
    EXPECT_TRUE(harness_.Create(settings).ok());
  }

  absl::StatusOr<WriteResult> Import(int64_t chunk, WriteEventsRequest events) {
    std::promise<absl::StatusOr<WriteResult>> promise;
    harness_.engine().ImportEvents(
        "c", {"feed", chunk}, std::move(events),
        [&](absl::StatusOr<WriteResult> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }

  // One event, of an item of its own.
  static WriteEventsRequest Chunk(int64_t chunk) { return EventsOf({1}, {chunk}, {chunk}); }

  StreamRecord Position() { return *harness_.engine().GetStream("c", StreamKind::kEvents, "feed"); }
  int64_t EventCount() { return harness_.engine().GetStatistics("c", kMaxTime)->event_count; }

  EngineHarness harness_;
};

TEST_F(StreamsTest, ChunksMoveThePositionOnce) {
  EXPECT_EQ(Position().chunk_number, 0);
  for (int64_t chunk = 1; chunk <= 3; ++chunk) {
    const auto result = Import(chunk, Chunk(chunk));
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->stream.chunk_number, chunk);
    EXPECT_EQ(result->stream.written_count, chunk);
    EXPECT_EQ(result->stream.created_item_count, chunk);
    EXPECT_EQ(result->stream.commit_sequence, result->commit_sequence);
  }
  const auto again = Import(2, Chunk(2));
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->stream.chunk_number, 3);
  EXPECT_EQ(EventCount(), 3);
  EXPECT_THAT(BadFields(Import(5, Chunk(5)).status()), ElementsAre("chunk_number"));
  // Items have streams of their own.
  EXPECT_EQ(harness_.engine().GetStream("c", StreamKind::kItems, "feed")->chunk_number, 0);
}

TEST_F(StreamsTest, ABadChunkStopsThoseBehindIt) {
  ASSERT_TRUE(Import(1, Chunk(1)).ok());
  WriteEventsRequest bad = Chunk(2);
  bad.weights = {0};
  EXPECT_THAT(BadFields(Import(2, bad).status()), ElementsAre("weights[0]"));
  EXPECT_THAT(BadFields(Import(3, Chunk(3)).status()), ElementsAre("chunk_number"));
  EXPECT_EQ(Position().chunk_number, 1);
  EXPECT_TRUE(Import(2, Chunk(2)).ok());
}

TEST_F(StreamsTest, PositionsSurviveALossOfPowerWithTheirChunks) {
  for (uint64_t round = 0; round < 6; ++round) {
    const int64_t before = Position().chunk_number;
    std::vector<std::promise<bool>> done(8);
    for (int64_t i = 0; i < 8; ++i) {
      harness_.engine().ImportEvents("c", {"feed", before + i + 1}, Chunk(before + i + 1),
                                     [&done, i](const absl::StatusOr<WriteResult>& result) {
                                       done[i].set_value(result.ok());
                                     });
      if (round % 2 == 0 && i == 4) (void)done[2].get_future().get();
    }
    harness_.Crash(/*lose_power=*/true, round);
    ASSERT_TRUE(harness_.Open().ok());
    const int64_t position = Position().chunk_number;
    EXPECT_GE(position, before + (round % 2 == 0 ? 3 : 0));
    // Each chunk has one event: exactly those up to the position are there.
    EXPECT_EQ(EventCount(), position);
    EXPECT_EQ(Position().written_count, position);
  }
}

TEST_F(StreamsTest, AFailedCommitTakesThePositionBack) {
  ASSERT_TRUE(Import(1, Chunk(1)).ok());
  harness_.disk().SetFreeBytes(0);
  EXPECT_EQ(Import(2, Chunk(2)).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Position().chunk_number, 1);
  harness_.disk().SetFreeBytes(std::nullopt);
  const auto result = Import(2, Chunk(2));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->replayed);
  EXPECT_EQ(EventCount(), 2);
}

TEST_F(StreamsTest, ChunksWaitForRoomInTheQueue) {
  harness_.options().write_queue_requests = 2;
  harness_.options().write_queue_bytes = 64;
  ASSERT_TRUE(harness_.Open().ok());
  constexpr int kChunks = 60;
  std::vector<std::promise<absl::Status>> done(kChunks);
  for (int64_t i = 0; i < kChunks; ++i) {
    harness_.engine().ImportEvents("c", {"feed", i + 1}, Chunk(i + 1),
                                   [&done, i](const absl::StatusOr<WriteResult>& result) {
                                     done[i].set_value(result.status());
                                   });
  }
  for (std::promise<absl::Status>& each : done) EXPECT_TRUE(each.get_future().get().ok());
  EXPECT_EQ(EventCount(), kChunks);
}

TEST_F(StreamsTest, ItemsCarryWeightCategoriesAndAttributes) {
  WriteItemsRequest items = ItemsAlways({101, 102});
  items.base_weights = {0.5f, 16};
  items.categories = {{"b", "a"}, {}};
  items.attributes = {std::string("\0x", 2), ""};
  ASSERT_TRUE(harness_.Items("c", items).ok());
  for (int round = 0; round < 2; ++round) {
    const auto read = harness_.engine().GetItems("c", {std::vector<int64_t>{101, 102}});
    EXPECT_THAT(read->items.base_weights, ElementsAre(0.5f, 16));
    EXPECT_THAT(read->items.categories[0], ElementsAre("a", "b"));
    EXPECT_THAT(read->items.attributes, ElementsAre(std::string("\0x", 2), ""));
    harness_.Close();
    ASSERT_TRUE(harness_.Open().ok());
  }
}

TEST_F(StreamsTest, AMaskLeavesTheRestAsItIs) {
  WriteItemsRequest items = ItemsAlways({101});
  items.alive = {{{5, 10}}};
  items.base_weights = {2};
  items.categories = {{"a"}};
  items.attributes = {"x"};
  ASSERT_TRUE(harness_.Items("c", items).ok());
  WriteItemsRequest masked;
  masked.ids.values = std::vector<int64_t>{101, 102};
  masked.mask = {false, true, true, false};
  masked.categories = {{"z"}, {"y"}};
  ASSERT_TRUE(harness_.Items("c", masked).ok());
  const auto read = harness_.engine().GetItems("c", {std::vector<int64_t>{101, 102}});
  EXPECT_THAT(read->items.alive[0], ElementsAre(Interval{5, 10}));
  EXPECT_THAT(read->items.alive[1], ElementsAre(Interval{}));
  EXPECT_THAT(read->items.base_weights, ElementsAre(1, 1));
  EXPECT_THAT(read->items.categories, ElementsAre(ElementsAre("z"), ElementsAre("y")));
  EXPECT_THAT(read->items.attributes, ElementsAre("x", ""));
  masked.attributes = {"a", "b"};
  EXPECT_THAT(BadFields(harness_.Items("c", masked).status()), ElementsAre("attributes"));
}

TEST_F(StreamsTest, AMaskWithoutIntervalsLeavesAnImplicitLife) {
  ASSERT_TRUE(harness_.Events("c", EventsOf({1}, {101}, {100})).ok());
  WriteItemsRequest masked;
  masked.ids.values = std::vector<int64_t>{101};
  masked.mask = {false, false, true, false};
  masked.categories = {{"z"}};
  ASSERT_TRUE(harness_.Items("c", masked).ok());
  ASSERT_TRUE(harness_.Events("c", EventsOf({1}, {101}, {50})).ok());
  const auto read = harness_.engine().GetItems("c", {std::vector<int64_t>{101}});
  EXPECT_THAT(read->items.alive[0], ElementsAre(Interval{50, kNever}));
  EXPECT_THAT(read->items.categories[0], ElementsAre("z"));
}

TEST_F(StreamsTest, BadPropertiesAndKindsNameTheRow) {
  WriteItemsRequest items = ItemsAlways({1, 2, 3});
  items.base_weights = {1, 17, NAN};
  items.categories = {{"a", "a"}, {""}, std::vector<std::string>(17, "x")};
  items.attributes = {"", "", std::string(1025, 'x')};
  EXPECT_THAT(BadFields(harness_.Items("c", items).status()),
              ElementsAre("base_weights[1]", "base_weights[2]", "categories[0]", "categories[1]",
                          "categories[2]", "attributes[2]"));
  WriteEventsRequest events = EventsOf({1, 1, 1, 1}, {1, 1, 1, 1}, {1, 2, 3, 4});
  events.kinds = {EventKind::kPositive, EventKind::kExposure, EventKind::kMined,
                  static_cast<EventKind>(4)};
  events.propensities = {0.5f, 1.5f, 0, 0};
  events.cohorts = {255, 1, 0, 0};
  EXPECT_THAT(BadFields(harness_.Events("c", events).status()),
              ElementsAre("kinds[3]", "propensities[0]", "propensities[1]", "cohorts[1]"));
}

TEST_F(StreamsTest, ACollectionHasABoundedNumberOfCategories) {
  int64_t next = 0;
  const auto write = [&](int items, int categories) {
    std::vector<int64_t> ids;
    for (int i = 0; i < items; ++i) ids.push_back(i);
    WriteItemsRequest request = ItemsAlways(ids);
    for (int i = 0; i < items; ++i) {
      request.categories.emplace_back();
      for (int k = 0; k < categories; ++k) {
        request.categories.back().push_back(absl::StrCat("n", next++));
      }
    }
    return harness_.Items("c", request).status();
  };
  ASSERT_TRUE(write(4095, 16).ok());
  ASSERT_TRUE(write(15, 1).ok());
  EXPECT_EQ(next, kMaxCategoryNames);
  const absl::Status full = write(1, 1);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(full), "COLLECTION_FULL");
}

}  // namespace
}  // namespace negatron
