// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/retry.h"

#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/request_id.h"
#include "proto/cc/status.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Time kStart = absl::UnixEpoch();

class RetryTest : public testing::Test {
 protected:
  // Runs with the results in turn; the last one repeats.
  absl::Status Run(std::vector<absl::Status> results, absl::Duration timeout = absl::Hours(1)) {
    return RunWithRetries(options_, environment_, kStart + timeout, [&] {
      const size_t n = static_cast<size_t>(attempts_++);
      return n < results.size() ? results[n] : results.back();
    });
  }

  RetryOptions options_{
      .max_attempts = 5, .initial_backoff = absl::Seconds(1), .max_backoff = absl::Seconds(3)};
  absl::Time now_ = kStart;
  double random_ = 1.0;
  std::vector<absl::Duration> waits_;
  int attempts_ = 0;
  Environment environment_{.now = [this] { return now_; },
                           .sleep =
                               [this](absl::Duration wait) {
                                 waits_.push_back(wait);
                                 now_ += wait;
                               },
                           .random = [this] { return random_; }};
};

TEST_F(RetryTest, UnavailableIsRepeatedWithGrowingWaits) {
  const absl::Status gone = absl::UnavailableError("gone");
  EXPECT_TRUE(Run({gone, gone, gone, absl::OkStatus()}).ok());
  EXPECT_EQ(attempts_, 4);
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(1), absl::Seconds(2), absl::Seconds(3)));
}

TEST_F(RetryTest, JitterHalvesTheWaitAtMost) {
  random_ = 0;
  EXPECT_TRUE(Run({absl::UnavailableError("gone"), absl::OkStatus()}).ok());
  EXPECT_THAT(waits_, ElementsAre(absl::Milliseconds(500)));
}

TEST_F(RetryTest, StopsAfterMaxAttempts) {
  EXPECT_EQ(Run({absl::UnavailableError("gone")}), absl::UnavailableError("gone"));
  EXPECT_EQ(attempts_, 5);
}

TEST_F(RetryTest, NeverWaitsBeyondTheDeadline) {
  EXPECT_TRUE(absl::IsUnavailable(Run({absl::UnavailableError("gone")}, absl::Seconds(3))));
  EXPECT_EQ(attempts_, 2);
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(1)));
}

TEST_F(RetryTest, OtherErrorsAreNotRepeated) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kInvalidArgument, absl::StatusCode::kDeadlineExceeded,
        absl::StatusCode::kInternal, absl::StatusCode::kResourceExhausted,
        absl::StatusCode::kAborted, absl::StatusCode::kCancelled, absl::StatusCode::kUnknown}) {
    attempts_ = 0;
    EXPECT_EQ(Run({absl::Status(code, "no")}).code(), code);
    EXPECT_EQ(attempts_, 1);
  }
  EXPECT_THAT(waits_, IsEmpty());
}

TEST_F(RetryTest, ResourceExhaustedIsRepeatedAfterTheDelayThatItAsksFor) {
  absl::Status full = absl::ResourceExhaustedError("queue is full");
  SetRetryDelay(full, absl::Seconds(20));
  EXPECT_TRUE(Run({full, absl::OkStatus()}).ok());
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(20)));
}

TEST_F(RetryTest, ShortRetryDelayDoesNotShortenTheBackoff) {
  absl::Status full = absl::ResourceExhaustedError("queue is full");
  SetRetryDelay(full, absl::Milliseconds(1));
  EXPECT_TRUE(Run({full, absl::OkStatus()}).ok());
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(1)));
}

TEST(RequestIdTest, IsAUuidOfVersion4AndNew) {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = NewRequestId();
    ASSERT_THAT(id, testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                          "[0-9a-f]{12}"));
    ASSERT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace negatron::client
