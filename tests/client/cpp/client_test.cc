// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/cc/columns.h"
#include "proto/cc/status.h"
#include "tests/client/cpp/fake_server.h"

namespace negatron::client {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ClientTest : public testing::Test {
 protected:
  // The waits between attempts take no time.
  std::unique_ptr<Client> Connect(absl::Duration deadline = absl::Seconds(30)) {
    ClientOptions options;
    options.target = server_.target();
    options.deadline = deadline;
    options.environment.sleep = [](absl::Duration) {};
    return Client::Create(std::move(options)).value();
  }

  FakeServer server_;
};

TEST_F(ClientTest, WriteIsRepeatedWithTheSameRequestId) {
  std::vector<std::string> ids;
  server_.handlers.write_events = [&](const v1::BatchWriteEventsRequest& request,
                                      v1::WriteReceipt* receipt) {
    ids.push_back(request.request_id());
    if (ids.size() <= 2) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "recovering");
    receipt->set_written_count(ColumnSize(request.item_ids()));
    receipt->set_commit_sequence(9);
    return grpc::Status::OK;
  };
  const std::vector<int64_t> values = {1, 2, 3};
  const EventBatch batch{.collection = "collections/c",
                         .user_ids = std::span<const int64_t>(values),
                         .item_ids = std::span<const int64_t>(values),
                         .time_micros = values,
                         .weights = {}};
  const auto client = Connect();
  const WriteSummary summary = client->WriteEvents(batch, {}).value();
  EXPECT_EQ(summary.written_count, 3);
  EXPECT_EQ(summary.call_count, 1);
  EXPECT_EQ(summary.commit_sequence, 9);
  ASSERT_THAT(ids, SizeIs(3));
  EXPECT_THAT(ids[0], SizeIs(36));
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);

  ASSERT_TRUE(client->WriteEvents(batch, {}).ok());
  EXPECT_NE(ids[3], ids[0]);
}

TEST_F(ClientTest, LargeWriteIsCutIntoCallsThatTheServerTakes) {
  std::vector<std::string> ids;
  int64_t rows = 0;
  size_t largest = 0;
  server_.handlers.write_embeddings = [&](const v1::BatchWriteEmbeddingsRequest& request,
                                          v1::WriteReceipt* receipt) {
    ids.push_back(request.request_id());
    largest = std::max(largest, request.ByteSizeLong());
    rows += request.vectors().row_count();
    receipt->set_written_count(request.vectors().row_count());
    receipt->set_replayed(ids.size() == 1);
    EXPECT_TRUE(request.allow_partial());
    if (ids.size() == 1) return grpc::Status::OK;
    WriteInt64s(std::vector<int64_t>{0, 7}, v1::COLUMN_ENCODING_RAW,
                receipt->mutable_refused_rows());
    WriteBytes(std::vector<uint8_t>{1, 2}, v1::COLUMN_ENCODING_RAW,
               receipt->mutable_row_refusals());
    return grpc::Status::OK;
  };
  std::vector<int64_t> items(10'000);
  std::iota(items.begin(), items.end(), 0);
  const std::vector<float> vectors(items.size() * 512, 0.5F);
  const EmbeddingBatch batch{.collection = "collections/c",
                             .ids = std::span<const int64_t>(items),
                             .vectors = vectors,
                             .dimension = 512,
                             .allow_partial = true};
  const WriteSummary summary =
      Connect()->WriteEmbeddings(batch, WriteOptions{.request_id = "import-1"}).value();
  EXPECT_EQ(rows, 10'000);
  EXPECT_EQ(summary.written_count, 10'000);
  EXPECT_EQ(summary.replayed_call_count, 1);
  const std::vector<RowRange> parts =
      CutRows(items.size(), [&](size_t row) { return RowBytes(batch, row); });
  ASSERT_EQ(parts.size(), 3u);
  const auto first = [&](size_t part) { return static_cast<int64_t>(parts[part].begin); };
  EXPECT_THAT(summary.refused_rows,
              testing::ElementsAre(first(1), first(1) + 7, first(2), first(2) + 7));
  EXPECT_THAT(summary.row_refusals, testing::ElementsAre(1, 2, 1, 2));
  EXPECT_LT(largest, kMaxBytesPerCall + 1'000);
  EXPECT_THAT(ids, testing::ElementsAre("import-1/0", "import-1/1", "import-1/2"));
}

TEST_F(ClientTest, FailedPartOfAWriteTellsItsRowsAndStopsThere) {
  int calls = 0;
  server_.handlers.write_items = [&](const v1::BatchWriteItemsRequest&, v1::WriteReceipt*) {
    if (++calls == 1) return grpc::Status::OK;
    return ToGrpcStatus(BadFieldError("item_ids[3]", "appears twice"));
  };
  std::vector<int64_t> items(kMaxRowsPerCall * 3);
  std::iota(items.begin(), items.end(), 0);
  const ItemBatch batch{.collection = "collections/c",
                        .ids = std::span<const int64_t>(items),
                        .alive_from_micros = {},
                        .alive_until_micros = {},
                        .interval_splits = {}};
  const absl::Status status = Connect()->WriteItems(batch, {}).status();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("rows 50000 to 99999"));
  EXPECT_EQ(GetBadRequest(status)->field_violations(0).field(), "item_ids[50003]");
}

TEST_F(ClientTest, MisshapenWriteIsNotSent) {
  server_.handlers.write_events = [](const v1::BatchWriteEventsRequest&, v1::WriteReceipt*) {
    ADD_FAILURE();
    return grpc::Status::OK;
  };
  const std::vector<int64_t> values = {1, 2, 3};
  EventBatch batch{.collection = "collections/c",
                   .user_ids = std::span<const int64_t>(values),
                   .item_ids = std::span<const int64_t>(values),
                   .time_micros = {},
                   .weights = {}};
  EXPECT_EQ(Connect()->WriteEvents(batch, {}).status().code(), absl::StatusCode::kInvalidArgument);
  batch.time_micros = values;
  const WriteOptions long_id{.request_id = std::string(57, 'x')};
  EXPECT_EQ(Connect()->WriteEvents(batch, long_id).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ClientTest, RemovalsTellWhatWasFoundOverAllCalls) {
  std::vector<std::string> ids;
  server_.handlers.erase_users = [&](const v1::EraseUsersRequest& request,
                                     v1::EraseUsersResponse* response) {
    ids.push_back(request.request_id());
    if (ids.size() == 1) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "disk is slow");
    const auto rows = static_cast<size_t>(ColumnSize(request.user_ids()));
    response->mutable_receipt()->set_written_count(static_cast<int64_t>(rows) - 1);
    std::vector<uint8_t> found(rows, 1);
    found[0] = 0;
    WriteBytes(found, v1::COLUMN_ENCODING_RAW, response->mutable_found());
    return grpc::Status::OK;
  };
  std::vector<int64_t> users(kMaxRowsPerCall + 2);
  std::iota(users.begin(), users.end(), 0);
  const ErasureBatch batch{.collection = "collections/c",
                           .user_ids = std::span<const int64_t>(users)};
  const RemovalSummary summary = Connect()->EraseUsers(batch, "gone").value();
  EXPECT_THAT(ids, testing::ElementsAre("gone/0", "gone/0", "gone/1"));
  EXPECT_EQ(summary.removed_count, static_cast<int64_t>(kMaxRowsPerCall));
  ASSERT_THAT(summary.found, SizeIs(users.size()));
  EXPECT_EQ(std::count(summary.found.begin(), summary.found.end(), 0), 2);
  EXPECT_EQ(summary.found[kMaxRowsPerCall], 0);
}

TEST_F(ClientTest, ReplayedRetractionHasNoFound) {
  bool replayed = true;
  server_.handlers.retract_events = [&](const v1::RetractEventsRequest&,
                                        v1::RetractEventsResponse* response) {
    response->mutable_receipt()->set_replayed(replayed);
    response->mutable_receipt()->set_written_count(1);
    return grpc::Status::OK;
  };
  const std::vector<int64_t> ids = {1, 2};
  const RetractionBatch batch{.collection = "collections/c",
                              .user_ids = std::span<const int64_t>(ids),
                              .item_ids = std::span<const int64_t>(ids),
                              .time_micros = ids};
  const RemovalSummary summary = Connect()->RetractEvents(batch, "again").value();
  EXPECT_EQ(summary.removed_count, 1);
  EXPECT_EQ(summary.replayed_call_count, 1);
  EXPECT_TRUE(summary.found.empty());
  replayed = false;  // Then the column must be there.
  EXPECT_EQ(Connect()->RetractEvents(batch, "").status().code(), absl::StatusCode::kInternal);
}

TEST_F(ClientTest, RefusalArrivesWithItsDetailsAndIsNotRepeated) {
  int calls = 0;
  server_.handlers.sample = [&](const v1::SampleNegativesRequest&, v1::SampleNegativesResponse*) {
    ++calls;
    return ToGrpcStatus(BadFieldError("negative_count", "must be positive"));
  };
  const absl::Status status = Connect()->Sample(SampleRequest()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GetBadRequest(status)->field_violations(0).field(), "negative_count");
  EXPECT_EQ(calls, 1);
}

TEST_F(ClientTest, LargestRefusalFitsTheTrailingMetadata) {
  server_.handlers.sample = [](const v1::SampleNegativesRequest&, v1::SampleNegativesResponse*) {
    // Each byte of a character that is not ASCII takes three on the wire.
    std::string message;
    while (message.size() < 10'000) message += "\xE2\x82\xAC";
    absl::Status status = absl::InvalidArgumentError(message);
    for (int i = 0; i < 500; ++i) AddBadRequest(status, "exclusions", std::string(200, 'x'));
    SetRetryDelay(status, absl::Seconds(1));
    return ToGrpcStatus(status);
  };
  const absl::Status status = Connect()->Sample(SampleRequest()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_GE(GetBadRequest(status)->field_violations_size(), 5);
}

TEST_F(ClientTest, DeadlineEndsACallThatTheServerDoesNotAnswer) {
  // Shared with the handler, which may still run when the test is over.
  const auto release = std::make_shared<absl::Notification>();
  server_.handlers.server_info = [release](const v1::GetServerInfoRequest&, v1::ServerInfo*) {
    release->WaitForNotification();
    return grpc::Status::OK;
  };
  const auto result = Connect(absl::Milliseconds(100))->GetServerInfo({});
  release->Notify();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ClientTest, FullQueueIsRetriedOnlyIfTheServerSaysWhen) {
  int calls = 0;
  bool says_when = true;
  server_.handlers.sample = [&](const v1::SampleNegativesRequest&,
                                v1::SampleNegativesResponse* response) {
    if (++calls < 3) {
      absl::Status full = absl::ResourceExhaustedError("queue is full");
      if (says_when) SetRetryDelay(full, absl::Milliseconds(10));
      return ToGrpcStatus(full);
    }
    response->set_seed(5);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Connect()->SampleNegatives({}).value().seed(), 5);
  EXPECT_EQ(calls, 3);
  calls = 0;
  says_when = false;
  EXPECT_EQ(Connect()->SampleNegatives({}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(calls, 1);
}

TEST_F(ClientTest, ResponsesAboveFourMebibytesArrive) {
  server_.handlers.sample = [](const v1::SampleNegativesRequest&,
                               v1::SampleNegativesResponse* response) {
    response->mutable_item_ids()->set_raw(std::string(12 << 20, '\0'));
    return grpc::Status::OK;
  };
  EXPECT_EQ(Connect()->SampleNegatives({}).value().item_ids().raw().size(), size_t{12} << 20);
}

TEST_F(ClientTest, CreateGetsARequestIdUnlessItHasOne) {
  std::vector<std::string> ids;
  server_.handlers.create_collection = [&](const v1::CreateCollectionRequest& request,
                                           v1::Collection*) {
    ids.push_back(request.request_id());
    return grpc::Status::OK;
  };
  const auto client = Connect();
  v1::CreateCollectionRequest request;
  EXPECT_TRUE(client->CreateCollection(request).ok());
  request.set_request_id("mine");
  EXPECT_TRUE(client->CreateCollection(request).ok());
  ASSERT_THAT(ids, SizeIs(2));
  EXPECT_THAT(ids[0], SizeIs(36));
  EXPECT_EQ(ids[1], "mine");
}

TEST_F(ClientTest, ARepeatedReportHasTheIdOfTheFirst) {
  std::vector<std::string> ids;
  server_.handlers.report_outcomes = [&](const v1::ReportOutcomesRequest& request,
                                         v1::ReportOutcomesResponse* response) {
    ids.push_back(request.request_id());
    response->mutable_controller()->set_output(0.25);
    return ids.size() < 2 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone") : grpc::Status::OK;
  };
  const auto client = Connect();
  const auto reported = client->ReportOutcomes({});
  ASSERT_TRUE(reported.ok()) << reported.status();
  EXPECT_EQ(reported->controller().output(), 0.25);
  ASSERT_THAT(ids, SizeIs(2));
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_FALSE(ids[0].empty());
}

TEST_F(ClientTest, CallsWhoseRepetitionWouldFailAreNotRepeated) {
  int calls = 0;
  const grpc::Status gone(grpc::StatusCode::UNAVAILABLE, "gone");
  server_.handlers.delete_collection = [&](const v1::DeleteCollectionRequest&,
                                           google::protobuf::Empty*) {
    return ++calls < 2 ? gone : grpc::Status::OK;
  };
  server_.handlers.update_collection = [&](const v1::UpdateCollectionRequest&, v1::Collection*) {
    return ++calls < 2 ? gone : grpc::Status::OK;
  };
  server_.handlers.delete_policy = [&](const v1::DeletePolicyRequest&, google::protobuf::Empty*) {
    return ++calls < 2 ? gone : grpc::Status::OK;
  };
  const auto client = Connect();
  v1::DeletePolicyRequest forget;
  EXPECT_TRUE(absl::IsUnavailable(client->DeletePolicy(forget)));
  calls = 0;
  forget.set_allow_missing(true);
  EXPECT_TRUE(client->DeletePolicy(forget).ok());
  calls = 0;
  v1::DeleteCollectionRequest remove;
  EXPECT_TRUE(absl::IsUnavailable(client->DeleteCollection(remove)));
  calls = 0;
  remove.set_allow_missing(true);
  EXPECT_TRUE(client->DeleteCollection(remove).ok());
  calls = 0;
  v1::UpdateCollectionRequest update;
  EXPECT_TRUE(client->UpdateCollection(update).ok());
  calls = 0;
  update.mutable_collection()->set_etag("7");
  EXPECT_TRUE(absl::IsUnavailable(client->UpdateCollection(update).status()));
}

TEST_F(ClientTest, WaitForReadyFollowsTheHealthService) {
  const auto client = Connect();
  EXPECT_TRUE(client->WaitForReady(absl::Seconds(30)).ok());
  server_.SetServing(false);
  const absl::Status status = client->WaitForReady(absl::Milliseconds(50));
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(status.message(), HasSubstr("NOT_SERVING"));
}

TEST_F(ClientTest, WaitForReadySeesTheServerBecomeReady) {
  server_.SetServing(false);
  ClientOptions options;
  options.target = server_.target();
  options.environment.sleep = [this](absl::Duration) { server_.SetServing(true); };
  const auto client = Client::Create(std::move(options)).value();
  EXPECT_TRUE(client->WaitForReady(absl::Seconds(30)).ok());
}

TEST_F(ClientTest, ThreadsShareAClient) {
  server_.handlers.server_info = [](const v1::GetServerInfoRequest&, v1::ServerInfo* info) {
    info->set_version("1.2.3");
    return grpc::Status::OK;
  };
  const auto client = Connect();
  std::vector<int> answered(4);
  std::vector<std::thread> threads;
  for (int& count : answered) {
    threads.emplace_back([&client, &count] {
      for (int i = 0; i < 50; ++i) count += client->GetServerInfo({}).value().version() == "1.2.3";
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(answered, testing::Each(50));
}

TEST(ClientOptionsTest, UnreachableServerIsUnavailable) {
  ClientOptions options;
  options.target = "dns:///127.0.0.1:1";  // Nothing listens there.
  int waits = 0;
  options.environment.sleep = [&waits](absl::Duration) { ++waits; };
  const auto client = Client::Create(options).value();
  EXPECT_TRUE(absl::IsUnavailable(client->GetServerInfo({}).status()));
  EXPECT_EQ(waits, options.retry.max_attempts - 1);
}

TEST(ClientOptionsTest, BadOptionsAreRefused) {
  const auto code = [](const ClientOptions& options) {
    return Client::Create(options).status().code();
  };
  ClientOptions options;
  options.target = "";
  EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
  options = ClientOptions();
  options.deadline = absl::ZeroDuration();
  EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
  options = ClientOptions();
  options.retry.max_attempts = 0;
  EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
  options = ClientOptions();
  options.retry.max_backoff = absl::ZeroDuration();
  EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
  options = ClientOptions();
  options.security.tls.emplace().private_key = "a key without a certificate";
  EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
}

TEST(ClientOptionsTest, ATokenNeedsTlsAndIsNotRepeatedInErrors) {
  ClientOptions options;
  options.security.token = "ngt_a.secret";
  const absl::Status plain = Client::Create(options).status();
  EXPECT_EQ(plain.code(), absl::StatusCode::kInvalidArgument);
  options.security.tls.emplace();
  EXPECT_TRUE(Client::Create(options).ok());
  options.security.token = "ngt_a.secret\n";
  const absl::Status line_end = Client::Create(options).status();
  EXPECT_EQ(line_end.code(), absl::StatusCode::kInvalidArgument);
  for (const absl::Status& status : {plain, line_end}) {
    EXPECT_EQ(status.message().find("secret"), absl::string_view::npos) << status;
  }
}

}  // namespace
}  // namespace negatron::client
