// SPDX-License-Identifier: Apache-2.0
#include "storage/base/cancellation.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

TEST(CancellationTest, IsOkUntilCancelled) {
  Cancellation cancellation;
  EXPECT_TRUE(cancellation.Check().ok());
  cancellation.Cancel();
  EXPECT_EQ(cancellation.Check().code(), absl::StatusCode::kCancelled);
}

TEST(CancellationTest, ReportsAPassedDeadline) {
  const Cancellation late(absl::Now() - absl::Seconds(1));
  EXPECT_EQ(late.Check().code(), absl::StatusCode::kDeadlineExceeded);
  const Cancellation early(absl::Now() + absl::Hours(1));
  EXPECT_TRUE(early.Check().ok());
}

TEST(CancellationTest, CancellationComesBeforeTheDeadline) {
  Cancellation cancellation(absl::InfinitePast());
  cancellation.Cancel();
  EXPECT_EQ(cancellation.Check().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace negatron
