// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_EXECUTOR_H_
#define NEGATRON_STORAGE_BASE_EXECUTOR_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"

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

  // Accepts nothing more, runs what was accepted, joins the threads.
  // Idempotent; must not be called by a task.
  void Stop();

  int thread_count() const { return thread_count_; }

 private:
  void Work();

  const int thread_count_;
  const size_t queue_limit_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_EXECUTOR_H_
