// SPDX-License-Identifier: Apache-2.0
#include "server/engine/version_keeper.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "server/engine/write_checks.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Of a page that is read at a time; while one is, a store that recovers waits.
constexpr int64_t kPageBytes = int64_t{1} << 20;

absl::Status ShuttingDown() {
  return WithReason(absl::UnavailableError("the server is shutting down; the version is as it was"),
                    "SHUTTING_DOWN");
}

absl::Status Incomplete(const std::string& message) {
  return WithReason(absl::FailedPreconditionError(message), "EMBEDDING_VERSION_INCOMPLETE");
}

absl::Status CheckRowCount(const VectorTable& table, std::optional<int64_t> demanded,
                           absl::string_view what) {
  if (demanded.value_or(table.size()) == table.size()) return absl::OkStatus();
  return Incomplete(absl::StrCat("the version has ", table.size(), " ", what,
                                 "; the commit demands ", *demanded));
}

}  // namespace

VersionKeeper::VersionKeeper(const Store* store, HousekeepingHost* host, const Clock* clock,
                             absl::Duration interval)
    : store_(store), host_(host), clock_(clock), thread_(interval, [this] { Round(); }) {}

VersionKeeper::~VersionKeeper() { Stop(); }

void VersionKeeper::Commit(std::shared_ptr<Collection> collection, CommitVersionRequest request,
                           Done done) {
  {
    MutexLock lock(mutex_);
    if (!stopped_) {
      tasks_.push_back({std::move(collection), std::move(request), std::move(done)});
      thread_.Wake();
      return;
    }
  }
  done(ShuttingDown());
}

void VersionKeeper::Stop() {
  thread_.Stop();
  std::deque<Task> left;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    left.swap(tasks_);
  }
  for (Task& task : left) task.done(ShuttingDown());
}

std::optional<VersionKeeper::Task> VersionKeeper::TakeTask() {
  MutexLock lock(mutex_);
  if (tasks_.empty()) return std::nullopt;
  Task task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

void VersionKeeper::Round() {
  while (!stopping()) {
    const std::optional<Task> task = TakeTask();
    if (!task.has_value()) break;
    task->done(CommitNow(*task));
  }
  ExpireVersions();
  FreeTables();
}

void VersionKeeper::ExpireVersions() {
  const Micros now = clock_->NowMicros();
  for (const std::shared_ptr<Collection>& collection : host_->Collections()) {
    const std::shared_ptr<const CollectionRecord> settings = collection->snapshot()->settings;
    for (const auto& [model_version, record] : collection->versions()) {
      if (record.state != EmbeddingVersionState::kStaging || record.expire_time > now) continue;
      if (stopping()) return;
      // What fails is tried again at the next round.
      host_
          ->Commit(*settings,
                   [version = model_version](CollectionWriter& writer, const CommitSlot& slot) {
                     return writer.StageEnd(version, EmbeddingVersionState::kExpired, slot).ok();
                   })
          .IgnoreError();
    }
  }
}

void VersionKeeper::FreeTables() {
  std::erase_if(old_tables_, [](const std::shared_ptr<const VectorTable>& table) {
    return table.use_count() == 1;
  });
}

absl::StatusOr<EmbeddingVersionRecord> VersionKeeper::CommitNow(const Task& task) {
  const int64_t model_version = task.request.model_version;
  if (!task.collection->SealVersion(model_version)) {
    return absl::InternalError("a version is sealed that nobody commits");
  }
  absl::StatusOr<EmbeddingVersionRecord> committed = CommitSealed(task);
  task.collection->UnsealVersion(model_version);
  return committed;
}

absl::StatusOr<EmbeddingVersionRecord> VersionKeeper::CommitSealed(const Task& task) {
  const CommitVersionRequest& request = task.request;
  const std::shared_ptr<const CollectionRecord> settings = task.collection->snapshot()->settings;
  std::optional<EmbeddingVersionRecord> replay;
  NEGATRON_RETURN_IF_ERROR(AwaitUploads(task, *settings, &replay));
  if (replay.has_value()) return *replay;
  NEGATRON_ASSIGN_OR_RETURN(const VersionTables tables,
                            LoadTables(*settings, request.model_version));
  if (tables.items->size() == 0) return Incomplete("nothing was uploaded to the version");
  NEGATRON_RETURN_IF_ERROR(CheckRowCount(*tables.items, request.row_count, "rows"));
  NEGATRON_RETURN_IF_ERROR(CheckRowCount(*tables.users, request.user_row_count, "rows of users"));
  return Flip(task, *settings, tables);
}

// Uploads that were staged before an empty commit are in the store after it, and the seal refuses
// later ones.
absl::Status VersionKeeper::AwaitUploads(const Task& task, const CollectionRecord& settings,
                                         std::optional<EmbeddingVersionRecord>* replay) {
  const CommitVersionRequest& request = task.request;
  absl::Status checked = NoCollection(settings.id);
  NEGATRON_RETURN_IF_ERROR(
      host_->Commit(settings, [&](CollectionWriter& writer, const CommitSlot& slot) {
        const auto found = writer.FindReplay(request.options, FingerprintOf(request), slot.now);
        checked = found.status();
        if (!found.ok()) return false;
        if (!found->has_value()) {
          checked = writer.CheckCommit(request.model_version);
          return false;
        }
        const auto versions = writer.collection()->versions();
        const auto version = versions.find(request.model_version);
        *replay = version != versions.end() ? version->second : EmbeddingVersionRecord();
        return false;
      }));
  return checked;
}

absl::StatusOr<VersionTables> VersionKeeper::LoadTables(const CollectionRecord& settings,
                                                        int64_t model_version) const {
  VersionTables tables;
  NEGATRON_ASSIGN_OR_RETURN(tables.items, LoadTable(settings, model_version, VectorOwner::kItem));
  NEGATRON_ASSIGN_OR_RETURN(tables.users, LoadTable(settings, model_version, VectorOwner::kUser));
  return tables;
}

absl::StatusOr<std::shared_ptr<const VectorTable>> VersionKeeper::LoadTable(
    const CollectionRecord& settings, int64_t model_version, VectorOwner owner) const {
  const auto dimension = static_cast<size_t>(settings.embedding->dimension);
  const int64_t page_rows =
      std::max<int64_t>(1, kPageBytes / static_cast<int64_t>(dimension * sizeof(float)));
  VectorTableBuilder builder{VectorTable(*settings.embedding, model_version)};
  std::optional<Ordinal> next = 0;
  while (next.has_value()) {
    if (stopping()) return ShuttingDown();
    NEGATRON_ASSIGN_OR_RETURN(
        next, store_->ScanEmbeddingPage(settings.incarnation, model_version, owner, *next,
                                        page_rows, [&](const EmbeddingRecord& record) {
                                          if (record.vector.size() != dimension) {
                                            return WithReason(
                                                absl::DataLossError("an embedding does not fit"),
                                                "DATABASE_DAMAGED");
                                          }
                                          builder.Set(record.ordinal, record.vector, record.stamp);
                                          return absl::OkStatus();
                                        }));
  }
  return std::move(builder).Build();
}

absl::StatusOr<EmbeddingVersionRecord> VersionKeeper::Flip(const Task& task,
                                                           const CollectionRecord& settings,
                                                           const VersionTables& tables) {
  const CommitVersionRequest& request = task.request;
  IndexedTable index;
  index.generation = task.collection->snapshot()->generation;
  if (index.generation != nullptr) index.delta = DeltaOf(*tables.items, *index.generation);
  // Kept, so that its pages are freed here and not by the commit thread.
  const std::shared_ptr<const Snapshot> snapshot = task.collection->snapshot();
  old_tables_.insert(old_tables_.end(), {snapshot->vectors, snapshot->user_vectors});
  absl::StatusOr<EmbeddingVersionRecord> flipped = NoCollection(settings.id);
  const absl::Status status =
      host_->Commit(settings, [&](CollectionWriter& writer, const CommitSlot& slot) {
        flipped = writer.StageFlip(request.model_version, tables, index, slot);
        if (!flipped.ok()) return false;
        WriteResult result;
        result.commit_sequence = slot.sequence;
        result.written_count = tables.items->size();
        writer.Remember(request.options, FingerprintOf(request), result, slot);
        return true;
      });
  if (flipped.ok() && !status.ok()) return status;
  return flipped;
}

}  // namespace negatron
