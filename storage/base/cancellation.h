// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_CANCELLATION_H_
#define NEGATRON_STORAGE_BASE_CANCELLATION_H_

#include <atomic>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace negatron {

// Tells long work whether anybody still waits for it: the caller cancels, or
// the deadline passes. Work asks `Check()` at least once a millisecond.
//
// Thread-safety: thread-safe.
class Cancellation {
 public:
  explicit Cancellation(absl::Time deadline = absl::InfiniteFuture()) : deadline_(deadline) {}
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  // OK, CANCELLED or DEADLINE_EXCEEDED.
  absl::Status Check() const {
    if (cancelled_.load(std::memory_order_relaxed)) {
      return absl::CancelledError("the caller went away");
    }
    if (deadline_ != absl::InfiniteFuture() && absl::Now() >= deadline_) {
      return absl::DeadlineExceededError("the deadline passed before the work was done");
    }
    return absl::OkStatus();
  }

  absl::Time deadline() const { return deadline_; }

 private:
  const absl::Time deadline_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_CANCELLATION_H_
