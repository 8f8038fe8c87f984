// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_CALL_LOG_H_
#define NEGATRON_SERVER_APP_CALL_LOG_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "server/app/logging.h"
#include "server/rpc/call_outcome.h"
#include "storage/base/mutex.h"

namespace negatron {

// Allows so many events a second in the long run, and bursts.
//
// Thread-safety: thread-compatible.
class RateLimit {
 public:
  // Both positive.
  RateLimit(double per_second, double burst)
      : per_second_(per_second), burst_(burst), allowance_(burst) {}

  bool Allow(absl::Time now);

 private:
  const double per_second_;
  const double burst_;
  double allowance_;
  absl::Time last_ = absl::InfinitePast();
};

// Logs calls: slow ones as warnings, with where their time went and what they drew by, at a bounded
// rate; all at the level of debugging. Logs counts and names that administrators gave, never ids,
// vectors or metadata, `traceparent` apart. Streams are not slow, however long they are.
//
// Thread-safety: thread-safe.
class CallLog {
 public:
  // `log` must outlive this.
  CallLog(absl::Duration slow_call, Log* log) : slow_call_(slow_call), log_(log) {}

  void Write(const CallOutcome& outcome, absl::Time now);

 private:
  void WriteSlow(const CallOutcome& outcome, absl::Time now);

  const absl::Duration slow_call_;
  Log* const log_;
  Mutex mutex_;
  RateLimit limit_ ABSL_GUARDED_BY(mutex_) = RateLimit(1, 20);
  int64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;  // Since the last line.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_CALL_LOG_H_
