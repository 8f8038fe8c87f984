// SPDX-License-Identifier: Apache-2.0
// kill -9 in the middle of an import: what was acknowledged is there, nothing is invented, and
// repeating the whole import with the same request ids changes nothing.
#include <atomic>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "negatron/v1/collections.grpc.pb.h"
#include "negatron/v1/inspection.grpc.pb.h"
#include "negatron/v1/pool.grpc.pb.h"
#include "proto/cc/columns.h"
#include "tests/integration/process.h"
#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

constexpr int kBatches = 600;
constexpr int kRows = 50;
constexpr int kThreads = 4;

int64_t ItemOf(int batch, int row) { return int64_t{batch} * kRows + row; }

// What was acknowledged of a batch. Batch b writes items of its own, then events of user b on them,
// within the second b, so that every batch can be told apart.
struct Outcome {
  bool items = false;
  bool events = false;
};

v1::BatchWriteItemsRequest ItemsOf(int batch) {
  v1::BatchWriteItemsRequest request;
  request.set_collection("collections/films");
  request.set_request_id(absl::StrCat("items-", batch));
  std::vector<int64_t> ids;
  for (int row = 0; row < kRows; ++row) ids.push_back(ItemOf(batch, row));
  WriteIds(ids, v1::COLUMN_ENCODING_RAW, request.mutable_item_ids());
  return request;
}

v1::BatchWriteEventsRequest EventsOf(int batch) {
  v1::BatchWriteEventsRequest request;
  request.set_collection("collections/films");
  request.set_request_id(absl::StrCat("events-", batch));
  std::vector<int64_t> users, items, times;
  for (int row = 0; row < kRows; ++row) {
    users.push_back(batch);
    items.push_back(ItemOf(batch, row));
    times.push_back(int64_t{batch} * 1000000 + row);
  }
  WriteIds(users, v1::COLUMN_ENCODING_RAW, request.mutable_user_ids());
  WriteIds(items, v1::COLUMN_ENCODING_RAW, request.mutable_item_ids());
  WriteInt64s(times, v1::COLUMN_ENCODING_RAW, request.mutable_event_time_micros());
  return request;
}

// Imports all batches with several threads until a call fails; tells what was acknowledged.
// `progress` counts acknowledged calls.
std::vector<Outcome> Import(const std::shared_ptr<grpc::Channel>& channel,
                            std::atomic<int>* progress) {
  std::vector<Outcome> outcomes(kBatches);
  std::atomic<int> next = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      const auto stub = v1::PoolService::NewStub(channel);
      for (int batch = next++; batch < kBatches; batch = next++) {
        v1::WriteReceipt receipt;
        grpc::ClientContext items_context;
        outcomes[batch].items =
            stub->BatchWriteItems(&items_context, ItemsOf(batch), &receipt).ok();
        if (!outcomes[batch].items) return;
        ++*progress;
        grpc::ClientContext events_context;
        outcomes[batch].events =
            stub->BatchWriteEvents(&events_context, EventsOf(batch), &receipt).ok();
        if (!outcomes[batch].events) return;
        ++*progress;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

// Statistics as of the end of time, or as of a second.
v1::CollectionStatistics Statistics(ServerProcess& server, int64_t as_of_seconds = 4102444800) {
  grpc::ClientContext context;
  v1::GetCollectionStatisticsRequest request;
  request.set_collection("collections/films");
  request.mutable_as_of_time()->set_seconds(as_of_seconds);
  v1::CollectionStatistics statistics;
  const grpc::Status status = v1::InspectionService::NewStub(server.channel())
                                  ->GetCollectionStatistics(&context, request, &statistics);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return statistics;
}

// How many of the batch's items exist.
int CountItems(ServerProcess& server, int batch) {
  grpc::ClientContext context;
  v1::BatchGetItemsRequest request;
  request.set_collection("collections/films");
  *request.mutable_item_ids() = ItemsOf(batch).item_ids();
  v1::BatchGetItemsResponse response;
  const grpc::Status status =
      v1::PoolService::NewStub(server.channel())->BatchGetItems(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  const std::string& found = response.found().raw();
  return static_cast<int>(std::count(found.begin(), found.end(), '\1'));
}

// How many of the batch's events exist: those of its second.
int64_t CountEvents(ServerProcess& server, int batch) {
  return Statistics(server, batch + 1).past_event_count() -
         Statistics(server, batch).past_event_count();
}

void CreateFilms(ServerProcess& server) {
  v1::CreateCollectionRequest create;
  create.set_collection_id("films");
  v1::Collection collection;
  grpc::ClientContext context;
  const grpc::Status status = v1::CollectionService::NewStub(server.channel())
                                  ->CreateCollection(&context, create, &collection);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

TEST(CrashTest, KillDuringAnImportKeepsWhatWasAcknowledgedAndInventsNothing) {
  const TempFolder folder;
  std::vector<Outcome> outcomes;
  std::atomic<int> acknowledged = 0;
  {
    ServerProcess server(folder.path());
    ASSERT_TRUE(server.WaitUntilServing()) << server.process().output();
    CreateFilms(server);
    std::thread killer([&] {
      while (acknowledged < kBatches) std::this_thread::yield();
      server.process().Signal(SIGKILL);
    });
    outcomes = Import(server.channel(), &acknowledged);
    killer.join();
    EXPECT_EQ(server.process().Wait(), -SIGKILL);
  }
  ASSERT_LT(acknowledged, 2 * kBatches) << "the import ended before the kill";

  ServerProcess server(folder.path());
  ASSERT_TRUE(server.WaitUntilServing()) << server.process().output();
  int64_t items = 0;
  int64_t events = 0;
  for (int batch = 0; batch < kBatches; ++batch) {
    const int batch_items = CountItems(server, batch);
    const int64_t batch_events = CountEvents(server, batch);
    // Whole batches; those that were acknowledged for certain.
    EXPECT_THAT(batch_items, testing::AnyOf(0, kRows)) << batch;
    EXPECT_THAT(batch_events, testing::AnyOf(0, kRows)) << batch;
    EXPECT_TRUE(batch_items == kRows || !outcomes[batch].items) << batch;
    EXPECT_TRUE(batch_events == kRows || !outcomes[batch].events) << batch;
    items += batch_items;
    events += batch_events;
  }
  // Nothing but what the batches hold.
  EXPECT_EQ(Statistics(server).item_count(), items);
  EXPECT_EQ(Statistics(server).event_count(), events);
  EXPECT_EQ(Statistics(server).user_count(), events / kRows);

  // The import again, twice: the first time it completes, the second changes nothing.
  for (int round = 0; round < 2; ++round) {
    std::atomic<int> calls = 0;
    Import(server.channel(), &calls);
    EXPECT_EQ(calls, 2 * kBatches);
    EXPECT_EQ(Statistics(server).item_count(), kBatches * kRows);
    EXPECT_EQ(Statistics(server).event_count(), kBatches * kRows);
    EXPECT_EQ(Statistics(server).user_count(), kBatches);
    EXPECT_EQ(Statistics(server).event_mass(), kBatches * kRows);
  }
}

}  // namespace
}  // namespace negatron
