// SPDX-License-Identifier: Apache-2.0
#include "storage/base/mutex.h"

#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

TEST(MutexTest, ExcludesOtherThreads) {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        MutexLock lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4000);
}

TEST(CondVarTest, WakesWhoWaits) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread thread([&] {
    MutexLock lock(mutex);
    ready = true;
    changed.NotifyOne();
  });
  {
    MutexLock lock(mutex);
    while (!ready) changed.Wait(mutex);
  }
  thread.join();
  EXPECT_TRUE(ready);
}

TEST(CondVarTest, WaitForEverWaitsUntilItIsWoken) {
  Mutex mutex;
  CondVar changed;
  bool done = false;
  int wakes = 0;
  std::thread waiter([&] {
    MutexLock lock(mutex);
    while (!done) {
      changed.WaitFor(mutex, absl::InfiniteDuration());
      ++wakes;
    }
  });
  absl::SleepFor(absl::Milliseconds(100));
  {
    MutexLock lock(mutex);
    EXPECT_LE(wakes, 3) << "a wait that ends at once is no wait";
    done = true;
  }
  changed.NotifyAll();
  waiter.join();
}

TEST(CondVarTest, WaitForReturnsWithoutANotification) {
  Mutex mutex;
  CondVar never_notified;
  MutexLock lock(mutex);
  never_notified.WaitFor(mutex, absl::Milliseconds(1));
}

}  // namespace
}  // namespace negatron
