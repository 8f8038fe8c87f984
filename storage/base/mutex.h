// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_MUTEX_H_
#define NEGATRON_STORAGE_BASE_MUTEX_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

namespace negatron {

// `std::mutex` with annotations for Clang's thread-safety analysis. Not
// `absl::Mutex`: Debian's Abseil is not instrumented for ThreadSanitizer.
//
// Thread-safety: thread-safe.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex while in scope.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Condition variable for Mutex. Waits may wake without cause: loop on the
// condition.
//
// Thread-safety: thread-safe.
class CondVar {
 public:
  void Wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // Waits for at most `timeout`, which may be infinite.
  void WaitFor(Mutex& mutex, absl::Duration timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    // The sum of a longer one and the time of day overflows.
    timeout = std::min(timeout, absl::Hours(24));
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    // Not wait_for: GCC 12 maps it to a call that ThreadSanitizer does not know.
    condition_.wait_until(lock,
                          std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
    lock.release();
  }

  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_MUTEX_H_
