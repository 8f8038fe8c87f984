// SPDX-License-Identifier: Apache-2.0
#include "server/engine/round_thread.h"

#include <atomic>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

TEST(RoundThreadTest, DoesARoundWhenAskedAndWhenWoken) {
  std::atomic<int> rounds{0};
  absl::Notification woken;
  RoundThread thread(absl::InfiniteDuration(), [&] {
    if (++rounds == 3) woken.Notify();
  });
  thread.RunRound();
  EXPECT_EQ(rounds, 1);
  thread.RunRound();
  EXPECT_EQ(rounds, 2);
  thread.Wake();
  EXPECT_TRUE(woken.WaitForNotificationWithTimeout(absl::Seconds(60)));
}

TEST(RoundThreadTest, DoesRoundsByItself) {
  std::atomic<int> rounds{0};
  absl::Notification often;
  RoundThread thread(absl::Milliseconds(1), [&] {
    if (++rounds == 5) often.Notify();
  });
  EXPECT_TRUE(often.WaitForNotificationWithTimeout(absl::Seconds(60)));
}

TEST(RoundThreadTest, StopsInTheMiddleAndLetsWaitersGo) {
  absl::Notification started;
  RoundThread* self = nullptr;
  RoundThread thread(absl::InfiniteDuration(), [&] {
    started.Notify();
    while (!self->stopping()) absl::SleepFor(absl::Milliseconds(1));
  });
  self = &thread;
  std::thread waiter([&] { thread.RunRound(); });
  started.WaitForNotification();
  thread.Stop();
  waiter.join();
  thread.RunRound();  // Returns.
  thread.Stop();
}

}  // namespace
}  // namespace negatron
