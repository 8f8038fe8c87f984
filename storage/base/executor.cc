// SPDX-License-Identifier: Apache-2.0
#include "storage/base/executor.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace negatron {
namespace {

// Parts of a piece of work, which several threads take.
class Parts {
 public:
  Parts(int count, absl::FunctionRef<void(int)> work) : count_(count), work_(work) {}

  // Does parts until all are taken. Later than that it touches nothing of the caller's.
  void Take() {
    int done = 0;
    for (int part = next_++; part < count_; part = next_++, ++done) work_(part);
    if (done == 0) return;
    MutexLock lock(mutex_);
    done_ += done;
    if (done_ == count_) all_done_.NotifyAll();
  }

  void Wait() {
    MutexLock lock(mutex_);
    while (done_ < count_) all_done_.Wait(mutex_);
  }

 private:
  const int count_;
  const absl::FunctionRef<void(int)> work_;
  std::atomic<int> next_{0};
  Mutex mutex_;
  CondVar all_done_;
  int done_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

Executor::Executor(int thread_count, int queue_limit)
    : thread_count_(thread_count), queue_limit_(static_cast<size_t>(queue_limit)) {
  threads_.reserve(thread_count);
  for (int i = 0; i < thread_count; ++i) threads_.emplace_back([this] { Work(); });
}

Executor::~Executor() { Stop(); }

bool Executor::TrySchedule(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || queue_.size() >= queue_limit_) return false;
    queue_.push_back(std::move(task));
  }
  wake_.NotifyOne();
  return true;
}

bool Executor::TryRunIdle(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || IdleCount() == 0) return false;
    queue_.push_back(std::move(task));
  }
  wake_.NotifyOne();
  return true;
}

int Executor::idle_count() const {
  MutexLock lock(mutex_);
  return IdleCount();
}

int Executor::queue_length() const {
  MutexLock lock(mutex_);
  return static_cast<int>(queue_.size());
}

// Those that wait and have not woken up yet for a task that is there.
int Executor::IdleCount() const { return std::max(0, waiting_ - static_cast<int>(queue_.size())); }

void Executor::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Executor::Work() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) {
        ++waiting_;
        wake_.Wait(mutex_);
        --waiting_;
      }
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

void RunParts(Executor* executor, int part_count, absl::FunctionRef<void(int)> work) {
  const auto parts = std::make_shared<Parts>(part_count, work);
  for (int helpers = 1; helpers < part_count; ++helpers) {
    if (!executor->TryRunIdle([parts] { parts->Take(); })) break;
  }
  parts->Take();
  parts->Wait();
}

}  // namespace negatron
