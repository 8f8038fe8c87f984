// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_EXECUTOR_H_
#define NEGATRON_STORAGE_BASE_EXECUTOR_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"

#include "storage/base/mutex.h"

namespace negatron {

// Runs tasks on a fixed number of threads, behind a queue of bounded length.
//
// Thread-safety: thread-safe.
class Executor {
 public:
  // `thread_count` >= 1; at most `queue_limit` >= 1 tasks wait.
  Executor(int thread_count, int queue_limit);
  // Runs what was accepted, then stops.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Takes the task, or returns false if the queue is full or `Stop` was called.
  bool TrySchedule(std::function<void()> task);

  // Takes the task only if a thread has nothing to do, and will run it at once.
  bool TryRunIdle(std::function<void()> task);

  // How many threads have nothing to do.
  int idle_count() const;

  int queue_length() const;  // Tasks that wait.

  // Accepts nothing more, runs what was accepted, joins the threads.
  // Idempotent; must not be called by a task.
  void Stop();

  int thread_count() const { return thread_count_; }

 private:
  void Work();
  int IdleCount() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int thread_count_;
  const size_t queue_limit_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;  // Threads.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// Calls work(0) to work(part_count - 1), each once, and returns when all have returned: on this
// thread, which may be one of the executor, and on those of it that have nothing to do. Waits for
// none that has not begun a part, so that it ends however busy the others are.
void RunParts(Executor* executor, int part_count, absl::FunctionRef<void(int part)> work);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_EXECUTOR_H_
