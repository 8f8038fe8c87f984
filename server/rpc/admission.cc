// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/admission.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "storage/base/status.h"

namespace negatron {

Admission::Admission(int64_t max_bytes) : max_bytes_(max_bytes) {}

absl::Status Admission::Enter(int64_t bytes) {
  MutexLock lock(mutex_);
  if (closed_) {
    return WithReason(absl::UnavailableError("the server is shutting down"), "SHUTTING_DOWN");
  }
  if (calls_ > 0 && bytes_ + bytes > max_bytes_) {
    return WithRetryDelay(
        WithReason(absl::ResourceExhaustedError(absl::StrCat(
                       "the messages of the calls in flight have ", bytes_, " bytes; with the ",
                       bytes, " of this one they would pass the limit of ", max_bytes_)),
                   "TOO_MANY_BYTES_IN_FLIGHT"),
        absl::Milliseconds(100));
  }
  ++calls_;
  bytes_ += bytes;
  return absl::OkStatus();
}

void Admission::Grow(int64_t bytes) {
  MutexLock lock(mutex_);
  bytes_ += bytes;
}

void Admission::Leave(int64_t bytes) {
  MutexLock lock(mutex_);
  bytes_ -= bytes;
  // Under the lock: a waiter may destroy this object as soon as it sees 0.
  if (--calls_ == 0) empty_.NotifyAll();
}

void Admission::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
}

bool Admission::WaitUntilEmpty(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(mutex_);
  while (calls_ > 0) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    empty_.WaitFor(mutex_, left);
  }
  return true;
}

int64_t Admission::call_count() const {
  MutexLock lock(mutex_);
  return calls_;
}

int64_t Admission::message_bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace negatron
