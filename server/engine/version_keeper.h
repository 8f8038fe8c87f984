// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_VERSION_KEEPER_H_
#define NEGATRON_SERVER_ENGINE_VERSION_KEEPER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "server/engine/collection.h"
#include "server/engine/collection_writer.h"
#include "server/engine/housekeeper.h"
#include "server/engine/requests.h"
#include "server/engine/round_thread.h"
#include "server/index/vector_table.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/rocks/store.h"

namespace negatron {

// Makes staged versions the tables of their collections, one after the other, and ends those
// that were not committed in time, on a thread of its own.
//
// A version that is to be committed is sealed, so that its uploads stand still; read from the
// store into a table that nobody sees; and put in the place of the old one by a commit that
// writes one record and swaps one pointer. Readers never wait; other writes wait for that
// commit, whose work grows with the number of pages of the table alone, a pointer each.
// The old table is freed on this thread.
//
// Memory: both tables, until the old one's last reader is done.
// Thread-safety: thread-safe.
class VersionKeeper {
 public:
  using Done = std::function<void(absl::StatusOr<EmbeddingVersionRecord>)>;

  // Looks for versions that have expired at least every `interval`. The others must outlive
  // this.
  VersionKeeper(const Store* store, HousekeepingHost* host, const Clock* clock,
                absl::Duration interval);
  // As `Stop`.
  ~VersionKeeper();
  VersionKeeper(const VersionKeeper&) = delete;
  VersionKeeper& operator=(const VersionKeeper&) = delete;

  // Calls `done`, which must not block, on its own thread or the one that stops it. The collection
  // must have embedding settings. Errors: see Engine::CommitVersion; UNAVAILABLE (SHUTTING_DOWN).
  void Commit(std::shared_ptr<Collection> collection, CommitVersionRequest request, Done done);

  // Does what is due now and waits until it is done (or `Stop` is called).
  void RunRound() { thread_.RunRound(); }

  // Ends soon, leaving versions that are being committed as they were. Idempotent.
  void Stop();

 private:
  struct Task {
    std::shared_ptr<Collection> collection;
    CommitVersionRequest request;
    Done done;
  };

  void Round();
  std::optional<Task> TakeTask();
  bool stopping() const { return thread_.stopping(); }
  void ExpireVersions();
  absl::StatusOr<EmbeddingVersionRecord> CommitNow(const Task& task);
  absl::StatusOr<EmbeddingVersionRecord> CommitSealed(const Task& task);
  // Also tells whether the version may be committed, or was by the same request.
  absl::Status AwaitUploads(const Task& task, const CollectionRecord& settings,
                            std::optional<EmbeddingVersionRecord>* replay);
  // Read all that was uploaded.
  absl::StatusOr<VersionTables> LoadTables(const CollectionRecord& settings,
                                           int64_t model_version) const;
  absl::StatusOr<std::shared_ptr<const VectorTable>> LoadTable(const CollectionRecord& settings,
                                                               int64_t model_version,
                                                               VectorOwner owner) const;
  absl::StatusOr<EmbeddingVersionRecord> Flip(const Task& task, const CollectionRecord& settings,
                                              const VersionTables& tables);
  // Frees tables that nobody reads any more.
  void FreeTables();

  const Store* const store_;
  HousekeepingHost* const host_;
  const Clock* const clock_;

  std::vector<std::shared_ptr<const VectorTable>> old_tables_;  // Confined to the thread.

  Mutex mutex_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  RoundThread thread_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_VERSION_KEEPER_H_
