// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_ADMISSION_H_
#define NEGATRON_SERVER_RPC_ADMISSION_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "storage/base/mutex.h"

namespace negatron {

// Counts the calls in flight and the bytes of their messages, and refuses what would be too much.
// gRPC's own ResourceQuota is best effort.
//
// Thread-safety: thread-safe.
class Admission {
 public:
  // At most `max_bytes` of messages at once, responses that are not yet sent included. A single
  // call is always let in, whatever its size.
  explicit Admission(int64_t max_bytes);

  // Lets a call with a request of that size in; `Leave` must follow. Otherwise
  // RESOURCE_EXHAUSTED with a retry delay, or UNAVAILABLE after `Close`.
  absl::Status Enter(int64_t bytes);

  // Counts more bytes for a call that is in. Never refuses: the work is done already.
  void Grow(int64_t bytes);

  // A call is done; `bytes` is all that it entered and grew by.
  void Leave(int64_t bytes);

  // Lets nobody in any more.
  void Close();

  // Waits until nobody is in, at most for `timeout`. Whether nobody is in.
  bool WaitUntilEmpty(absl::Duration timeout);

  int64_t call_count() const;
  int64_t message_bytes() const;  // Of the calls that are in.

 private:
  const int64_t max_bytes_;
  mutable Mutex mutex_;
  CondVar empty_;
  int64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_ADMISSION_H_
