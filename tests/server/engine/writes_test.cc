// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

std::vector<std::string> BadFields(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  std::vector<std::string> fields;
  for (const auto& violation : FieldViolationsOf(status)) fields.push_back(violation.field);
  return fields;
}

class WritesTest : public testing::Test {
 protected:
  WritesTest() {
    EXPECT_TRUE(harness_.Open().ok());
    CollectionRecord settings = Settings("c");
    settings.embedding = EmbeddingSettings{2, Metric::kInnerProduct};
    EXPECT_TRUE(harness_.Create(settings).ok());
  }

  CollectionStatistics Statistics() { return *harness_.engine().GetStatistics("c", 1 << 30); }

  EngineHarness harness_;
};

TEST_F(WritesTest, ItemsAreCreatedAndReplaced) {
  const auto first = harness_.Items("c", ItemsAlways({7, 8}));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->written_count, 2);
  EXPECT_EQ(first->created_item_count, 2);
  WriteItemsRequest second = ItemsAlways({8, 9});
  second.alive[0] = {{0, 10}, {20, 30}};
  EXPECT_EQ(harness_.Items("c", second)->created_item_count, 1);
  const auto items = harness_.engine().GetItems("c", {std::vector<int64_t>{9, 5, 8}});
  EXPECT_THAT(items->found, testing::ElementsAre(1, 0, 1));
  EXPECT_THAT(items->items.numbers, testing::ElementsAre(9, 8));
  EXPECT_EQ(items->items.alive[1], second.alive[0]);
  EXPECT_EQ(Statistics().living_item_count, 2);
}

TEST_F(WritesTest, BadItemsNameTheRowAndChangeNothing) {
  WriteItemsRequest request = ItemsAlways({1, 2, 1});
  request.alive[1] = {{5, 5}};
  request.options.request_id = std::string(65, 'x');
  EXPECT_THAT(BadFields(harness_.Items("c", request).status()),
              testing::ElementsAre("request_id", "item_ids[2]", "alive_from_micros[1]"));
  WriteItemsRequest names;
  names.ids.values = std::vector<std::string>{"a"};
  names.alive = {{Interval{}}};
  EXPECT_THAT(BadFields(harness_.Items("c", names).status()), testing::ElementsAre("item_ids"));
  EXPECT_EQ(Statistics().item_count, 0);
}

TEST_F(WritesTest, BadEventsNameTheRowAndChangeNothing) {
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({1})).ok());
  WriteEventsRequest request = EventsOf({5, 5, 5}, {1, 2, 1}, {10, 20, kMaxTime + 1});
  request.weights = {1.0f, 0.0f, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THAT(BadFields(harness_.Events("c", request).status()),
              testing::ElementsAre("event_time_micros[2]", "weights[1]", "weights[2]"));
  EXPECT_THAT(BadFields(harness_.Events("c", EventsOf({5, 5}, {1, 2}, {1, 1})).status()),
              testing::ElementsAre("item_ids[1]"));
  EXPECT_THAT(BadFields(harness_.Events("c", EventsOf({5}, {1, 1}, {1})).status()),
              testing::ElementsAre("user_ids", "event_time_micros"));
  EXPECT_EQ(Statistics().event_count, 0);
  EXPECT_EQ(Statistics().user_count, 0);
}

TEST_F(WritesTest, MissingItemsAreCreatedAliveFromTheirEarliestEvent) {
  CollectionUpdate update;
  update.missing_item_rule = MissingItemRule::kCreate;
  ASSERT_TRUE(harness_.Update("c", update).ok());
  EXPECT_EQ(
      harness_.Events("c", EventsOf({1, 2, 3}, {50, 50, 60}, {200, 100, 300}))->created_item_count,
      2);
  const auto alive = [&](int64_t id) {
    return harness_.engine().GetItems("c", {std::vector<int64_t>{id}})->items.alive[0];
  };
  EXPECT_EQ(alive(50), (std::vector<Interval>{{100, kNever}}));
  ASSERT_TRUE(harness_.Events("c", EventsOf({1}, {50}, {40})).ok());
  EXPECT_EQ(alive(50), (std::vector<Interval>{{40, kNever}}));
  // An explicit write ends the rule for the item, also after a restart.
  WriteItemsRequest explicit_write = ItemsAlways({60});
  explicit_write.alive[0] = {{500, 600}};
  ASSERT_TRUE(harness_.Items("c", explicit_write).ok());
  ASSERT_TRUE(harness_.Open().ok());
  ASSERT_TRUE(harness_.Events("c", EventsOf({1, 1}, {60, 50}, {30, 30})).ok());
  EXPECT_EQ(alive(60), (std::vector<Interval>{{500, 600}}));
  EXPECT_EQ(alive(50), (std::vector<Interval>{{30, kNever}}));
}

TEST_F(WritesTest, EmbeddingsAreSeenByTheNextRequest) {
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({1, 2})).ok());
  WriteEmbeddingsRequest request;
  request.ids.values = std::vector<int64_t>{2};
  request.column_count = 2;
  request.values = {3, 4};
  request.options.level = AckLevel::kApplied;
  ASSERT_TRUE(harness_.Embeddings("c", request).ok());
  const auto read =
      harness_.engine().GetEmbeddings("c", VectorOwner::kItem, {std::vector<int64_t>{1, 2}});
  EXPECT_THAT(read->found, testing::ElementsAre(0, 1));
  EXPECT_EQ(read->values[3], 4);
  request.values = {3, std::numeric_limits<float>::infinity()};
  EXPECT_THAT(BadFields(harness_.Embeddings("c", request).status()),
              testing::ElementsAre("vectors[0]"));
  request.ids.values = std::vector<int64_t>{9};
  request.values = {1, 1};
  EXPECT_THAT(BadFields(harness_.Embeddings("c", request).status()),
              testing::ElementsAre("item_ids[0]"));
  request.column_count = 3;
  EXPECT_THAT(BadFields(harness_.Embeddings("c", request).status()),
              testing::ElementsAre("vectors.column_count"));
  ASSERT_TRUE(harness_.Create(Settings("plain")).ok());
  EXPECT_EQ(harness_.Embeddings("plain", request).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(WritesTest, PartialWritesLeaveOutWhatCannotBeWritten) {
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({1, 2, 3})).ok());
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  WriteEmbeddingsRequest request;
  request.ids.values = std::vector<int64_t>{1, 2, 99, 3, 98};
  request.column_count = 2;
  request.values = {1, 1, 2, kNan, 3, 3, 4, 4, kNan, 5};
  request.options.request_id = "a";
  request.model_version = 5;
  EXPECT_EQ(BadFields(harness_.Embeddings("c", request).status()).size(), 2u);
  request.allow_partial = true;
  const auto written = harness_.Embeddings("c", request);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->written_count, 2);
  EXPECT_THAT(written->refusals, testing::ElementsAre(RowRefusal::kNone, RowRefusal::kInvalidVector,
                                                      RowRefusal::kUnknownItem, RowRefusal::kNone,
                                                      RowRefusal::kUnknownItem));
  for (int round = 0; round < 2; ++round) {
    const auto read =
        harness_.engine().GetEmbeddings("c", VectorOwner::kItem, {std::vector<int64_t>{1, 2, 3}});
    EXPECT_THAT(read->found, testing::ElementsAre(1, 0, 1));
    EXPECT_EQ(read->values[4], 4);
    const auto again = harness_.Embeddings("c", request);
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->written_count, 2);
    EXPECT_TRUE(again->refusals.empty());
    ASSERT_TRUE(harness_.Open().ok());
  }
  request.options.request_id.clear();
  request.model_version = 4;
  EXPECT_EQ(ReasonOf(harness_.Embeddings("c", request).status()), "STALE_MODEL_VERSION");
  // A write of which nothing is left changes nothing, not even the version.
  request.ids.values = std::vector<int64_t>{99};
  request.values = {1, 1};
  request.model_version = 9;
  EXPECT_EQ(harness_.Embeddings("c", request)->written_count, 0);
  EXPECT_EQ(harness_.engine().GetStatistics("c", 0)->highest_model_version, 5);
  request.ids.values = std::vector<int64_t>{1, 1};
  request.values = {1, 1, 1, 1};
  EXPECT_THAT(BadFields(harness_.Embeddings("c", request).status()),
              testing::ElementsAre("item_ids[1]"));
}

TEST_F(WritesTest, ARequestIdWritesOnceAlsoAcrossARestart) {
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({1, 2}, "items")).ok());
  const auto first = harness_.Events("c", EventsOf({5, 6}, {1, 2}, {10, 20}, "events"));
  ASSERT_TRUE(first.ok());
  for (int round = 0; round < 2; ++round) {
    const auto again = harness_.Events("c", EventsOf({5, 6}, {1, 2}, {10, 20}, "events"));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->replayed);
    EXPECT_EQ(again->commit_sequence, first->commit_sequence);
    EXPECT_EQ(again->written_count, 2);
    EXPECT_TRUE(harness_.Items("c", ItemsAlways({1, 2}, "items"))->replayed);
    EXPECT_EQ(Statistics().event_count, 2);
    EXPECT_THAT(
        BadFields(harness_.Events("c", EventsOf({5, 6}, {1, 2}, {10, 21}, "events")).status()),
        testing::ElementsAre("request_id"));
    ASSERT_TRUE(harness_.Open().ok());
  }
  harness_.clock().Set(harness_.clock().NowMicros() + kRememberRequestMicros);
  EXPECT_FALSE(harness_.Events("c", EventsOf({5, 6}, {1, 2}, {10, 20}, "events"))->replayed);
  EXPECT_EQ(Statistics().event_count, 4);
}

TEST_F(WritesTest, StringIdsHaveStableNumbers) {
  CollectionRecord settings = Settings("s");
  settings.item_id_type = settings.user_id_type = IdType::kString;
  ASSERT_TRUE(harness_.Create(settings).ok());
  WriteItemsRequest items;
  items.ids.values = std::vector<std::string>{"blå", "rød", ""};
  items.alive.assign(3, {Interval{}});
  EXPECT_THAT(BadFields(harness_.Items("s", items).status()), testing::ElementsAre("item_ids[2]"));
  std::get<1>(items.ids.values)[2] = "grøn";
  ASSERT_TRUE(harness_.Items("s", items).ok());
  ASSERT_TRUE(harness_.Open().ok());
  const auto listed = harness_.engine().ListItems("s", 1, 1);
  EXPECT_THAT(listed->items.names, testing::ElementsAre("rød"));
  EXPECT_THAT(listed->items.numbers, testing::ElementsAre(1));
  EXPECT_EQ(listed->next, 2u);
  WriteEventsRequest by_number;
  by_number.users.values = std::vector<std::string>{"u"};
  by_number.items.values = std::vector<int64_t>{1};
  by_number.times = {10};
  EXPECT_TRUE(harness_.Events("s", by_number).ok());
  by_number.items.values = std::vector<int64_t>{3};
  EXPECT_THAT(BadFields(harness_.Events("s", by_number).status()),
              testing::ElementsAre("item_ids[0]"));
  SampleRequest request = SampleOf(PopularitySource{}, 1, 2, 100);
  request.want_names = true;
  EXPECT_THAT(harness_.Sample("s", request)->names, testing::ElementsAre("rød", "rød"));
}

TEST_F(WritesTest, AFullQueueRefusesWithADelay) {
  harness_.options().write_queue_requests = 2;
  ASSERT_TRUE(harness_.Open().ok());
  std::promise<void> entered, release;
  std::shared_future<void> released = release.get_future().share();
  harness_.engine().WriteItems("c", ItemsAlways({1}), [&](absl::StatusOr<WriteResult>) {
    entered.set_value();
    released.wait();
  });
  entered.get_future().wait();
  // The commit thread is held up: two writes fit, the third does not.
  std::promise<absl::Status> second, third;
  const auto fill = [&](std::promise<absl::Status>* done) {
    harness_.engine().WriteItems("c", ItemsAlways({2}), [done](absl::StatusOr<WriteResult> r) {
      done->set_value(r.status());
    });
  };
  fill(&second);
  fill(&third);
  const absl::Status refused = harness_.Items("c", ItemsAlways({3})).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(RetryDelayOf(refused).has_value());
  release.set_value();
  EXPECT_TRUE(second.get_future().get().ok());
  EXPECT_TRUE(third.get_future().get().ok());
}

TEST_F(WritesTest, ShutdownCommitsWhatWaitsAndRefusesTheRest) {
  std::vector<std::future<absl::Status>> outcomes;
  for (int i = 0; i < 50; ++i) {
    auto promise = std::make_shared<std::promise<absl::Status>>();
    outcomes.push_back(promise->get_future());
    harness_.engine().WriteItems("c", ItemsAlways({i}), [promise](absl::StatusOr<WriteResult> r) {
      promise->set_value(r.status());
    });
  }
  harness_.engine().Shutdown();
  for (auto& outcome : outcomes) EXPECT_TRUE(outcome.get().ok());
  EXPECT_EQ(harness_.Items("c", ItemsAlways({99})).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Statistics().item_count, 50) << "reads go on";
}

// Writers of two collections, readers of both: for ThreadSanitizer, and every
// answer must be one that some commit gave.
TEST_F(WritesTest, ReadersNeverSeeHalfACommit) {
  ASSERT_TRUE(harness_.Create(Settings("d")).ok());
  std::vector<std::thread> writers;
  for (const std::string id : {"c", "d"}) {
    writers.emplace_back([this, id] {
      for (int64_t i = 0; i < 60; ++i) {
        ASSERT_TRUE(harness_.Items(id, ItemsAlways({2 * i, 2 * i + 1})).ok());
        ASSERT_TRUE(harness_.Events(id, EventsOf({i, i}, {2 * i, 2 * i + 1}, {i + 1, i + 1})).ok());
      }
    });
  }
  for (int i = 0; i < 400; ++i) {
    const std::string id = i % 2 == 0 ? "c" : "d";
    const auto statistics = harness_.engine().GetStatistics(id, 1000);
    ASSERT_EQ(statistics->item_count % 2, 0);
    ASSERT_EQ(statistics->event_count % 2, 0);
    const auto sampled = harness_.Sample(id, SampleOf(PopularitySource{}, 2, 2, 1000));
    ASSERT_TRUE(sampled.ok());
    ASSERT_EQ(sampled->statuses[0], sampled->statuses[1]);
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Statistics().event_count, 120);
}

}  // namespace
}  // namespace negatron
