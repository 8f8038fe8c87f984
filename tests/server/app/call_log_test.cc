// SPDX-License-Identifier: Apache-2.0
#include "server/app/call_log.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>

namespace negatron {
namespace {

using testing::HasSubstr;
using testing::Not;

const absl::Time kTime = absl::FromUnixSeconds(1000);

CallOutcome SlowCall() {
  CallOutcome outcome{"SamplingService/SampleNegatives", absl::OkStatus(), absl::Seconds(3)};
  outcome.queue_time = absl::Milliseconds(250);
  outcome.encode_time = absl::Milliseconds(500);
  outcome.request_bytes = 12;
  outcome.response_bytes = 34;
  outcome.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  outcome.sample = {"c", 7, 5, absl::Milliseconds(750), absl::Milliseconds(1500), "uniform:1"};
  return outcome;
}

// What `use` logs.
template <typename Use>
std::string Logged(LogLevel level, absl::Duration slow_call, Use use) {
  testing::internal::CaptureStderr();
  {
    Log log(level, LogFormat::kText);
    CallLog calls(slow_call, &log);
    use(calls);
  }
  return testing::internal::GetCapturedStderr();
}

TEST(CallLogTest, SlowCallsAreLoggedWithTheirStages) {
  const std::string text = Logged(LogLevel::kInfo, absl::Seconds(3),
                                  [](CallLog& calls) { calls.Write(SlowCall(), kTime); });
  EXPECT_THAT(text, HasSubstr("warning slow_call method=SamplingService/SampleNegatives code=OK "
                              "seconds=3 queue_seconds=0.25 resolve_seconds=0.75 draw_seconds=1.5 "
                              "encode_seconds=0.5 request_bytes=12 response_bytes=34 collection=c "
                              "rows=7 negatives=5 plan=uniform:1 "
                              "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 "
                              "left_out=0"));
}

TEST(CallLogTest, FastCallsAndStreamsAreNot) {
  const std::string text = Logged(LogLevel::kInfo, absl::Seconds(4), [](CallLog& calls) {
    calls.Write(SlowCall(), kTime);
    CallOutcome stream = SlowCall();
    stream.is_stream = true;
    stream.duration = absl::Hours(1);
    calls.Write(stream, kTime);
  });
  EXPECT_EQ(text, "");
}

TEST(CallLogTest, DebuggingLogsEveryCallWithItsTrace) {
  const std::string text = Logged(LogLevel::kDebug, absl::Seconds(4), [](CallLog& calls) {
    calls.Write(SlowCall(), kTime);
    CallOutcome failed = SlowCall();
    failed.status = absl::NotFoundError("no such thing");
    calls.Write(failed, kTime);
  });
  EXPECT_THAT(text, HasSubstr("debug call method="));
  EXPECT_THAT(text, HasSubstr("debug call_failed method="));
  EXPECT_THAT(text, HasSubstr("code=NOT_FOUND"));
  EXPECT_THAT(text, HasSubstr("traceparent=00-0af7651916cd43dd8448eb211c80319c"));
  EXPECT_THAT(text, Not(HasSubstr("slow_call")));
}

TEST(CallLogTest, LeavesOutWhatWouldBeTooMuchAndSaysSo) {
  const std::string text = Logged(LogLevel::kInfo, absl::Seconds(1), [](CallLog& calls) {
    for (int i = 0; i < 100; ++i) calls.Write(SlowCall(), kTime);
    calls.Write(SlowCall(), kTime + absl::Seconds(1));
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 21);
  EXPECT_THAT(text, HasSubstr("left_out=80\n"));
}

TEST(RateLimitTest, AllowsABurstThenTheRate) {
  RateLimit limit(2, 3);
  const auto allowed = [&](absl::Time now, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += limit.Allow(now) ? 1 : 0;
    return count;
  };
  EXPECT_EQ(allowed(kTime, 10), 3);
  EXPECT_EQ(allowed(kTime + absl::Milliseconds(500), 10), 1);
  EXPECT_EQ(allowed(kTime + absl::Milliseconds(400), 10), 0);  // The clock was set back.
  EXPECT_EQ(allowed(kTime + absl::Hours(1), 10), 3);
}

}  // namespace
}  // namespace negatron
