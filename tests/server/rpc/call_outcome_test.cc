// SPDX-License-Identifier: Apache-2.0
// What is told of calls, through a real server.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "storage/base/mutex.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class CallOutcomeTest : public testing::Test {
 protected:
  DispatcherOptions Options(absl::Duration slow_call) {
    DispatcherOptions options = RpcServer::DefaultOptions();
    options.slow_call = slow_call;
    options.observer = [this](const CallOutcome& outcome) {
      MutexLock lock(mutex_);
      outcomes_.push_back(outcome);
    };
    return options;
  }

  // The outcome of a sampling call of two rows, from the users of nobody.
  CallOutcome Sample(absl::Duration slow_call) {
    RpcServer server(Options(slow_call));
    v1::CreateCollectionRequest create;
    create.set_collection_id("c");
    create.mutable_collection();
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server.collections(), &v1::CollectionService::Stub::CreateCollection, create,
                       &collection)
                    .ok());
    v1::SampleNegativesRequest request;
    request.set_collection("collections/c");
    request.set_row_count(2);
    request.set_negative_count(3);
    request.mutable_policy()->add_components()->mutable_uniform();
    request.mutable_policy()->mutable_components(0)->set_share(1);
    v1::SampleNegativesResponse response;
    grpc::ClientContext context;
    context.AddMetadata("traceparent", kTraceparent);
    const grpc::Status status = server.sampling().SampleNegatives(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    request_bytes_ = static_cast<int64_t>(request.ByteSizeLong());
    response_bytes_ = static_cast<int64_t>(response.ByteSizeLong());
    MutexLock lock(mutex_);
    return outcomes_.back();
  }

  Mutex mutex_;
  std::vector<CallOutcome> outcomes_ ABSL_GUARDED_BY(mutex_);
  int64_t request_bytes_ = 0;
  int64_t response_bytes_ = 0;
};

TEST_F(CallOutcomeTest, TellsSizesTimesAndThePlanOfASlowCall) {
  const CallOutcome outcome = Sample(absl::ZeroDuration());
  EXPECT_EQ(outcome.method, "SamplingService/SampleNegatives");
  EXPECT_TRUE(outcome.begun);
  EXPECT_FALSE(outcome.is_stream);
  EXPECT_EQ(outcome.request_bytes, request_bytes_);
  EXPECT_EQ(outcome.response_bytes, response_bytes_);
  EXPECT_EQ(outcome.traceparent, kTraceparent);
  EXPECT_EQ(outcome.sample.collection, "c");
  EXPECT_EQ(outcome.sample.row_count, 2);
  EXPECT_EQ(outcome.sample.negative_count, 3);
  EXPECT_EQ(outcome.sample.plan, "uniform:1");
  EXPECT_GT(outcome.queue_time, absl::ZeroDuration());
  EXPECT_GT(outcome.encode_time, absl::ZeroDuration());
  EXPECT_LE(outcome.queue_time + outcome.sample.resolve_time + outcome.sample.draw_time +
                outcome.encode_time,
            outcome.duration + absl::Microseconds(2));  // Stages are in whole microseconds.
}

TEST_F(CallOutcomeTest, SparesThePlanOfAFastCall) {
  const CallOutcome outcome = Sample(absl::Hours(1));
  EXPECT_EQ(outcome.sample.row_count, 2);
  EXPECT_EQ(outcome.sample.plan, "");
}

TEST_F(CallOutcomeTest, ACallThatIsRefusedHasNotBegun) {
  RpcServer server(Options(absl::Seconds(1)), /*recovered=*/false);
  v1::GetCollectionRequest request;
  request.set_name("collections/c");
  v1::Collection collection;
  EXPECT_EQ(Invoke(server.collections(), &v1::CollectionService::Stub::GetCollection, request,
                   &collection)
                .code(),
            absl::StatusCode::kUnavailable);
  const CallTotals totals = server.services().dispatcher().ReadStatistics();
  EXPECT_THAT(totals.shed, testing::ElementsAre(testing::Pair("RECOVERING", 1)));
  EXPECT_EQ(totals.calls.size(), 1u);
}

}  // namespace
}  // namespace negatron
