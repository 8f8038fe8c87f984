// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/work_queue.h"

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>

#include "storage/base/mutex.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Work that nobody else would wait for.
QueuedWork Task(absl::string_view method, std::function<void()> run) {
  return {.method = method, .line = {}, .run = std::move(run), .refuse = nullptr};
}

// A queue of one thread, which can be held.
class WorkQueueTest : public testing::Test {
 protected:
  explicit WorkQueueTest(int limit = 4, absl::Duration max_wait = absl::Seconds(1))
      : queue_(limit, max_wait, &executor_), executor_(1, limit + 1) {}
  ~WorkQueueTest() override { Release(); }

  QueuedWork Work(const std::string& name, const std::string& collection = "a",
                  absl::Time deadline = absl::InfiniteFuture()) {
    return {.method = "m",
            .line = {collection, false},
            .deadline = deadline,
            .run = [this, name] { Note(name); },
            .refuse =
                [this, name](const absl::Status& status) {
                  Note(absl::StrCat(name, " ", ReasonOf(status).value_or("")));
                }};
  }

  // Keeps the thread, and what comes later waiting.
  void Hold() {
    ASSERT_TRUE(queue_.Add(Task("hold", [this] { Keep(); })).ok());
    MutexLock lock(mutex_);
    while (!held_) changed_.Wait(mutex_);
  }
  void Release() {
    MutexLock lock(mutex_);
    released_ = true;
    changed_.NotifyAll();
  }
  // Has the method `m` cost as much.
  void Teach(absl::Duration cost) {
    ASSERT_TRUE(queue_.Add(Task("m", [cost] { absl::SleepFor(cost); })).ok());
    ASSERT_TRUE(queue_.Add(Work("taught")).ok());
    Wait(1);
    MutexLock lock(mutex_);
    notes_.clear();
  }
  // What was run and refused so far; waits for `count`.
  std::vector<std::string> Wait(size_t count) {
    MutexLock lock(mutex_);
    while (notes_.size() < count) changed_.Wait(mutex_);
    return notes_;
  }

  void Note(const std::string& what) {
    MutexLock lock(mutex_);
    notes_.push_back(what);
    changed_.NotifyAll();
  }

 private:
  void Keep() {
    MutexLock lock(mutex_);
    held_ = true;
    changed_.NotifyAll();
    while (!released_) changed_.Wait(mutex_);
  }

  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);

 protected:
  WorkQueue queue_;
  Executor executor_;
};

TEST_F(WorkQueueTest, AFullQueueGivesPlacesToShorterLines) {
  Hold();
  for (const char* name : {"1", "2", "3", "4"}) ASSERT_TRUE(queue_.Add(Work(name)).ok());
  const absl::Status refused = queue_.Add(Work("5"));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), "QUEUE_FULL");
  EXPECT_GT(RetryDelayOf(refused).value_or(absl::ZeroDuration()), absl::ZeroDuration());
  EXPECT_TRUE(queue_.Add(Work("other", "b")).ok());
  EXPECT_THAT(Wait(1), testing::ElementsAre("4 QUEUE_FULL"));
  EXPECT_EQ(queue_.size(), 4);
  Release();
  // "4" was refused and is not run as well; the others are.
  executor_.Stop();
  EXPECT_THAT(Wait(5), testing::UnorderedElementsAre("4 QUEUE_FULL", "1", "2", "3", "other"));
}

TEST_F(WorkQueueTest, RefusesWhatCannotBeDoneInTime) {
  Teach(absl::Milliseconds(40));
  Hold();
  ASSERT_TRUE(queue_.Add(Work("first")).ok());
  const absl::Status refused = queue_.Add(Work("late", "a", absl::Now() + absl::Milliseconds(5)));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), "DEADLINE_TOO_NEAR");
  // About when what is ahead will be done; the call after the slow one lowered the average.
  EXPECT_GE(RetryDelayOf(refused).value_or(absl::ZeroDuration()), absl::Milliseconds(10));
  EXPECT_LE(RetryDelayOf(refused).value_or(absl::ZeroDuration()), absl::Milliseconds(100));
  EXPECT_TRUE(queue_.Add(Work("patient", "a", absl::Now() + absl::Minutes(10))).ok());
  // In another line nothing is ahead of it.
  EXPECT_TRUE(queue_.Add(Work("other", "b", absl::Now() + absl::Minutes(10))).ok());
}

TEST_F(WorkQueueTest, AFreeThreadTakesWorkWhateverItsDeadline) {
  Teach(absl::Milliseconds(200));
  ASSERT_TRUE(queue_.Add(Work("hasty", "a", absl::Now() + absl::Milliseconds(1))).ok());
  EXPECT_THAT(Wait(1), testing::ElementsAre("hasty"));
}

class ShortWaitTest : public WorkQueueTest {
 protected:
  ShortWaitTest() : WorkQueueTest(100, absl::Milliseconds(100)) {}
};

TEST_F(ShortWaitTest, RefusesWhatWouldWaitTooLong) {
  Teach(absl::Milliseconds(60));
  Hold();
  int accepted = 0;
  absl::Status status = queue_.Add(Work("x"));
  while (status.ok() && accepted < 50) {
    ++accepted;
    status = queue_.Add(Work("x"));
  }
  EXPECT_EQ(ReasonOf(status), "WAIT_TOO_LONG");
  EXPECT_GE(accepted, 2);
  // Lines of others have a share of their own.
  EXPECT_TRUE(queue_.Add(Work("other", "b")).ok());
}

TEST(WorkQueueThreadsTest, RunsOrRefusesEverythingOnce) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  std::atomic<int> run = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> not_taken = 0;
  {
    // The executor is made before the queue that it serves: its address is all that is needed.
    struct Server {
      WorkQueue queue{8, absl::Seconds(1), &executor};
      Executor executor{3, 11};
    } server;
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kTasks; ++i) {
          const absl::Status status =
              server.queue.Add({.method = i % 2 == 0 ? "even" : "odd",
                                .line = {absl::StrCat("c", i % (thread + 1)), i % 3 == 0},
                                .run = [&run] { ++run; },
                                .refuse = [&refused](const absl::Status&) { ++refused; }});
          if (!status.ok()) ++not_taken;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    server.executor.Stop();
    EXPECT_EQ(server.queue.size(), 0);
    EXPECT_EQ(ReasonOf(server.queue.Add(Task("even", nullptr))), "QUEUE_FULL");
  }
  EXPECT_EQ(run + refused + not_taken, kThreads * kTasks);
  EXPECT_GT(run, 0);
}

}  // namespace
}  // namespace negatron
