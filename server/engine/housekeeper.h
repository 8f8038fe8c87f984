// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_HOUSEKEEPER_H_
#define NEGATRON_SERVER_ENGINE_HOUSEKEEPER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "server/engine/collection.h"
#include "server/engine/collection_writer.h"
#include "server/engine/round_thread.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/rocks/store.h"

namespace negatron {

// What a Housekeeper works on.
//
// Thread-safety: thread-safe.
class HousekeepingHost {
 public:
  virtual ~HousekeepingHost() = default;

  virtual std::vector<std::shared_ptr<Collection>> Collections() const = 0;

  // Has `stage` stage a write of the collection, alone in its group, and waits for
  // its outcome. `stage` returns whether it changed what readers see. OK
  // without a call of it if there is no such incarnation any more.
  using Stage = std::function<bool(CollectionWriter&, const CommitSlot&)>;
  virtual absl::Status Commit(const CollectionRecord& settings, Stage stage) = 0;

  // The same for a write of about `bytes` that need not be on disk, and may share its group.
  virtual absl::Status CommitApplied(const CollectionRecord& settings, int64_t bytes,
                                     Stage stage) = 0;
};

// Takes away what is to go, on a thread of its own: the events of erased users, and
// those that a collection's retention has passed. Works in portions, each a write
// of its own, so that other writes wait for one portion at most. What a disk
// that fails leaves undone is tried again at the next round. Also gives memory back
// to the system after the process has grown.
//
// Thread-safety: thread-safe.
class Housekeeper {
 public:
  using Done = std::function<void(absl::Status)>;

  // Rounds start at least every `interval`. The others must outlive this.
  Housekeeper(const Store* store, HousekeepingHost* host, const Clock* clock,
              absl::Duration interval);
  // As `Stop`.
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  // Removes the events of all users of the incarnation that are erased by now;
  // then calls `done`, which must not block, on its own thread or the one that stops it:
  // with OK, UNAVAILABLE if the disk fails, or UNAVAILABLE (SHUTTING_DOWN).
  void RemoveErased(int64_t incarnation, Done done);

  // Does a round now and waits until it is done (or `Stop` is called).
  void RunRound() { thread_.RunRound(); }

  // Ends after the portion at hand. Idempotent.
  void Stop();

 private:
  void Round();
  bool stopping() const { return thread_.stopping(); }
  absl::Status RemoveErasedOf(const Collection& collection);
  absl::Status Expire(const Collection& collection);
  void TrimMemory();

  // Calls visit(events) for each page of the collection's events from `start` on,
  // before `end`; returns when done, on error, or when stopping. Moves `start` on.
  absl::Status ForEachPage(
      int64_t incarnation, Micros end, EventPosition* start,
      const std::function<absl::Status(std::vector<EventRecord>& events)>& visit);

  const Store* const store_;
  HousekeepingHost* const host_;
  const Clock* const clock_;

  // Confined to the thread: up to where events before the watermark are gone, by
  // incarnation. Late events behind it go after the next start.
  std::map<int64_t, EventPosition> expired_;

  // Confined to the thread: what the process had after memory was given back last, and
  // when that may be again.
  int64_t trimmed_bytes_ = 0;
  Micros next_trim_ = kAlways;

  Mutex mutex_;
  // Incarnations whose erased users may have events, with who waits for it.
  std::map<int64_t, std::vector<Done>> erasing_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  RoundThread thread_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_HOUSEKEEPER_H_
