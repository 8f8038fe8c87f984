// SPDX-License-Identifier: Apache-2.0
// Staged versions of embeddings, but for their uploads.
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "server/engine/write_checks.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

constexpr int64_t kVersionBytes = 1024;  // Memory of a queued change of a version, about.

}  // namespace

void Engine::Impl::ChangeVersion(absl::string_view id, VersionStage stage, VersionDone done) {
  struct State {
    std::string id;
    VersionStage stage;
    std::shared_ptr<Collection> collection;
    EmbeddingVersionRecord record;
  };
  auto state = std::make_shared<State>(State{std::string(id), std::move(stage), nullptr, {}});
  PendingWrite write;
  write.size_bytes = kVersionBytes;
  write.durable = write.exclusive = true;
  write.stage = [this, state](const CommitSlot& slot) -> absl::StatusOr<CollectionWriter*> {
    CollectionWriter* writer = FindWriter(state->id);
    if (writer == nullptr) return NoCollection(state->id);
    NEGATRON_ASSIGN_OR_RETURN(state->record, state->stage(*writer, slot));
    state->collection = writer->collection();
    return writer;
  };
  write.finish = [state, done = std::move(done)](absl::Status status) {
    if (!status.ok()) return done(std::move(status));
    done(EmbeddingVersion{state->record,
                          state->collection->Streams(ShardPrefix(state->record.model_version))});
  };
  queue_->Add(std::move(write));
}

void Engine::BeginVersion(absl::string_view collection, const BeginVersionRequest& request,
                          VersionDone done) {
  Violations violations;
  CheckVersion(request.model_version, &violations);
  if (request.ttl_micros < kMinVersionTtlMicros || request.ttl_micros > kMaxVersionTtlMicros) {
    violations.Add("ttl", "must be from a minute to 30 days");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return done(std::move(status));
  impl_->ChangeVersion(
      collection,
      [request](CollectionWriter& writer, const CommitSlot& slot) {
        return writer.StageVersion(request, slot);
      },
      std::move(done));
}

void Engine::CommitVersion(absl::string_view collection, const CommitVersionRequest& request,
                           VersionDone done) {
  auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  Violations violations;
  CheckVersion(request.model_version, &violations);
  if (request.row_count.value_or(1) < 1) violations.Add("row_count", "must be at least 1");
  if (request.user_row_count.value_or(0) < 0) {
    violations.Add("user_row_count", "must not be negative");
  }
  const absl::string_view problem = RequestIdProblem(request.options.request_id);
  if (!problem.empty()) violations.Add("request_id", problem);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return done(std::move(status));
  if ((*found)->snapshot()->vectors == nullptr) {
    return done(
        WithReason(absl::FailedPreconditionError("the collection has no embedding_settings"),
                   "EMBEDDINGS_NOT_CONFIGURED"));
  }
  impl_->version_keeper().Commit(
      *std::move(found), request,
      [done = std::move(done)](absl::StatusOr<EmbeddingVersionRecord> record) {
        if (!record.ok()) return done(record.status());
        done(EmbeddingVersion{*std::move(record), {}});
      });
}

void Engine::AbortVersion(absl::string_view collection, int64_t model_version, VersionDone done) {
  Violations violations;
  CheckVersion(model_version, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return done(std::move(status));
  impl_->ChangeVersion(
      collection,
      [model_version](CollectionWriter& writer, const CommitSlot& slot) {
        return writer.StageEnd(model_version, EmbeddingVersionState::kAborted, slot);
      },
      std::move(done));
}

absl::StatusOr<EmbeddingVersion> Engine::GetVersion(absl::string_view collection,
                                                    int64_t model_version) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  const std::map<int64_t, EmbeddingVersionRecord> versions = found->versions();
  const auto version = versions.find(model_version);
  if (version == versions.end()) {
    return WithReason(absl::NotFoundError(absl::StrCat("there is no version ", model_version)),
                      "EMBEDDING_VERSION_NOT_FOUND");
  }
  return EmbeddingVersion{version->second, found->Streams(ShardPrefix(model_version))};
}

absl::StatusOr<std::vector<EmbeddingVersionRecord>> Engine::ListVersions(
    absl::string_view collection) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  std::vector<EmbeddingVersionRecord> records;
  for (const auto& [model_version, record] : found->versions()) records.push_back(record);
  return records;
}

}  // namespace negatron
