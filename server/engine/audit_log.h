// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_AUDIT_LOG_H_
#define NEGATRON_SERVER_ENGINE_AUDIT_LOG_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "server/engine/audit_codec.h"
#include "server/engine/collection.h"
#include "server/engine/housekeeper.h"
#include "server/engine/round_thread.h"
#include "server/engine/served_policy.h"
#include "server/engine/statistics.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/model/audits.h"
#include "storage/rocks/store.h"

namespace negatron {

// Whether a call is one of those that are kept: by a hash of its seed and the keys of its rows, so
// that equal calls are chosen together, and by any rate above one that chose them.
bool ChoosesAudit(double rate, uint64_t seed, std::span<const uint64_t> keys);

// Keeps sampling calls as their collections' settings say, on a thread of its own. Offering one
// costs a copy of its columns; what waits to be written is bounded, and a call that comes while too
// much does is dropped and counted. Takes away what is too old or too much, and what names
// erased users. Keeping changes no snapshot.
//
// Thread-safety: thread-safe.
class AuditLog {
 public:
  using Done = std::function<void(absl::Status)>;

  // Rounds of writing start at least every `interval`; at most `max_waiting_bytes` wait for one.
  // The others must outlive this.
  AuditLog(const Store* store, HousekeepingHost* host, const Clock* clock, absl::Duration interval,
           int64_t max_waiting_bytes);
  // As `Stop`.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // A call that was answered from the snapshot.
  void Offer(const Snapshot& snapshot, const ServedPolicy& policy, std::span<const uint64_t> keys,
             const SampleRequest& request, const SampleResult& result);
  void Offer(const Snapshot& snapshot, const ServedPolicy& policy, std::span<const uint64_t> keys,
             const CandidateRequest& request, const CandidateResult& result);
  void Offer(const Snapshot& snapshot, const ServedPolicy& policy, std::span<const uint64_t> keys,
             const SharedRequest& request, const SharedResult& result);

  // Removes what names users whose erasure is committed, by its AuditErasureRecord; then calls
  // `done`, as Housekeeper::RemoveErased.
  void RemoveErased(int64_t incarnation, Done done);

  // Nothing if the collection has no log, and had none.
  std::optional<AuditStatistics> Statistics(const CollectionRecord& settings) const;

  // Does a round now and waits until it is done (or `Stop` is called).
  void RunRound() { thread_.RunRound(); }

  // Writes what waits, then ends. Idempotent.
  void Stop();

 private:
  struct Waiting {
    int64_t incarnation;
    AuditRecord record;  // Without its time.
  };
  // What is kept of a collection. Confined to the thread.
  struct Log {
    std::deque<std::pair<Micros, int64_t>> kept;  // Times and bytes, the oldest first.
    int64_t bytes = 0;
    Micros last_time = 0;       // The highest that was given out.
    int64_t erased_before = 0;  // Calls that saw less may name users who are erased since.
    bool has_erasures = true;   // There may be some.
  };

  void Keep(const Snapshot& snapshot, const ServedPolicy& policy, const SampleRequest& request,
            const SampleResult& result, const AuditedCall& call);
  void Round();
  absl::Status Load(int64_t incarnation, Log* log);
  void Write(const CollectionRecord& settings, std::vector<Waiting> waiting, Log* log);
  absl::Status Erase(const CollectionRecord& settings, Log* log);
  absl::Status Expire(const CollectionRecord& settings, Log* log);
  void Publish(int64_t incarnation, const Log& log);
  void Drop(int64_t incarnation, int64_t count);

  const Store* const store_;
  HousekeepingHost* const host_;
  const Clock* const clock_;
  const int64_t max_waiting_bytes_;

  std::map<int64_t, Log> logs_;  // By incarnation; confined to the thread.

  mutable Mutex mutex_;
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  int64_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, std::vector<Done>> erasing_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, AuditStatistics> statistics_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  RoundThread thread_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_AUDIT_LOG_H_
