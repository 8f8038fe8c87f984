// SPDX-License-Identifier: Apache-2.0
// The real binary: start, health, reflection, shutdown, exit codes.
#include <atomic>
#include <fstream>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "negatron/v1/collections.grpc.pb.h"
#include "negatron/v1/inspection.grpc.pb.h"
#include "negatron/v1/pool.grpc.pb.h"
#include "negatron/wire/status.pb.h"
#include "proto/cc/columns.h"
#include "proto/cc/status.h"
#include "tests/integration/process.h"
#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

using testing::HasSubstr;
using testing::Not;

class LifecycleTest : public testing::Test {
 protected:
  CommandResult Run(std::vector<std::string> flags) {
    flags.insert(flags.begin(), NEGATROND);
    return RunCommand(flags, folder_.path());
  }

  TempFolder folder_;
};

TEST_F(LifecycleTest, TurnsServingAndStopsCleanly) {
  ServerProcess server(folder_.path());
  ASSERT_TRUE(server.WaitUntilServing()) << server.process().output();
  const std::string listen = absl::StrCat("--listen=127.0.0.1:", server.port());
  EXPECT_EQ(Run({"--healthcheck", listen}).status, 0);
  // As the container asks: with the flags of the server itself.
  EXPECT_EQ(Run({"--healthcheck", "--insecure", "--listen=0.0.0.0:0",
                 "--port-file=" + folder_.path() + "/port"})
                .status,
            0);
  server.process().Signal(SIGTERM);
  EXPECT_EQ(server.process().Wait(), 0) << server.process().output();
  EXPECT_THAT(server.process().output(), HasSubstr(" stopped"));
  EXPECT_EQ(Run({"--healthcheck", listen}).status, 1);
}

TEST_F(LifecycleTest, StopDuringTheStartIsClean) {
  // As soon as the port is bound: in recovery, or just after.
  ServerProcess server(folder_.path());
  ASSERT_NE(server.port(), 0) << server.process().output();
  server.process().Signal(SIGTERM);
  EXPECT_EQ(server.process().Wait(), 0) << server.process().output();
  ServerProcess again(folder_.path());
  EXPECT_TRUE(again.WaitUntilServing()) << again.process().output();
}

TEST_F(LifecycleTest, WatchersOfHealthLearnOfTheStopAndDoNotDelayIt) {
  ServerProcess server(folder_.path());
  ASSERT_TRUE(server.WaitUntilServing()) << server.process().output();
  grpc::TemplatedGenericStub<wire::HealthCheckRequest, wire::HealthCheckResponse> stub(
      server.channel());
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto next_is_ok = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, "/grpc.health.v1.Health/Watch", &queue);
  wire::HealthCheckRequest request;
  request.set_service("negatron.v1.SamplingService");
  wire::HealthCheckResponse response;
  call->StartCall(nullptr);
  ASSERT_TRUE(next_is_ok());
  call->Write(request, nullptr);
  ASSERT_TRUE(next_is_ok());
  call->Read(&response, nullptr);
  ASSERT_TRUE(next_is_ok());
  EXPECT_EQ(response.status(), wire::HealthCheckResponse::SERVING);
  server.process().Signal(SIGTERM);
  call->Read(&response, nullptr);
  ASSERT_TRUE(next_is_ok());
  EXPECT_EQ(response.status(), wire::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(server.process().Wait(), 0) << server.process().output();
  EXPECT_THAT(server.process().output(), Not(HasSubstr("drain_deadline_passed")));
  // The stream ends; its status comes only after all that it still holds is read.
  do {
    call->Read(&response, nullptr);
  } while (next_is_ok());
  grpc::Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(next_is_ok());
  EXPECT_FALSE(status.ok());
}

TEST_F(LifecycleTest, ReflectionListsTheServicesToAnotherProcess) {
  ServerProcess server(folder_.path());
  ASSERT_NE(server.port(), 0) << server.process().output();
  const CommandResult listed =
      RunCommand({REFLECTION_CLIENT, absl::StrCat("127.0.0.1:", server.port())}, folder_.path());
  EXPECT_EQ(listed.status, 0) << listed.output;
  for (const char* service :
       {"negatron.v1.CollectionService", "negatron.v1.PoolService", "negatron.v1.EmbeddingService",
        "negatron.v1.PolicyService", "negatron.v1.FeedbackService", "negatron.v1.SamplingService",
        "negatron.v1.InspectionService", "negatron.v1.AccountService", "negatron.v1.BackupService",
        "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}) {
    EXPECT_THAT(listed.output, HasSubstr(absl::StrCat(service, "\n")));
  }
}

TEST_F(LifecycleTest, StopUnderLoadKeepsWhatWasAcknowledged) {
  std::atomic<int64_t> acknowledged = 0;
  {
    ServerProcess server(folder_.path());
    ASSERT_TRUE(server.WaitUntilServing()) << server.process().output();
    v1::CreateCollectionRequest create;
    create.set_collection_id("films");
    create.mutable_collection()->set_missing_item_rule(v1::MISSING_ITEM_RULE_CREATE);
    v1::Collection collection;
    grpc::ClientContext context;
    ASSERT_TRUE(v1::CollectionService::NewStub(server.channel())
                    ->CreateCollection(&context, create, &collection)
                    .ok());
    std::vector<std::thread> writers;
    for (int w = 0; w < 4; ++w) {
      writers.emplace_back([&] {
        const auto stub = v1::PoolService::NewStub(server.channel());
        v1::BatchWriteEventsRequest events;
        events.set_collection("collections/films");
        const std::vector<int64_t> values(100, 1);
        WriteIds(values, v1::COLUMN_ENCODING_RAW, events.mutable_user_ids());
        WriteIds(values, v1::COLUMN_ENCODING_RAW, events.mutable_item_ids());
        WriteInt64s(values, v1::COLUMN_ENCODING_RAW, events.mutable_event_time_micros());
        grpc::Status status;
        while (status.ok()) {
          grpc::ClientContext write_context;
          v1::WriteReceipt receipt;
          status = stub->BatchWriteEvents(&write_context, events, &receipt);
          if (status.ok()) acknowledged += receipt.written_count();
        }
        // Refused, or cut by gRPC while it closes; never told something worse.
        EXPECT_THAT(status.error_code(),
                    testing::AnyOf(grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::CANCELLED))
            << status.error_message();
      });
    }
    while (acknowledged < 2000) std::this_thread::yield();
    server.process().Signal(SIGTERM);
    EXPECT_EQ(server.process().Wait(), 0) << server.process().output();
    for (std::thread& writer : writers) writer.join();
    EXPECT_THAT(server.process().output(), Not(HasSubstr("drain_deadline_passed")));
  }
  ServerProcess again(folder_.path());
  ASSERT_TRUE(again.WaitUntilServing()) << again.process().output();
  grpc::ClientContext context;
  v1::GetCollectionStatisticsRequest request;
  request.set_collection("collections/films");
  v1::CollectionStatistics statistics;
  ASSERT_TRUE(v1::InspectionService::NewStub(again.channel())
                  ->GetCollectionStatistics(&context, request, &statistics)
                  .ok());
  EXPECT_EQ(statistics.event_count(), acknowledged);
}

TEST_F(LifecycleTest, BadSettingsExitWithOne) {
  const CommandResult unknown = Run({"--nonsense"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.output, HasSubstr("nonsense"));
  EXPECT_EQ(Run({"--check-config"}).status, 0);
  EXPECT_EQ(Run({"--check-config", "--queue-limit=0"}).status, 1);
  EXPECT_THAT(Run({"--version"}).output, HasSubstr(NEGATRON_VERSION));
}

TEST_F(LifecycleTest, PrintedConfigNamesSourcesAndCanBeGivenBack) {
  const CommandResult printed = Run({"--print-config", "--queue-limit=77"});
  EXPECT_EQ(printed.status, 0);
  EXPECT_THAT(printed.output, HasSubstr("queue-limit = \"77\"  # flag\n"));
  EXPECT_THAT(printed.output, HasSubstr("  # default\n"));
  const std::string file = folder_.path() + "/negatron.toml";
  std::ofstream(file) << printed.output;
  const CommandResult again = Run({"--print-config", "--config", file});
  EXPECT_THAT(again.output, HasSubstr("queue-limit = \"77\"  # file\n"));
}

TEST_F(LifecycleTest, TakenPortExitsWithOne) {
  ServerProcess server(folder_.path());
  ASSERT_NE(server.port(), 0);
  const CommandResult second = Run({absl::StrCat("--listen=127.0.0.1:", server.port()),
                                    "--data-dir=" + folder_.path() + "/other"});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("bind_failed"));
}

TEST_F(LifecycleTest, DataFolderInUseExitsWithTwo) {
  ServerProcess server(folder_.path());
  ASSERT_TRUE(server.WaitUntilServing()) << server.process().output();
  const CommandResult second =
      Run({"--listen=127.0.0.1:0", "--data-dir=" + folder_.path() + "/data"});
  EXPECT_EQ(second.status, 2);
  EXPECT_THAT(second.output, HasSubstr("start_refused"));
}

TEST_F(LifecycleTest, LogsAreJsonOnDemand) {
  ServerProcess server(folder_.path(), {"--log-format=json"});
  ASSERT_TRUE(server.WaitUntilServing()) << server.process().output();
  server.process().Signal(SIGINT);
  EXPECT_EQ(server.process().Wait(), 0);
  EXPECT_THAT(server.process().output(), HasSubstr("\"event\":\"serving\",\"port\":"));
  EXPECT_THAT(server.process().output(), HasSubstr("\"event\":\"stopping\",\"signal\":\"SIGINT\""));
}

}  // namespace
}  // namespace negatron
