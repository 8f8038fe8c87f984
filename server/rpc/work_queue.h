// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_WORK_QUEUE_H_
#define NEGATRON_SERVER_RPC_WORK_QUEUE_H_

#include <map>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/rpc/fair_queue.h"
#include "storage/base/executor.h"
#include "storage/base/mutex.h"

namespace negatron {

// Gives an executor's threads to waiting calls in fair shares (see FairQueue), and refuses at once
// what would wait in vain or for too long: its caller can go elsewhere while there is time.
//
// What a call costs is expected by its method, a moving average of the time that a thread had it.
//
// Refusals: RESOURCE_EXHAUSTED, with the time after which to come again, and the reason
//   QUEUE_FULL: as many wait as may, and none of them belongs to a line that is longer by two;
//   DEADLINE_TOO_NEAR: those ahead will not be done in time;
//   WAIT_TOO_LONG: they will take more than `max_wait`.
// A thread that has nothing to do takes work whatever its deadline: expectations that are too high
// would otherwise never be put right.
//
// Thread-safety: thread-safe.
class WorkQueue {
 public:
  // At most `limit` >= 1 tasks wait. `executor` may be made after this object, must take as many
  // tasks, and must be stopped before this object goes.
  WorkQueue(int limit, absl::Duration max_wait, Executor* executor);

  // Takes the work, whose `cost` it sets, and will call either `run`, on a thread of the executor,
  // or `refuse`, on any, once it has given the place to another. Or says why not.
  absl::Status Add(QueuedWork work);

  int size() const;  // Tasks that wait.

 private:
  void RunNext();
  absl::Duration ExpectedWait(const QueueLine& line) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckWait(const QueuedWork& work, absl::Duration wait) const;

  const int limit_;
  const absl::Duration max_wait_;
  Executor* const executor_;
  mutable Mutex mutex_;
  FairQueue queue_ ABSL_GUARDED_BY(mutex_);
  std::map<absl::string_view, double> costs_ ABSL_GUARDED_BY(mutex_);  // Seconds, by method.
  std::multiset<double> expected_ends_ ABSL_GUARDED_BY(mutex_);        // Of what runs.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_WORK_QUEUE_H_
