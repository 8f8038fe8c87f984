// SPDX-License-Identifier: Apache-2.0
#include "server/engine/engine.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "server/index/kernels.h"
#include "storage/base/status.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

constexpr int64_t kSettingsBytes = 1024;  // Memory of a queued change of settings, about.

absl::Status CheckEtag(const std::string& etag, const CollectionRecord& settings) {
  if (etag.empty() || etag == EtagOf(settings)) return absl::OkStatus();
  return WithReason(absl::AbortedError(absl::StrCat(
                        "etag: the collection has changed; its etag is ", EtagOf(settings))),
                    "ETAG_MISMATCH");
}

// Whether a repeated creation asks for what the first one made.
bool SameCreation(CollectionRecord a, const CollectionRecord& b) {
  a.incarnation = b.incarnation;
  a.create_time = b.create_time;
  a.commit_sequence = b.commit_sequence;
  a.revision = b.revision;
  a.watermark = b.watermark;
  return a == b;
}

}  // namespace

absl::Status NoCollection(absl::string_view id) {
  return WithReason(absl::NotFoundError(absl::StrCat("there is no collection `", id, "`")),
                    "COLLECTION_NOT_FOUND");
}

std::string EtagOf(const CollectionRecord& record) {
  return absl::StrCat(record.incarnation, "-", record.revision);
}

absl::string_view KernelId() { return {kKernelId.data(), kKernelId.size()}; }

Engine::Impl::Impl(const EngineOptions& options, std::unique_ptr<Store> store,
                   std::unique_ptr<IndexFiles> files)
    : options_(options),
      store_(std::move(store)),
      index_files_(std::move(files)),
      excluded_masses_(options.excluded_mass_cache_bytes) {}

void Engine::Impl::Start() {
  queue_ = std::make_unique<CommitQueue>(
      store_.get(), CommitQueueOptions{options_.sync_interval, options_.write_queue_bytes,
                                       options_.write_queue_requests, options_.clock});
  housekeeper_ = std::make_unique<Housekeeper>(store_.get(), this, options_.clock,
                                               options_.housekeeping_interval);
  version_keeper_ = std::make_unique<VersionKeeper>(store_.get(), this, options_.clock,
                                                    options_.housekeeping_interval);
  IndexerOptions index;
  index.min_items = options_.index_min_items;
  index.generation.threads = options_.index_threads;
  index.interval = options_.index_interval;
  index.on_warning = options_.on_warning;
  index.on_health = options_.on_index_health;
  indexer_ = std::make_unique<Indexer>(index, index_files_.get(), this, options_.clock);
  audits_ = std::make_unique<AuditLog>(store_.get(), this, options_.clock,
                                       options_.housekeeping_interval, options_.audit_queue_bytes);
  backups_ =
      std::make_unique<Backups>(options_.backup_dir, options_.file_system, this, options_.clock);
  for (const int64_t incarnation : unfinished_) {
    housekeeper_->RemoveErased(incarnation, [](const absl::Status&) {});
  }
}

void Engine::Impl::Stop() {
  if (backups_ != nullptr) backups_->Stop();
  if (audits_ != nullptr) audits_->Stop();
  if (indexer_ != nullptr) indexer_->Stop();
  if (version_keeper_ != nullptr) version_keeper_->Stop();
  if (housekeeper_ != nullptr) housekeeper_->Stop();
  if (queue_ != nullptr) queue_->Stop();
}

std::vector<std::shared_ptr<Collection>> Engine::Impl::Collections() const {
  std::vector<std::shared_ptr<Collection>> collections;
  MutexLock lock(mutex_);
  collections.reserve(collections_.size());
  for (const auto& [id, collection] : collections_) collections.push_back(collection);
  return collections;
}

absl::Status Engine::Impl::Commit(const CollectionRecord& settings, Stage stage) {
  PendingWrite write;
  write.size_bytes = kSettingsBytes;
  write.durable = write.exclusive = true;
  return CommitAndWait(settings, std::move(stage), std::move(write));
}

absl::Status Engine::Impl::CommitApplied(const CollectionRecord& settings, int64_t bytes,
                                         Stage stage) {
  PendingWrite write;
  write.size_bytes = kSettingsBytes + bytes;
  return CommitAndWait(settings, std::move(stage), std::move(write));
}

absl::Status Engine::Impl::CommitAndWait(const CollectionRecord& settings, Stage stage,
                                         PendingWrite write) {
  write.stage = [&](const CommitSlot& slot) -> absl::StatusOr<CollectionWriter*> {
    CollectionWriter* writer = FindWriter(settings.id);
    if (writer == nullptr || writer->settings().incarnation != settings.incarnation) return nullptr;
    return stage(*writer, slot) ? writer : nullptr;
  };
  return Await(std::move(write));
}

absl::Status Engine::Impl::Await(PendingWrite write) {
  Mutex mutex;
  CondVar done;
  std::optional<absl::Status> outcome;
  write.patient = true;
  write.finish = [&](absl::Status status) {
    MutexLock lock(mutex);
    outcome = std::move(status);
    done.NotifyOne();
  };
  queue_->Add(std::move(write));
  MutexLock lock(mutex);
  while (!outcome.has_value()) done.Wait(mutex);
  return *outcome;
}

absl::StatusOr<Store::Checkpoint> Engine::Impl::StageBackup() {
  const int64_t failures = store_->failure_count();
  absl::StatusOr<Store::Checkpoint> checkpoint = absl::UnknownError("not made yet");
  absl::Status linked;
  indexer_->Hold([&] {
    checkpoint = store_->MakeCheckpoint();
    if (checkpoint.ok()) {
      linked = index_files_->LinkAll(absl::StrCat(checkpoint->folder, "/index"));
    }
  });
  NEGATRON_RETURN_IF_ERROR(checkpoint.status());
  NEGATRON_RETURN_IF_ERROR(linked);
  // What the checkpoint holds may have been on its way to the disk. Behind this commit it is there,
  // or it was refused, and then the checkpoint may hold what nobody was told of.
  PendingWrite barrier;
  barrier.durable = true;
  barrier.stage = [](const CommitSlot&) -> absl::StatusOr<CollectionWriter*> { return nullptr; };
  NEGATRON_RETURN_IF_ERROR(Await(std::move(barrier)));
  if (store_->failure_count() != failures ||
      store_->durable_sequence() < checkpoint->last_sequence) {
    return WithReason(
        absl::UnavailableError("the disk refused a write while the backup was made; try again"),
        "DISK_UNWRITABLE");
  }
  return checkpoint;
}

void Engine::Impl::RemoveStaged() { store_->RemoveCheckpoint().IgnoreError(); }

void Engine::Impl::Publish(const std::string& id, std::shared_ptr<Collection> collection) {
  MutexLock lock(mutex_);
  collections_.insert_or_assign(id, std::move(collection));
}

void Engine::Impl::Unpublish(const std::string& id) {
  MutexLock lock(mutex_);
  collections_.erase(id);
}

absl::StatusOr<std::shared_ptr<Collection>> Engine::Impl::Find(absl::string_view id) const {
  MutexLock lock(mutex_);
  const auto position = collections_.find(std::string_view(id.data(), id.size()));
  if (position == collections_.end()) return NoCollection(id);
  return position->second;
}

CollectionWriter* Engine::Impl::FindWriter(absl::string_view id) {
  const auto position = writers_.find(std::string_view(id.data(), id.size()));
  return position == writers_.end() ? nullptr : &position->second;
}

std::vector<CollectionRecord> Engine::Impl::List(absl::string_view after, int limit) const {
  std::vector<CollectionRecord> records;
  MutexLock lock(mutex_);
  auto position = collections_.upper_bound(std::string_view(after.data(), after.size()));
  for (; position != collections_.end() && records.size() < static_cast<size_t>(limit);
       ++position) {
    records.push_back(*position->second->snapshot()->settings);
  }
  return records;
}

void Engine::Impl::Create(CollectionRecord settings, CollectionDone done) {
  Violations violations;
  const absl::string_view id_problem = CollectionIdProblem(settings.id);
  if (!id_problem.empty()) violations.Add("collection_id", id_problem);
  const absl::string_view request_problem = RequestIdProblem(settings.request_id);
  if (!request_problem.empty()) violations.Add("request_id", request_problem);
  CheckSettings(settings, "collection.", &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return done(status);
  if (settings.popularity_grid_micros == 0) {
    settings.popularity_grid_micros = DefaultPopularityGrid(settings.half_life_micros);
  }

  struct State {
    CollectionRecord settings;
    bool replayed = false;
  };
  auto state = std::make_shared<State>(State{std::move(settings)});
  PendingWrite write;
  write.size_bytes = kSettingsBytes;
  write.durable = write.exclusive = true;
  write.stage = [this, state](const CommitSlot& slot) -> absl::StatusOr<CollectionWriter*> {
    CollectionRecord& record = state->settings;
    if (const CollectionWriter* writer = FindWriter(record.id)) {
      if (!record.request_id.empty() && SameCreation(record, writer->settings())) {
        record = writer->settings();
        state->replayed = true;
        return nullptr;
      }
      return WithReason(
          absl::AlreadyExistsError(absl::StrCat("the collection `", record.id, "` exists")),
          "COLLECTION_EXISTS");
    }
    // Not given back if the write fails: an incarnation is never used twice.
    record.incarnation = next_incarnation_++;
    record.create_time = slot.now;
    record.watermark = kAlways;
    record.commit_sequence = slot.sequence;
    slot.batch->PutCollection(record);
    return nullptr;
  };
  write.finish = [this, state, done = std::move(done)](absl::Status status) {
    if (!status.ok()) return done(std::move(status));
    const CollectionRecord& record = state->settings;
    if (!state->replayed) {
      auto snapshot = std::make_shared<Snapshot>();
      snapshot->settings = std::make_shared<const CollectionRecord>(record);
      snapshot->pool = std::make_shared<const PoolView>(PoolSettingsOf(record));
      MakeTables(snapshot.get());
      snapshot->commit_sequence = record.commit_sequence;
      auto collection = std::make_shared<Collection>(std::move(snapshot));
      writers_.try_emplace(record.id, collection, RequestMemory(), KnownCategories());
      Publish(record.id, std::move(collection));
    }
    done(record);
  };
  queue_->Add(std::move(write));
}

void Engine::Impl::Update(absl::string_view id, CollectionUpdate update, CollectionDone done) {
  struct State {
    std::string id;
    CollectionUpdate update;
    CollectionRecord settings;
  };
  auto state = std::make_shared<State>(State{std::string(id), std::move(update), {}});
  PendingWrite write;
  write.size_bytes = kSettingsBytes;
  write.durable = write.exclusive = true;
  write.stage = [this, state](const CommitSlot& slot) -> absl::StatusOr<CollectionWriter*> {
    CollectionWriter* writer = FindWriter(state->id);
    if (writer == nullptr) return NoCollection(state->id);
    NEGATRON_RETURN_IF_ERROR(CheckEtag(state->update.etag, writer->settings()));
    CollectionRecord next = writer->settings();
    const CollectionUpdate& change = state->update;
    if (change.embedding && next.embedding && *change.embedding != *next.embedding) {
      return InvalidField("collection.embedding_settings", "can be set once, and are set");
    }
    if (change.display_name) next.display_name = *change.display_name;
    if (change.labels) next.labels = *change.labels;
    if (change.missing_item_rule) next.missing_item_rule = *change.missing_item_rule;
    if (change.embedding) next.embedding = change.embedding;
    if (change.event_retention_micros) next.event_retention_micros = *change.event_retention_micros;
    if (change.audit) next.audit = *change.audit;
    Violations violations;
    CheckSettings(next, "collection.", &violations);
    NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
    state->settings = next;
    if (next == writer->settings()) return nullptr;
    state->settings.revision = ++next.revision;
    writer->StageSettings(std::move(next), slot);
    return writer;
  };
  write.finish = [state, done = std::move(done)](absl::Status status) {
    if (!status.ok()) return done(std::move(status));
    done(state->settings);
  };
  queue_->Add(std::move(write));
}

void Engine::Impl::Delete(absl::string_view id, std::string etag, bool allow_missing,
                          std::function<void(absl::Status)> done) {
  struct State {
    std::string id;
    std::string etag;
    bool missing = false;
  };
  auto state = std::make_shared<State>(State{std::string(id), std::move(etag)});
  PendingWrite write;
  write.size_bytes = kSettingsBytes;
  write.durable = write.exclusive = true;
  write.stage = [this, state,
                 allow_missing](const CommitSlot& slot) -> absl::StatusOr<CollectionWriter*> {
    const CollectionWriter* writer = FindWriter(state->id);
    if (writer == nullptr) {
      if (!allow_missing) return NoCollection(state->id);
      state->missing = true;
      return nullptr;
    }
    NEGATRON_RETURN_IF_ERROR(CheckEtag(state->etag, writer->settings()));
    slot.batch->DeleteCollection(writer->settings().incarnation);
    return nullptr;
  };
  write.finish = [this, state, done = std::move(done)](absl::Status status) {
    if (status.ok() && !state->missing) {
      Unpublish(state->id);
      writers_.erase(writers_.find(state->id));
    }
    done(std::move(status));
  };
  queue_->Add(std::move(write));
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() { Shutdown(); }

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(
    const EngineOptions& options, const std::function<void(const RecoveryProgress&)>& progress,
    const Cancellation& cancellation) {
  StoreOptions store_options;
  store_options.path = options.data_dir;
  store_options.accept_data_loss = options.accept_data_loss;
  store_options.file_system = options.file_system;
  progress({"opening the log", 0});
  NEGATRON_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, Store::Open(store_options));
  NEGATRON_ASSIGN_OR_RETURN(std::unique_ptr<IndexFiles> files,
                            IndexFiles::Open(options.data_dir, options.file_system));
  auto impl = std::make_unique<Impl>(options, std::move(store), std::move(files));
  NEGATRON_RETURN_IF_ERROR(impl->Recover(progress, cancellation));
  impl->Start();
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

void Engine::Shutdown() { impl_->Stop(); }

void Engine::RunHousekeeping() {
  impl_->housekeeper().RunRound();
  impl_->audits().RunRound();
  impl_->version_keeper().RunRound();
}

void Engine::RunIndexing() { impl_->indexer().RunRound(); }

void Engine::CreateCollection(CollectionRecord settings, CollectionDone done) {
  impl_->Create(std::move(settings), std::move(done));
}

void Engine::UpdateCollection(absl::string_view id, CollectionUpdate update, CollectionDone done) {
  impl_->Update(id, std::move(update), std::move(done));
}

void Engine::DeleteCollection(absl::string_view id, std::string etag, bool allow_missing,
                              std::function<void(absl::Status)> done) {
  impl_->Delete(id, std::move(etag), allow_missing, std::move(done));
}

Backups& Engine::backups() { return impl_->backups(); }
int64_t Engine::durable_sequence() const { return impl_->store().durable_sequence(); }

}  // namespace negatron
