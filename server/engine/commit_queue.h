// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_COMMIT_QUEUE_H_
#define NEGATRON_SERVER_ENGINE_COMMIT_QUEUE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "server/engine/collection_writer.h"
#include "server/engine/statistics.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/rocks/store.h"

namespace negatron {

// A write on its way to the log.
struct PendingWrite {
  int64_t size_bytes = 0;
  bool durable = false;    // Needs a synced log before it is acknowledged.
  bool exclusive = false;  // Commits alone, since others depend on its outcome.
  bool patient = false;    // Waits for room in the queue instead of being refused.

  // On the commit thread: checks and stages the write; returns the writer that
  // it touched, null for none (a replay, a deletion). On error it has changed
  // nothing.
  std::function<absl::StatusOr<CollectionWriter*>(const CommitSlot&)> stage;

  // Called once, when the outcome is certain; OK: committed and published.
  // On the commit thread, or on the caller's if the write is refused at once.
  std::function<void(absl::Status)> finish;
};

struct CommitQueueOptions {
  absl::Duration sync_interval;
  int64_t max_bytes;
  int max_writes;
  const Clock* clock;
};

// Group commit: one thread takes all writes that wait, stages them into one
// batch, appends it to the log, syncs the log and the receipt if one of them
// asks for it, publishes what they touched, and answers.
//
// A disk that takes no writes fails the group; later groups are refused until
// the store recovers, which each of them tries.
//
// Thread-safety: thread-safe.
class CommitQueue {
 public:
  // `store` must outlive this; only the commit thread writes to it.
  CommitQueue(Store* store, const CommitQueueOptions& options);
  ~CommitQueue();
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  // Takes a write, or finishes it at once with RESOURCE_EXHAUSTED (reason
  // WRITE_QUEUE_FULL, unless it is patient) or UNAVAILABLE (SHUTTING_DOWN).
  // Patient writes commit in the order in which they came. Who adds them bounds
  // their number.
  void Add(PendingWrite write);

  CommitStatistics Statistics() const;

  // Refuses further writes, commits those that wait, flushes the store.
  // Idempotent.
  void Stop();

 private:
  using Group = std::vector<PendingWrite>;

  void Run();
  Group TakeGroup();
  bool IsFull(int64_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Push(PendingWrite write) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Commit(Group group);
  absl::Status WriteBatch(StoreBatch& batch, int64_t last_sequence, bool durable);
  void SyncIfDue();
  void NoteSync(absl::Time start, const absl::Status& status);

  Store* const store_;
  const CommitQueueOptions options_;

  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<PendingWrite> queue_ ABSL_GUARDED_BY(mutex_);
  // Patient ones; empty unless `queue_` has some.
  std::deque<PendingWrite> waiting_ ABSL_GUARDED_BY(mutex_);
  int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  CommitStatistics counted_ ABSL_GUARDED_BY(mutex_);  // What is counted, not looked up.
  absl::Time pending_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // Oldest unsynced.

  // Confined to the commit thread.
  int64_t next_sequence_;
  bool unsynced_ = false;
  absl::Time unsynced_since_;
  StoreBatch batch_;

  std::thread thread_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_COMMIT_QUEUE_H_
