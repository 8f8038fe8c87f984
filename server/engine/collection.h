// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_COLLECTION_H_
#define NEGATRON_SERVER_ENGINE_COLLECTION_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "server/engine/controller_table.h"
#include "server/engine/policy_table.h"
#include "server/engine/requests.h"
#include "server/engine/sampling_windows.h"
#include "server/engine/statistics.h"
#include "server/index/generation.h"
#include "server/index/vector_table.h"
#include "server/pool/pool_view.h"
#include "server/sampling/sampler.h"
#include "storage/base/mutex.h"

namespace negatron {

// All that a request reads, of one commit.
//
// Thread-safety: immutable.
struct Snapshot {
  std::shared_ptr<const CollectionRecord> settings;
  std::shared_ptr<const PoolView> pool;
  std::shared_ptr<const VectorTable> vectors;         // Null without embedding settings.
  std::shared_ptr<const VectorTable> user_vectors;    // Of the same settings and table.
  std::shared_ptr<const Generation> generation;       // Null: searches are exact.
  std::shared_ptr<const std::vector<Ordinal>> delta;  // DeltaOf both; null without generation.
  std::shared_ptr<const PolicyTable> policies = std::make_shared<const PolicyTable>();
  std::shared_ptr<const ControllerTable> controllers = std::make_shared<const ControllerTable>();
  int64_t commit_sequence = 0;  // Of the last commit that touched it.

  SnapshotToken token() const {
    return {settings->incarnation, commit_sequence, generation == nullptr ? 0 : generation->number};
  }
};

// Gives a snapshot that has none, but embedding settings, tables without vectors.
void MakeTables(Snapshot* snapshot);

// What sources draw from for a call. Both must outlive it, `excluded_masses` may be null.
SourceContext ContextOf(const Snapshot& snapshot, uint64_t seed, const Cancellation& cancellation,
                        ExcludedMassCache* excluded_masses);

// What the settings say about the pool.
PoolSettings PoolSettingsOf(const CollectionRecord& settings);

// A collection as readers see it.
//
// Thread-safety: thread-safe.
class Collection {
 public:
  explicit Collection(std::shared_ptr<const Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}

  std::shared_ptr<const Snapshot> snapshot() const {
    MutexLock lock(mutex_);
    return snapshot_;
  }

  // Replaces the snapshot. Whatever readers no longer need of older ones is freed by
  // the caller, a writer, in this call or a later one: for a reader who is the last
  // to let go it could take tens of milliseconds.
  void Publish(std::shared_ptr<const Snapshot> snapshot);

  // Position of an import stream; chunk 0 if it is not known.
  StreamRecord Stream(const std::string& name) const;
  size_t stream_count() const;
  // Takes new positions of streams, after the commit that holds them.
  void MoveStreams(std::map<std::string, StreamRecord> streams);

  // Positions of the streams whose names begin with `prefix`.
  std::vector<StreamRecord> Streams(const std::string& prefix) const;
  void RemoveStreams(const std::string& prefix);

  // Staged versions and those that ended, by model version.
  std::map<int64_t, EmbeddingVersionRecord> versions() const;
  // Takes changes of versions after the commit that holds them; unset: the version is forgotten.
  void MoveVersions(const std::map<int64_t, std::optional<EmbeddingVersionRecord>>& changes);
  // A sealed version takes no more uploads. False if it was sealed.
  bool SealVersion(int64_t model_version);
  void UnsealVersion(int64_t model_version);
  bool IsSealed(int64_t model_version) const;
  bool HasSealed() const;  // Any version.

  // Counts a call at the time `now`; sources by component of `policy`.
  void Count(const Policy& policy, int64_t row_count, const SampleTotals& totals, Micros now);
  // Fills the counters of `statistics`.
  void ReadCounts(CollectionStatistics* statistics) const;

  // Which rows of the next call are observed: one in `step`, from a place on that is another for
  // each call. By random bits of its own, which draws do not share.
  RowChoice NextObservation(int64_t step);
  const SamplingWindows& windows() const { return windows_; }

  // What was last seen of the index.
  IndexStatus index_status() const;
  void SetIndexStatus(IndexStatus status);

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
  // Replaced, and perhaps still read.
  std::vector<std::shared_ptr<const Snapshot>> retired_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, StreamRecord> streams_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, EmbeddingVersionRecord> versions_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> sealed_versions_ ABSL_GUARDED_BY(mutex_);
  IndexStatus index_status_ ABSL_GUARDED_BY(mutex_);
  SamplingWindows windows_;
  std::atomic<uint64_t> observations_{0};
  std::atomic<int64_t> calls_{0};
  std::atomic<int64_t> rows_{0};
  std::array<std::atomic<int64_t>, kSourceKindCount> drawn_{};
  std::array<std::atomic<int64_t>, kRowStatusCount> statuses_{};
  std::array<std::atomic<int64_t>, kRejectCauseCount> rejects_{};
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_COLLECTION_H_
