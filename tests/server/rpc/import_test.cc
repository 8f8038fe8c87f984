// SPDX-License-Identifier: Apache-2.0
// Import streams over gRPC.
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A stream of events, with a deadline so that a mistake does not hang the test.
class EventStream {
 public:
  explicit EventStream(RpcServer& server) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    stream_ = server.pool().ImportEvents(&context_);
  }

  bool Open(const std::string& collection, const std::string& id) {
    v1::ImportEventsRequest request;
    request.set_collection(absl::StrCat("collections/", collection));
    request.set_stream_id(id);
    return stream_->Write(request);
  }

  // A chunk of one event, of user 1 and the item `number`.
  static v1::ImportEventsRequest Chunk(int64_t number) {
    v1::ImportEventsRequest request;
    request.set_chunk_number(number);
    SetColumn({1}, request.mutable_batch()->mutable_user_ids());
    SetColumn({number}, request.mutable_batch()->mutable_item_ids());
    SetColumn({number}, request.mutable_batch()->mutable_event_time_micros());
    return request;
  }
  bool Write(const v1::ImportEventsRequest& request) { return stream_->Write(request); }

  // The next position; nullopt at the end of the stream.
  std::optional<v1::ImportResponse> Read() {
    v1::ImportResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }
  // Reads until the stream has come to `chunk`.
  v1::ImportResponse ReadUpTo(int64_t chunk) {
    v1::ImportResponse last;
    while (last.durable_chunk_number() < chunk) {
      const auto response = Read();
      if (!response.has_value()) {
        ADD_FAILURE() << "the stream ended at " << last.durable_chunk_number();
        break;
      }
      EXPECT_GE(response->durable_chunk_number(), last.durable_chunk_number());
      last = *response;
    }
    return last;
  }

  void Cancel() { context_.TryCancel(); }
  // Ends the stream, reads what is left, and returns how it ended.
  absl::Status Finish() {
    stream_->WritesDone();
    return Drain();
  }
  absl::Status Drain() {
    while (const auto response = Read()) last_ = *response;
    return FromGrpcStatus(stream_->Finish());
  }
  const v1::ImportResponse& last() const { return last_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ImportEventsRequest, v1::ImportResponse>> stream_;
  v1::ImportResponse last_;
};

class ImportTest : public testing::Test {
 protected:
  explicit ImportTest(const DispatcherOptions& options = RpcServer::DefaultOptions())
      : server_(options) {
    v1::CreateCollectionRequest request;
    request.set_collection_id("c");
    request.mutable_collection()->set_missing_item_rule(v1::MISSING_ITEM_RULE_CREATE);
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       request, &collection)
                    .ok());
  }

  int64_t EventCount() {
    v1::GetCollectionStatisticsRequest request;
    request.set_collection("collections/c");
    v1::CollectionStatistics statistics;
    EXPECT_TRUE(Invoke(server_.inspection(), &v1::InspectionService::Stub::GetCollectionStatistics,
                       request, &statistics)
                    .ok());
    return statistics.event_count();
  }

  RpcServer server_;
};

TEST_F(ImportTest, TellsThePositionAtOnceAndWheneverItRises) {
  EventStream stream(server_);
  ASSERT_TRUE(stream.Open("c", "feed"));
  EXPECT_EQ(stream.Read()->durable_chunk_number(), 0);
  for (int64_t chunk = 1; chunk <= 20; ++chunk) {
    ASSERT_TRUE(stream.Write(EventStream::Chunk(chunk)));
    const v1::ImportResponse position = stream.ReadUpTo(chunk);
    EXPECT_EQ(position.written_count(), chunk);
    EXPECT_EQ(position.created_item_count(), chunk);
    EXPECT_GT(position.durable_sequence(), 0);
  }
  EXPECT_TRUE(stream.Finish().ok());
  EXPECT_EQ(EventCount(), 20);
}

TEST_F(ImportTest, TheEndWaitsForChunksInFlight) {
  EventStream stream(server_);
  ASSERT_TRUE(stream.Open("c", "feed"));
  for (int64_t chunk = 1; chunk <= 200; ++chunk) {
    ASSERT_TRUE(stream.Write(EventStream::Chunk(chunk)));
  }
  EXPECT_TRUE(stream.Finish().ok());
  EXPECT_EQ(stream.last().durable_chunk_number(), 200);
  EXPECT_EQ(EventCount(), 200);
}

TEST_F(ImportTest, ResumesAndSkipsWhatIsThere) {
  {
    EventStream stream(server_);
    // The first message may carry a chunk.
    v1::ImportEventsRequest first = EventStream::Chunk(1);
    first.set_collection("collections/c");
    first.set_stream_id("feed");
    ASSERT_TRUE(stream.Write(first));
    ASSERT_TRUE(stream.Write(EventStream::Chunk(2)));
    EXPECT_TRUE(stream.Finish().ok());
  }
  EventStream stream(server_);
  ASSERT_TRUE(stream.Open("c", "feed"));
  EXPECT_EQ(stream.Read()->durable_chunk_number(), 2);
  for (int64_t chunk = 1; chunk <= 3; ++chunk) {
    ASSERT_TRUE(stream.Write(EventStream::Chunk(chunk)));
  }
  EXPECT_EQ(stream.ReadUpTo(3).written_count(), 3);
  EXPECT_TRUE(stream.Finish().ok());
  EXPECT_EQ(EventCount(), 3);
}

TEST_F(ImportTest, ABadChunkEndsTheStreamAndEarlierOnesStay) {
  EventStream stream(server_);
  ASSERT_TRUE(stream.Open("c", "feed"));
  ASSERT_TRUE(stream.Write(EventStream::Chunk(1)));
  v1::ImportEventsRequest bad = EventStream::Chunk(2);
  SetColumn(std::vector<float>{0.0f}, bad.mutable_batch()->mutable_weights());
  ASSERT_TRUE(stream.Write(bad));
  const absl::Status status = stream.Drain();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(BadFields(status), ElementsAre("batch.weights[0]"));
  EXPECT_THAT(status.message(), HasSubstr("chunk 2"));
  EXPECT_EQ(stream.last().durable_chunk_number(), 1);
  EXPECT_EQ(EventCount(), 1);
}

TEST_F(ImportTest, BadMessagesAreRefused) {
  const auto bad = [&](v1::ImportEventsRequest first,
                       std::optional<v1::ImportEventsRequest> second) {
    EventStream stream(server_);
    stream.Write(first);
    if (second.has_value()) stream.Write(*second);
    const absl::Status status = stream.Drain();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return BadFields(status);
  };
  v1::ImportEventsRequest open;
  EXPECT_THAT(bad(open, std::nullopt), ElementsAre("collection", "stream_id"));
  open.set_collection("collections/c");
  open.set_stream_id("with space");
  EXPECT_THAT(bad(open, std::nullopt), ElementsAre("stream_id"));
  open.set_stream_id("feed");
  EXPECT_THAT(bad(open, v1::ImportEventsRequest()), ElementsAre("batch"));
  EXPECT_THAT(bad(open, EventStream::Chunk(2)), ElementsAre("chunk_number"));
  EXPECT_THAT(bad(open, EventStream::Chunk(0)), ElementsAre("chunk_number"));
  v1::ImportEventsRequest other = EventStream::Chunk(1);
  other.set_stream_id("other");
  EXPECT_THAT(bad(open, other), ElementsAre("stream_id"));
  v1::ImportEventsRequest with_options = EventStream::Chunk(1);
  with_options.mutable_batch()->set_collection("collections/c");
  with_options.mutable_batch()->set_request_id("r");
  with_options.mutable_batch()->set_acknowledgement_level(v1::ACKNOWLEDGEMENT_LEVEL_APPLIED);
  EXPECT_THAT(bad(open, with_options),
              ElementsAre("batch.collection", "batch.request_id", "batch.acknowledgement_level"));
  EXPECT_EQ(EventCount(), 0);
  open.set_collection("collections/none");
  EventStream stream(server_);
  stream.Write(open);
  EXPECT_EQ(stream.Drain().code(), absl::StatusCode::kNotFound);
}

TEST_F(ImportTest, ALaterStreamTakesOver) {
  EventStream first(server_);
  ASSERT_TRUE(first.Open("c", "feed"));
  ASSERT_TRUE(first.Write(EventStream::Chunk(1)));
  first.ReadUpTo(1);
  EventStream second(server_);
  ASSERT_TRUE(second.Open("c", "feed"));
  EXPECT_EQ(second.Read()->durable_chunk_number(), 1);
  const absl::Status status = first.Drain();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Reason(status), "STREAM_TAKEN_OVER");
  ASSERT_TRUE(second.Write(EventStream::Chunk(2)));
  EXPECT_EQ(second.ReadUpTo(2).durable_chunk_number(), 2);
  EXPECT_TRUE(second.Finish().ok());
}

TEST_F(ImportTest, CancelledStreamsLeaveNothingBehind) {
  for (int round = 0; round < 20; ++round) {
    EventStream stream(server_);
    ASSERT_TRUE(stream.Open("c", "feed"));
    for (int64_t chunk = 1; chunk <= round; ++chunk) stream.Write(EventStream::Chunk(chunk));
    stream.Cancel();
    EXPECT_EQ(stream.Drain().code(), absl::StatusCode::kCancelled);
  }
  EXPECT_TRUE(server_.services().dispatcher().admission().WaitUntilEmpty(absl::Seconds(10)));
}

TEST_F(ImportTest, AClosingServerEndsStreams) {
  EventStream stream(server_);
  ASSERT_TRUE(stream.Open("c", "feed"));
  EXPECT_TRUE(stream.Read().has_value());
  server_.services().Close();
  const absl::Status status = stream.Drain();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(status), "SHUTTING_DOWN");
  EXPECT_TRUE(server_.services().dispatcher().admission().WaitUntilEmpty(absl::Seconds(10)));
  EventStream late(server_);
  late.Open("c", "feed");
  EXPECT_EQ(late.Drain().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ImportTest, ManyStreamsAtOnce) {
  constexpr int kStreams = 6;
  static constexpr int64_t kChunks = 40;
  std::vector<std::thread> threads;
  for (int i = 0; i < kStreams; ++i) {
    threads.emplace_back([this, i] {
      EventStream stream(server_);
      ASSERT_TRUE(stream.Open("c", absl::StrCat("feed-", i)));
      for (int64_t chunk = 1; chunk <= kChunks; ++chunk) {
        ASSERT_TRUE(stream.Write(EventStream::Chunk(chunk)));
      }
      EXPECT_TRUE(stream.Finish().ok());
      EXPECT_EQ(stream.last().written_count(), int64_t{kChunks});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(EventCount(), kStreams * kChunks);
}

TEST_F(ImportTest, ItemsComeInStreamsToo) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto stream = server_.pool().ImportItems(&context);
  v1::ImportItemsRequest request;
  request.set_collection("collections/c");
  request.set_stream_id("feed");
  request.set_chunk_number(1);
  SetColumn({5, 6}, request.mutable_batch()->mutable_item_ids());
  SetColumn(std::vector<float>{2, 0.5f}, request.mutable_batch()->mutable_base_weights());
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  v1::ImportResponse response, last;
  while (stream->Read(&response)) last = response;
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(last.durable_chunk_number(), 1);
  EXPECT_EQ(last.created_item_count(), 2);
}

// With room for one stream, which is idle after `min_idle_time` without a message.
class FewStreamsTest : public ImportTest {
 protected:
  explicit FewStreamsTest(absl::Duration min_idle_time = absl::Hours(1))
      : ImportTest(Options(min_idle_time)) {}

  static DispatcherOptions Options(absl::Duration min_idle_time) {
    DispatcherOptions options = RpcServer::DefaultOptions();
    options.streams = {.max_count = 1, .min_idle_time = min_idle_time};
    return options;
  }
};

TEST_F(FewStreamsTest, MoreAreRefusedWhileNoneIsIdle) {
  EventStream first(server_);
  ASSERT_TRUE(first.Open("c", "first"));
  ASSERT_TRUE(first.Read().has_value());
  const absl::Status refused = EventStream(server_).Drain();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(refused), "TOO_MANY_STREAMS");
  EXPECT_TRUE(GetRetryDelay(refused).has_value());
  ASSERT_TRUE(first.Write(EventStream::Chunk(1)));
  EXPECT_TRUE(first.Finish().ok());
  EXPECT_EQ(first.last().durable_chunk_number(), 1);
  EventStream next(server_);
  ASSERT_TRUE(next.Open("c", "next"));
  EXPECT_TRUE(next.Finish().ok());
}

class IdleStreamTest : public FewStreamsTest {
 protected:
  IdleStreamTest() : FewStreamsTest(absl::ZeroDuration()) {}
};

TEST_F(IdleStreamTest, AnIdleOneMakesRoomAndLosesNothing) {
  EventStream first(server_);
  ASSERT_TRUE(first.Open("c", "first"));
  ASSERT_TRUE(first.Write(EventStream::Chunk(1)));
  first.ReadUpTo(1);
  EventStream second(server_);
  ASSERT_TRUE(second.Open("c", "second"));
  ASSERT_TRUE(second.Read().has_value());
  const absl::Status ended = first.Drain();
  EXPECT_EQ(ended.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(ended), "STREAM_IDLE");
  ASSERT_TRUE(second.Write(EventStream::Chunk(1)));
  EXPECT_TRUE(second.Finish().ok());
  EXPECT_EQ(EventCount(), 2);
}

TEST(ImportWhileRecoveringTest, IsRefused) {
  RpcServer server(RpcServer::DefaultOptions(), /*recovered=*/false);
  EventStream stream(server);
  stream.Open("c", "feed");
  const absl::Status status = stream.Drain();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(status), "RECOVERING");
}

}  // namespace
}  // namespace negatron
