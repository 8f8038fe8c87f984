// SPDX-License-Identifier: Apache-2.0
#include "storage/base/executor.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "storage/base/mutex.h"

namespace negatron {
namespace {

// Holds tasks back until it is opened.
class Gate {
 public:
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  void Pass() {
    MutexLock lock(mutex_);
    ++waiting_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mutex_);
  }
  // Opens when that many wait.
  void PassTogether(int count) {
    MutexLock lock(mutex_);
    open_ = ++waiting_ >= count;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mutex_);
  }
  void AwaitWaiting(int count) {
    MutexLock lock(mutex_);
    while (waiting_ < count) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(ExecutorTest, RunsEverythingItAccepted) {
  std::atomic<int> done{0};
  {
    Executor executor(3, 1000);
    EXPECT_EQ(executor.thread_count(), 3);
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(executor.TrySchedule([&] { ++done; }));
  }
  EXPECT_EQ(done, 500);
}

TEST(ExecutorTest, RunsAsManyTasksAtOnceAsItHasThreads) {
  Gate gate;
  Executor executor(4, 4);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(executor.TrySchedule([&] { gate.Pass(); }));
  }
  gate.AwaitWaiting(4);
  gate.Open();
}

TEST(ExecutorTest, RefusesWhenTheQueueIsFull) {
  Gate gate;
  std::atomic<int> done{0};
  Executor executor(1, 2);
  ASSERT_TRUE(executor.TrySchedule([&] { gate.Pass(); }));
  gate.AwaitWaiting(1);  // The thread is busy: what follows waits.
  EXPECT_TRUE(executor.TrySchedule([&] { ++done; }));
  EXPECT_TRUE(executor.TrySchedule([&] { ++done; }));
  EXPECT_FALSE(executor.TrySchedule([&] { ++done; }));
  gate.Open();
  executor.Stop();
  EXPECT_EQ(done, 2);
}

TEST(ExecutorTest, AcceptsNothingAfterStop) {
  Executor executor(1, 2);
  executor.Stop();
  executor.Stop();
  EXPECT_FALSE(executor.TrySchedule([] {}));
}

TEST(ExecutorTest, TakesTasksFromManyThreads) {
  std::atomic<int> accepted{0};
  std::atomic<int> done{0};
  {
    Executor executor(2, 16);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) accepted += executor.TrySchedule([&] { ++done; });
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(done, accepted);
  EXPECT_GE(accepted, 16);
}

TEST(ExecutorTest, KnowsWhetherAThreadIsIdle) {
  Gate gate;
  std::atomic<int> done{0};
  Executor executor(2, 8);
  while (executor.idle_count() < 2) std::this_thread::yield();
  ASSERT_TRUE(executor.TryRunIdle([&] { gate.Pass(); }));
  ASSERT_TRUE(executor.TryRunIdle([&] { gate.Pass(); }));
  EXPECT_EQ(executor.idle_count(), 0);
  EXPECT_FALSE(executor.TryRunIdle([&] { ++done; }));
  EXPECT_TRUE(executor.TrySchedule([&] { ++done; }));
  EXPECT_EQ(executor.idle_count(), 0);
  gate.Open();
  executor.Stop();
  EXPECT_EQ(done, 1);
  EXPECT_FALSE(executor.TryRunIdle([] {}));
}

TEST(RunPartsTest, RunsEachPartOnce) {
  Executor executor(3, 8);
  for (int repeat = 0; repeat < 500; ++repeat) {
    std::vector<std::atomic<int>> runs(7);
    RunParts(&executor, 7, [&](int part) { ++runs[part]; });
    for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
  }
}

TEST(RunPartsTest, IdleThreadsHelp) {
  Gate gate;
  Executor executor(2, 8);
  while (executor.idle_count() < 2) std::this_thread::yield();
  // Each part waits until all have begun.
  RunParts(&executor, 3, [&](int) { gate.PassTogether(3); });
}

// All threads are at work, among them the caller: it does everything itself.
TEST(RunPartsTest, EndsThoughNobodyHelps) {
  Executor executor(1, 8);
  std::atomic<int> done{0};
  std::atomic<bool> ended{false};
  ASSERT_TRUE(executor.TrySchedule([&] {
    RunParts(&executor, 5, [&](int) { ++done; });
    ended = true;
  }));
  executor.Stop();
  EXPECT_TRUE(ended);
  EXPECT_EQ(done, 5);
}

}  // namespace
}  // namespace negatron
