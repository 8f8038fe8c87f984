// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/imports.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/client.h"
#include "proto/cc/columns.h"
#include "proto/cc/status.h"
#include "tests/client/cpp/fake_imports.h"
#include "tests/client/cpp/fake_server.h"

namespace negatron::client {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ImportsTest : public testing::Test {
 protected:
  ImportsTest() {
    server_.handlers.import_events = events_.Handler();
    server_.handlers.import_items = items_.Handler();
    server_.handlers.import_embeddings = embeddings_.Handler();
    ClientOptions options;
    options.target = server_.target();
    options.environment.sleep = [](absl::Duration) {};  // Waits take no time.
    client_ = Client::Create(std::move(options)).value();
    options_.collection = "collections/c";
    options_.stream_id = "feed";
    options_.on_interruption = [this](const absl::Status& status, absl::Duration) {
      interruptions_.push_back(status.code());
    };
  }

  // Chunk `number`: two events of the user `number`.
  absl::Status Write(EventImport& stream, int64_t number) {
    const std::vector<int64_t> users = {number, number};
    const std::vector<int64_t> items = {10, 20};
    return stream.Write(EventBatch{.collection = "",
                                   .user_ids = std::span<const int64_t>(users),
                                   .item_ids = std::span<const int64_t>(items),
                                   .time_micros = items,
                                   .weights = {}});
  }

  absl::StatusOr<std::unique_ptr<EventImport>> Open() { return client_->ImportEvents(options_); }

  // Writes all chunks, and finishes.
  absl::Status Run(EventImport& stream, int64_t count) {
    for (int64_t number = 1; number <= count; ++number) {
      if (absl::Status status = Write(stream, number); !status.ok()) return status;
    }
    return stream.Finish();
  }

  // The user of each chunk that the server has.
  std::vector<int64_t> Written() {
    std::vector<int64_t> users;
    for (const v1::ImportEventsRequest& chunk : events_.chunks()) {
      users.push_back(ReadIds(chunk.batch().user_ids(), "").value()[0]);
    }
    return users;
  }

  FakeServer server_;
  FakeEventImports events_;
  FakeItemImports items_;
  FakeEmbeddingImports embeddings_;
  std::unique_ptr<Client> client_;
  ImportStreamOptions options_;
  std::vector<absl::StatusCode> interruptions_;
};

TEST_F(ImportsTest, ChunksArriveInOrderAndAreDurableAtTheEnd) {
  const auto stream = Open().value();
  EXPECT_EQ(stream->position().chunk_number, 0);
  ASSERT_TRUE(Run(*stream, 20).ok());
  EXPECT_EQ(stream->position().chunk_number, 20);
  EXPECT_EQ(stream->position().written_count, 40);
  EXPECT_THAT(Written(), SizeIs(20));
  const v1::ImportEventsRequest last = events_.chunks().back();
  EXPECT_EQ(last.chunk_number(), 20);
  EXPECT_EQ(last.batch().collection(), "");
  EXPECT_THAT(ReadIds(last.batch().item_ids(), "").value(), ElementsAre(10, 20));
  EXPECT_THAT(events_.stream_ids(), ElementsAre("feed"));
  EXPECT_EQ(stream->Finish().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ImportsTest, BrokenConnectionsLoseAndDoubleNothing) {
  events_.break_before = {0, 3, 9, 9};
  events_.break_after = {5, 12};
  const auto stream = Open().value();
  ASSERT_TRUE(Run(*stream, 30).ok());
  std::vector<int64_t> want;
  for (int64_t number = 1; number <= 30; ++number) want.push_back(number);
  EXPECT_EQ(Written(), want);
  EXPECT_THAT(interruptions_, SizeIs(6));
  EXPECT_THAT(interruptions_, Each(absl::StatusCode::kUnavailable));
}

TEST_F(ImportsTest, LaterRunGoesOnBehindTheLastDurableChunk) {
  ASSERT_TRUE(Run(*Open().value(), 4).ok());
  const auto again = Open().value();
  EXPECT_EQ(again->position().chunk_number, 4);
  ASSERT_TRUE(Run(*again, 6).ok());
  EXPECT_THAT(Written(), ElementsAre(1, 2, 3, 4, 5, 6));

  const auto skipping = Open().value();
  skipping->SkipDurable();
  EXPECT_EQ(skipping->next_chunk_number(), 7);
  ASSERT_TRUE(Write(*skipping, 7).ok());
  ASSERT_TRUE(skipping->Finish().ok());
  EXPECT_THAT(Written(), ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST_F(ImportsTest, RefusedChunkEndsTheStreamAndChunksBeforeItStay) {
  events_.refuse = 3;
  const auto stream = Open().value();
  const absl::Status status = Run(*stream, 30);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GetBadRequest(status)->field_violations(0).field(), "batch.item_ids[1]");
  EXPECT_THAT(status.message(), HasSubstr("(chunk 3)"));
  EXPECT_THAT(Written(), ElementsAre(1, 2));
  EXPECT_EQ(Write(*stream, 4), status);
  EXPECT_EQ(stream->Finish(), status);
  EXPECT_THAT(interruptions_, SizeIs(0));
}

TEST_F(ImportsTest, MisshapenChunkIsNotTaken) {
  const auto stream = Open().value();
  const std::vector<int64_t> two = {1, 2};
  EventBatch bad{.collection = "",
                 .user_ids = std::span<const int64_t>(two),
                 .item_ids = std::span<const int64_t>(two),
                 .time_micros = {},
                 .weights = {}};
  EXPECT_EQ(stream->Write(bad).code(), absl::StatusCode::kInvalidArgument);
  bad.time_micros = two;
  bad.collection = "collections/other";
  EXPECT_EQ(stream->Write(bad).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(stream->next_chunk_number(), 1);
  ASSERT_TRUE(Run(*stream, 1).ok());
  EXPECT_THAT(Written(), ElementsAre(1));
}

TEST_F(ImportsTest, PatienceEndsAStreamWhoseServerIsSilent) {
  events_.silent_from = 2;
  options_.patience = absl::Milliseconds(200);
  const auto stream = Open().value();
  const absl::Status status = Run(*stream, 3);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(stream->position().chunk_number, 1);
}

TEST_F(ImportsTest, AttemptsAreCountedFromTheLastProgress) {
  options_.max_attempts = 3;
  events_.break_before = {0, 0};
  ASSERT_TRUE(Run(*Open().value(), 1).ok());
  events_.break_before = {0, 0, 0};
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(interruptions_, SizeIs(4));
  options_.max_attempts = 1;
  events_.break_before = {2};
  EXPECT_EQ(Run(*Open().value(), 3).code(), absl::StatusCode::kUnavailable);
}

TEST_F(ImportsTest, PositionThatGoesBackIsDataLoss) {
  // When chunk 13 is taken, 5 are known to be durable.
  events_.break_before = {13};
  options_.on_interruption = [this](const absl::Status&, absl::Duration) {
    events_.SetPosition("feed", 2);
  };
  const auto stream = Open().value();
  EXPECT_EQ(Run(*stream, 13).code(), absl::StatusCode::kDataLoss);
}

TEST_F(ImportsTest, OptionsOutOfRangeAreRefused) {
  const auto code = [this] { return Open().status().code(); };
  for (const char* id : {"", "a b", "\xC3\xBC"}) {
    options_.stream_id = id;
    EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument) << id;
  }
  options_.stream_id = std::string(65, 'x');
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  options_.stream_id = "feed";
  options_.patience = absl::ZeroDuration();
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  options_.patience = absl::Seconds(10);
  options_.max_attempts = 0;
  EXPECT_EQ(code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(events_.stream_ids(), SizeIs(0));
}

TEST_F(ImportsTest, ItemsCarryTheirProperties) {
  const std::vector<int64_t> ids = {1, 2};
  const std::vector<float> weights = {2, 0.5F};
  const std::vector<std::string> names = {"a", "b", "c"};
  const std::vector<int64_t> splits = {0, 1, 3};
  const auto stream = client_->ImportItems(options_).value();
  ASSERT_TRUE(stream
                  ->Write(ItemBatch{.collection = "collections/c",
                                    .ids = std::span<const int64_t>(ids),
                                    .alive_from_micros = {},
                                    .alive_until_micros = {},
                                    .interval_splits = {},
                                    .base_weights = weights,
                                    .category_names = names,
                                    .category_splits = splits})
                  .ok());
  ASSERT_TRUE(stream->Finish().ok());
  const v1::BatchWriteItemsRequest batch = items_.chunks().at(0).batch();
  EXPECT_THAT(ReadFloats(batch.base_weights(), "").value(), ElementsAre(2, 0.5F));
  EXPECT_THAT(batch.categories().ids().names().values(), ElementsAre("a", "b", "c"));
}

TEST_F(ImportsTest, StreamThatIsLeftEndsItsCall) {
  auto stream = Open().value();
  ASSERT_TRUE(Write(*stream, 1).ok());
  stream.reset();  // The fake server is shut down behind it, and would wait for the call.
}

TEST_F(ImportsTest, EmbeddingsGoToAShardOfTheirVersion) {
  options_.collection = options_.stream_id = "";
  options_.version_name = "collections/c/embeddingVersions/7";
  options_.shard = 3;
  embeddings_.break_after = {1};
  const auto stream = client_->ImportEmbeddings(options_).value();
  const std::vector<int64_t> ids = {10, 20};
  const std::vector<float> vectors = {1, 2, 3, 4};
  for (const bool of_users : {false, true}) {
    EmbeddingBatch batch;
    batch.ids = std::span<const int64_t>(ids);
    batch.vectors = vectors;
    batch.dimension = 2;
    batch.of_users = of_users;
    ASSERT_TRUE(stream->Write(batch).ok());
  }
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_THAT(embeddings_.stream_ids(), Each("collections/c/embeddingVersions/7/3"));
  ASSERT_THAT(embeddings_.chunks(), SizeIs(2));
  EXPECT_THAT(ReadIds(embeddings_.chunks()[0].batch().item_ids(), "").value(), ElementsAre(10, 20));
  EXPECT_THAT(ReadIds(embeddings_.chunks()[1].batch().user_ids(), "").value(), ElementsAre(10, 20));
  EXPECT_EQ(embeddings_.chunks()[1].batch().collection(), "");
}

}  // namespace
}  // namespace negatron::client
