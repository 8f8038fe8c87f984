// SPDX-License-Identifier: Apache-2.0
#include "server/engine/commit_queue.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

#include "storage/base/status.h"

namespace negatron {
namespace {

// Bounds of a group: memory of its batch, and how long its first write waits.
constexpr int64_t kMaxGroupBytes = 32 << 20;
constexpr size_t kMaxGroupWrites = 512;

// A start leaves out this many sequence numbers: writes that were applied but
// not yet synced may have been lost with the power, and their numbers, which
// snapshot tokens carry, must not come to name another state. More writes than
// this cannot wait for a sync.
constexpr int64_t kStartGap = 1 << 20;

constexpr absl::Duration kRetryWhenFull = absl::Milliseconds(50);

}  // namespace

CommitStatistics::CommitStatistics() : sync_seconds(kSecondsBounds) {}

CommitQueue::CommitQueue(Store* store, const CommitQueueOptions& options)
    : store_(store), options_(options), next_sequence_(store->last_sequence() + kStartGap) {
  thread_ = std::thread([this] { Run(); });
}

CommitQueue::~CommitQueue() { Stop(); }

void CommitQueue::Add(PendingWrite write) {
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    if (stopping_) {
      refused = WithReason(absl::UnavailableError("the server is shutting down"), "SHUTTING_DOWN");
    } else if (write.patient && (!waiting_.empty() || IsFull(write.size_bytes))) {
      waiting_.push_back(std::move(write));
      return;
    } else if (IsFull(write.size_bytes)) {
      ++counted_.refused_count;
      refused = WithRetryDelay(
          WithReason(absl::ResourceExhaustedError("too many writes wait for the disk; try later"),
                     "WRITE_QUEUE_FULL"),
          kRetryWhenFull);
    } else {
      Push(std::move(write));
      wake_.NotifyOne();
      return;
    }
  }
  write.finish(refused);
}

bool CommitQueue::IsFull(int64_t bytes) const {
  return !queue_.empty() && (queue_.size() >= static_cast<size_t>(options_.max_writes) ||
                             queued_bytes_ + bytes > options_.max_bytes);
}

void CommitQueue::Push(PendingWrite write) {
  queued_bytes_ += write.size_bytes;
  queue_.push_back(std::move(write));
}

void CommitQueue::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

// Waits for writes; returns none when a sync is due or the queue has stopped.
CommitQueue::Group CommitQueue::TakeGroup() {
  Group group;
  int64_t bytes = 0;
  MutexLock lock(mutex_);
  while (queue_.empty() && !stopping_) {
    if (!unsynced_) {
      wake_.Wait(mutex_);
      continue;
    }
    const absl::Duration left = unsynced_since_ + options_.sync_interval - absl::Now();
    if (left <= absl::ZeroDuration()) break;
    wake_.WaitFor(mutex_, left);
  }
  while (!queue_.empty() && bytes < kMaxGroupBytes && group.size() < kMaxGroupWrites) {
    if (queue_.front().exclusive && !group.empty()) break;
    bytes += queue_.front().size_bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (group.back().exclusive) break;
  }
  queued_bytes_ -= bytes;
  while (!waiting_.empty() && !IsFull(waiting_.front().size_bytes)) {
    Push(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return group;
}

void CommitQueue::Run() {
  while (true) {
    Group group = TakeGroup();
    if (!group.empty()) {
      Commit(std::move(group));
      SyncIfDue();
      continue;
    }
    SyncIfDue();
    MutexLock lock(mutex_);
    if (stopping_ && queue_.empty()) break;
  }
  // What was appended is durable or, if the disk fails, was only APPLIED.
  (void)store_->Flush();
}

void CommitQueue::SyncIfDue() {
  if (!unsynced_ || absl::Now() < unsynced_since_ + options_.sync_interval) return;
  // On failure the next group tries to recover the store, and this comes again.
  const absl::Time start = absl::Now();
  const absl::Status status = store_->SyncLog();
  NoteSync(start, status);
  if (status.ok()) unsynced_ = false;
  unsynced_since_ = absl::Now();
}

void CommitQueue::NoteSync(absl::Time start, const absl::Status& status) {
  MutexLock lock(mutex_);
  counted_.sync_seconds.Add(absl::ToDoubleSeconds(absl::Now() - start));
  if (status.ok()) {
    pending_since_ = absl::InfiniteFuture();
  } else {
    ++counted_.failed_sync_count;
  }
}

CommitStatistics CommitQueue::Statistics() const {
  MutexLock lock(mutex_);
  CommitStatistics statistics = counted_;
  statistics.queued_count = static_cast<int64_t>(queue_.size() + waiting_.size());
  statistics.queued_bytes = queued_bytes_;
  statistics.durable_lag_seconds =
      absl::ToDoubleSeconds(std::max(absl::ZeroDuration(), absl::Now() - pending_since_));
  return statistics;
}

absl::Status CommitQueue::WriteBatch(StoreBatch& batch, int64_t last_sequence, bool durable) {
  // Replays: what they saw before may not be synced yet.
  if (batch.empty() && !durable) return absl::OkStatus();
  const absl::Time start = absl::Now();
  const absl::Status status =
      batch.empty()
          ? store_->SyncLog()
          : store_->Write(batch, last_sequence, durable ? Store::Sync::kYes : Store::Sync::kNo);
  if (durable) NoteSync(start, status);
  NEGATRON_RETURN_IF_ERROR(status);
  if (durable) {
    unsynced_ = false;
  } else if (!unsynced_) {
    unsynced_ = true;
    unsynced_since_ = absl::Now();
  }
  if (!durable) {
    MutexLock lock(mutex_);
    pending_since_ = std::min(pending_since_, start);
  }
  return absl::OkStatus();
}

void CommitQueue::Commit(Group group) {
  absl::Status status = store_->Recover();
  std::vector<absl::Status> staged(group.size(), status);
  std::vector<CollectionWriter*> touched;
  batch_.Clear();
  bool durable = false;
  int64_t last_sequence = next_sequence_ - 1;
  const Micros now = options_.clock->NowMicros();
  for (size_t i = 0; status.ok() && i < group.size(); ++i) {
    // A number that was used is never used again, whatever becomes of the write.
    const auto writer = group[i].stage({store_, &batch_, next_sequence_, now});
    staged[i] = writer.status();
    if (!writer.ok()) continue;
    last_sequence = next_sequence_++;
    durable |= group[i].durable;
    if (*writer != nullptr) touched.push_back(*writer);
  }
  if (status.ok()) status = WriteBatch(batch_, last_sequence, durable);
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  {
    MutexLock lock(mutex_);
    ++counted_.group_count;
    counted_.write_count += static_cast<int64_t>(group.size());
  }
  for (CollectionWriter* writer : touched) status.ok() ? writer->Publish() : writer->Abort();
  for (size_t i = 0; i < group.size(); ++i) {
    group[i].finish(staged[i].ok() ? status : staged[i]);
  }
}

}  // namespace negatron
