// SPDX-License-Identifier: Apache-2.0
#include "client/cli/progress.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace negatron::client {
namespace {

class ProgressTest : public testing::Test {
 protected:
  Progress::Options Options(bool terminal) {
    return Progress::Options{
        .stream = &stream_, .terminal = terminal, .unit = "events", .total = 1'000, .now = [this] {
          return now_;
        }};
  }

  std::ostringstream stream_;
  absl::Time now_ = absl::UnixEpoch();
};

TEST_F(ProgressTest, PlainLineEachFiveSeconds) {
  Progress progress(Options(false));
  now_ += absl::Seconds(4);
  progress.Update(100, 400);
  EXPECT_EQ(stream_.str(), "");
  now_ += absl::Seconds(6);
  progress.Update(250, 1'000);
  EXPECT_EQ(stream_.str(), "1,000 events, 100/s, 25%, 0:30 left\n");
  now_ += absl::Seconds(1);
  progress.Update(300, 1'200);
  progress.Finish();
  EXPECT_EQ(stream_.str(), "1,000 events, 100/s, 25%, 0:30 left\n");
}

TEST_F(ProgressTest, RateAndTimeLeftCountFromWhereTheWorkStarted) {
  Progress progress(Options(false));
  now_ += absl::Seconds(1);
  progress.StartAt(500, 5'000);
  now_ += absl::Seconds(10);
  progress.Update(600, 6'000);
  EXPECT_EQ(stream_.str(), "6,000 events, 100/s, 60%, 0:40 left\n");
}

TEST_F(ProgressTest, BarIsDrawnAgainInItsLineAndTakenAway) {
  {
    Progress progress(Options(true));
    now_ += absl::Seconds(1);
    progress.Update(500, 50);
    progress.Update(501, 51);
    EXPECT_EQ(stream_.str(),
              "\r\x1B[K[###############...............] 50 events, 50/s, 50%, 0:01 left");
  }
  EXPECT_THAT(stream_.str(), testing::EndsWith("left\r\x1B[K"));
}

TEST_F(ProgressTest, NothingToTakeAwayIfNothingWasDrawn) {
  { Progress progress(Options(true)); }
  EXPECT_EQ(stream_.str(), "");
}

}  // namespace
}  // namespace negatron::client
