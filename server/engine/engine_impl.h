// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_ENGINE_IMPL_H_
#define NEGATRON_SERVER_ENGINE_ENGINE_IMPL_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "server/engine/audit_log.h"
#include "server/engine/backups.h"
#include "server/engine/collection.h"
#include "server/engine/collection_writer.h"
#include "server/engine/commit_queue.h"
#include "server/engine/engine.h"
#include "server/engine/housekeeper.h"
#include "server/engine/indexer.h"
#include "server/engine/version_keeper.h"
#include "server/sampling/excluded_mass_cache.h"
#include "storage/base/mutex.h"
#include "storage/rocks/index_files.h"
#include "storage/rocks/store.h"

namespace negatron {

// A collection as start-up rebuilt it.
struct RecoveredCollection {
  std::shared_ptr<Collection> collection;
  RequestMemory requests;
  KnownCategories category_names;
  bool has_erased = false;  // Events of erased users are left.
};

absl::Status NoCollection(absl::string_view id);

// Rebuilds one collection from its records. DATA_LOSS if they contradict each
// other.
absl::StatusOr<RecoveredCollection> RecoverCollection(
    const Store& store, const IndexFiles& files, const CollectionRecord& settings,
    const std::function<void(const std::string& collection, const std::string& what)>& on_warning,
    const std::function<void(absl::string_view stage, double fraction)>& progress,
    const Cancellation& cancellation);

// The collections, seen from both sides: readers look them up under a mutex,
// the commit thread owns their writers.
class Engine::Impl final : public HousekeepingHost, public BackupHost {
 public:
  Impl(const EngineOptions& options, std::unique_ptr<Store> store,
       std::unique_ptr<IndexFiles> files);
  ~Impl() override { Stop(); }

  absl::Status Recover(const std::function<void(const RecoveryProgress&)>& progress,
                       const Cancellation& cancellation);
  // Starts the commit thread, housekeeping and indexing; after Recover.
  void Start();
  void Stop();

  absl::StatusOr<std::shared_ptr<Collection>> Find(absl::string_view id) const;
  std::vector<CollectionRecord> List(absl::string_view after, int limit) const;

  void Create(CollectionRecord settings, CollectionDone done);
  void Update(absl::string_view id, CollectionUpdate update, CollectionDone done);
  void Delete(absl::string_view id, std::string etag, bool allow_missing,
              std::function<void(absl::Status)> done);

  // Queues a write that passed its checks against `settings`. `stage` is the
  // CollectionWriter method that stages it.
  template <typename Request>
  void Write(const CollectionRecord& settings, Request request,
             absl::StatusOr<WriteResult> (CollectionWriter::*stage)(const Request&,
                                                                    const CommitSlot&),
             WriteDone done, bool exclusive = false);

  // Queues a change of versions, alone in its group.
  using VersionStage =
      std::function<absl::StatusOr<EmbeddingVersionRecord>(CollectionWriter&, const CommitSlot&)>;
  void ChangeVersion(absl::string_view id, VersionStage stage, VersionDone done);

  std::vector<std::shared_ptr<Collection>> Collections() const override;
  absl::Status Commit(const CollectionRecord& settings, Stage stage) override;
  absl::Status CommitApplied(const CollectionRecord& settings, int64_t bytes, Stage stage) override;

  absl::StatusOr<Store::Checkpoint> StageBackup() override;
  void RemoveStaged() override;

  const EngineOptions& options() const { return options_; }
  Backups& backups() { return *backups_; }
  const Store& store() const { return *store_; }
  Housekeeper& housekeeper() { return *housekeeper_; }
  const CommitQueue& queue() const { return *queue_; }
  AuditLog& audits() { return *audits_; }
  VersionKeeper& version_keeper() { return *version_keeper_; }
  Indexer& indexer() { return *indexer_; }
  ExcludedMassCache* excluded_masses() { return &excluded_masses_; }

 private:
  absl::Status CommitAndWait(const CollectionRecord& settings, Stage stage, PendingWrite write);
  // Has the queue commit it, and waits for its outcome.
  absl::Status Await(PendingWrite write);
  void Publish(const std::string& id, std::shared_ptr<Collection> collection);
  void Unpublish(const std::string& id);
  CollectionWriter* FindWriter(absl::string_view id);

  const EngineOptions options_;
  const std::unique_ptr<Store> store_;
  const std::unique_ptr<IndexFiles> index_files_;
  ExcludedMassCache excluded_masses_;

  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<Collection>, std::less<>> collections_
      ABSL_GUARDED_BY(mutex_);

  // Confined to the commit thread once it runs.
  std::map<std::string, CollectionWriter, std::less<>> writers_;
  int64_t next_incarnation_ = 1;

  // Collections in which a start found events of erased users.
  std::vector<int64_t> unfinished_;

  std::unique_ptr<CommitQueue> queue_;
  std::unique_ptr<Housekeeper> housekeeper_;       // Writes to the queue,
  std::unique_ptr<VersionKeeper> version_keeper_;  // and so do these.
  std::unique_ptr<Indexer> indexer_;
  std::unique_ptr<AuditLog> audits_;
  std::unique_ptr<Backups> backups_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_ENGINE_IMPL_H_
