// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call_statistics.h"

#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "server/rpc/sampling_note.h"
#include "server/rpc/trace_context.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

int64_t CountOf(const Histogram& histogram) {
  return std::accumulate(histogram.counts().begin(), histogram.counts().end(), int64_t{0});
}

CallOutcome Outcome(absl::string_view method, absl::Status status, absl::Duration duration) {
  return {method, std::move(status), duration};
}

TEST(CallStatisticsTest, CountsByMethodAndCode) {
  CallStatistics statistics;
  CallOutcome good = Outcome("S/A", absl::OkStatus(), absl::Milliseconds(2));
  good.request_bytes = 100;
  good.response_bytes = 5000;
  good.queue_time = absl::Milliseconds(1);
  statistics.Count(good);
  statistics.Count(good);
  statistics.Count(Outcome("S/A", absl::NotFoundError("x"), absl::Milliseconds(3)));
  statistics.Count(Outcome("S/B", absl::OkStatus(), absl::Milliseconds(4)));
  const CallTotals totals = statistics.Read();
  ASSERT_EQ(totals.calls.size(), 3u);
  const CallSeries& series = totals.calls.at({"S/A", absl::StatusCode::kOk});
  EXPECT_EQ(CountOf(series.seconds), 2);
  EXPECT_NEAR(series.seconds.sum(), 0.004, 1e-12);
  EXPECT_EQ(series.request_bytes.sum(), 200);
  EXPECT_EQ(series.response_bytes.sum(), 10000);
  EXPECT_EQ(CountOf(totals.calls.at({"S/A", absl::StatusCode::kNotFound}).seconds), 1);
  EXPECT_EQ(CountOf(totals.queue_seconds), 4);
  EXPECT_NEAR(totals.queue_seconds.sum(), 0.002, 1e-12);
  EXPECT_THAT(totals.shed, IsEmpty());
}

TEST(CallStatisticsTest, ShedCallsAreThoseThatTheServerDidNotBegin) {
  CallStatistics statistics;
  const auto count = [&](absl::Status status, bool begun) {
    CallOutcome outcome = Outcome("S/A", std::move(status), absl::ZeroDuration());
    outcome.begun = begun;
    statistics.Count(outcome);
  };
  count(WithReason(absl::ResourceExhaustedError("x"), "QUEUE_FULL"), false);
  count(WithReason(absl::ResourceExhaustedError("x"), "QUEUE_FULL"), false);
  count(WithReason(absl::UnavailableError("x"), "RECOVERING"), false);
  count(absl::DeadlineExceededError("x"), false);
  count(absl::UnauthenticatedError("x"), false);  // Not for want of capacity.
  count(WithReason(absl::ResourceExhaustedError("x"), "COLLECTION_FULL"), true);
  EXPECT_THAT(statistics.Read().shed, ElementsAre(Pair("DEADLINE_PASSED_IN_QUEUE", 1),
                                                  Pair("QUEUE_FULL", 2), Pair("RECOVERING", 1)));
}

TEST(CallStatisticsTest, StreamsDoNotCountAsWaiting) {
  CallStatistics statistics;
  CallOutcome stream = Outcome("S/A", absl::OkStatus(), absl::Seconds(100));
  stream.is_stream = true;
  statistics.Count(stream);
  EXPECT_EQ(CountOf(statistics.Read().queue_seconds), 0);
}

TEST(CallStatisticsTest, LosesNothingOfThreadsThatCountAtOnce) {
  CallStatistics statistics;
  std::vector<std::thread> threads;
  threads.reserve(20);
  for (int t = 0; t < 20; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        statistics.Count(Outcome("S/A", absl::OkStatus(), absl::Milliseconds(1)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(CountOf(statistics.Read().calls.at({"S/A", absl::StatusCode::kOk}).seconds), 20000);
}

// The example of the recommendation.
constexpr char kGood[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContextTest, TakesWhatIsValid) {
  EXPECT_EQ(ReadTraceparent(kGood), kGood);
  const std::string later = "cc" + std::string(kGood).substr(2);
  EXPECT_EQ(ReadTraceparent(later), later);
  EXPECT_EQ(ReadTraceparent(later + "-what-comes-later"), later);
}

TEST(TraceContextTest, IgnoresWhatIsNot) {
  const std::string good = kGood;
  const auto with = [&](size_t at, const std::string& text) {
    return std::string(good).replace(at, text.size(), text);
  };
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "-x", good + "0", with(0, "ff"), with(0, "0G"),
        with(2, "_"), with(35, "_"), with(52, "_"), with(3, "A"), with(3, std::string(32, '0')),
        with(36, std::string(16, '0')), with(53, "0x"), "cc" + good.substr(2) + "x"}) {
    EXPECT_EQ(ReadTraceparent(bad), "") << bad;
  }
}

TEST(SamplingNoteTest, DescribesThePlan) {
  SampleRequest request;
  request.policy.components.resize(2);
  request.policy.components[0].source = UniformSource();
  request.policy.components[0].share = 0.5;
  request.policy.components[1].source = PopularitySource();
  request.policy.components[1].share = 2;
  EXPECT_EQ(DescribePlan(request), "uniform:0.5+popularity:2");
  request.policy.fallback = request.policy.components[0];
  EXPECT_EQ(DescribePlan(request), "uniform:0.5+popularity:2,fallback:uniform");
  request.policy_name = "hard";
  EXPECT_EQ(DescribePlan(request), "policies/hard");
  request.policy_version = 3;
  EXPECT_EQ(DescribePlan(request), "policies/hard@3");
}

TEST(SamplingNoteTest, MakesThePlanOnlyIfAsked) {
  SampleRequest request;
  request.row_count = 7;
  request.negative_count = 5;
  request.policy_name = "hard";
  EXPECT_EQ(NoteOf("c", request, {3, 4}, /*with_plan=*/false).plan, "");
  const SampleNote note = NoteOf("c", request, {3, 4}, /*with_plan=*/true);
  EXPECT_EQ(note.plan, "policies/hard");
  EXPECT_EQ(note.collection, "c");
  EXPECT_EQ(note.row_count, 7);
  EXPECT_EQ(note.negative_count, 5);
  EXPECT_EQ(note.resolve_time, absl::Microseconds(3));
  EXPECT_EQ(note.draw_time, absl::Microseconds(4));
}

}  // namespace
}  // namespace negatron
