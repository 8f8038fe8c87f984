// SPDX-License-Identifier: Apache-2.0
// Writes of rows: by calls, by streams, and to staged versions.
#include <type_traits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "server/engine/engine_impl.h"
#include "server/engine/write_checks.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

// The name of a stream in the store.
std::string StreamName(StreamKind kind, absl::string_view stream_id) {
  switch (kind) {
    case StreamKind::kItems:
      return absl::StrCat("items/", stream_id);
    case StreamKind::kEvents:
      return absl::StrCat("events/", stream_id);
    case StreamKind::kShards:
      return absl::StrCat("versions/", stream_id);
  }
  return std::string(stream_id);
}

WriteOptions ChunkOptions(StreamKind kind, const StreamChunk& chunk) {
  WriteOptions options;
  options.stream = StreamName(kind, chunk.stream_id);
  options.chunk_number = chunk.chunk_number;
  return options;
}

}  // namespace

template <typename Request>
void Engine::Impl::Write(const CollectionRecord& settings, Request request,
                         absl::StatusOr<WriteResult> (CollectionWriter::*stage)(const Request&,
                                                                                const CommitSlot&),
                         WriteDone done, bool exclusive) {
  struct State {
    std::string id;
    int64_t incarnation;
    Request request;
    uint64_t fingerprint;
    WriteResult result;
  };
  const uint64_t fingerprint = request.options.request_id.empty() ? 0 : FingerprintOf(request);
  PendingWrite write;
  write.exclusive = exclusive;
  write.patient = !request.options.stream.empty();
  write.size_bytes = BytesOf(request);
  write.durable = request.options.level == AckLevel::kDurable;
  auto state = std::make_shared<State>(
      State{settings.id, settings.incarnation, std::move(request), fingerprint, {}});
  write.stage = [this, state, stage](const CommitSlot& slot) -> absl::StatusOr<CollectionWriter*> {
    CollectionWriter* writer = FindWriter(state->id);
    // What was checked for a collection must not reach another one of its name.
    if (writer == nullptr || writer->settings().incarnation != state->incarnation) {
      return NoCollection(state->id);
    }
    const WriteOptions& options = state->request.options;
    NEGATRON_ASSIGN_OR_RETURN(const std::optional<WriteResult> replay,
                              writer->FindReplay(options, state->fingerprint, slot.now));
    if (replay.has_value()) {
      state->result = *replay;
      return nullptr;
    }
    if constexpr (std::is_same_v<Request, UploadEmbeddingsRequest>) {
      // First: a version that has ended knows its shards no more.
      NEGATRON_RETURN_IF_ERROR(writer->CheckUploads(*state->request.model_version));
    }
    if (!options.stream.empty()) {
      NEGATRON_ASSIGN_OR_RETURN(state->result.replayed, writer->IsKnownChunk(options));
      if (state->result.replayed) {
        state->result.stream = writer->Stream(options.stream);
        return nullptr;
      }
    }
    NEGATRON_ASSIGN_OR_RETURN(state->result, (writer->*stage)(state->request, slot));
    if (!options.stream.empty()) {
      writer->StageChunk(options, state->result, slot);
      state->result.stream = writer->Stream(options.stream);
    }
    writer->Remember(options, state->fingerprint, state->result, slot);
    return writer;
  };
  write.finish = [state, done = std::move(done)](absl::Status status) {
    if (!status.ok()) return done(std::move(status));
    done(state->result);
  };
  queue_->Add(std::move(write));
}

void Engine::WriteItems(absl::string_view collection, WriteItemsRequest request, WriteDone done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  const std::shared_ptr<const CollectionRecord> settings = (*found)->snapshot()->settings;
  absl::Status status = CheckWrite(request, *settings);
  if (!status.ok()) return done(std::move(status));
  impl_->Write(*settings, std::move(request), &CollectionWriter::StageItems, std::move(done));
}

void Engine::WriteEvents(absl::string_view collection, WriteEventsRequest request, WriteDone done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  const std::shared_ptr<const CollectionRecord> settings = (*found)->snapshot()->settings;
  absl::Status status = CheckWrite(request, *settings);
  if (!status.ok()) return done(std::move(status));
  impl_->Write(*settings, std::move(request), &CollectionWriter::StageEvents, std::move(done));
}

void Engine::WriteEmbeddings(absl::string_view collection, WriteEmbeddingsRequest request,
                             WriteDone done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  const std::shared_ptr<const CollectionRecord> settings = (*found)->snapshot()->settings;
  absl::Status status = CheckWrite(&request, *settings);
  if (!status.ok()) return done(std::move(status));
  impl_->Write(*settings, std::move(request), &CollectionWriter::StageEmbeddings, std::move(done));
}

void Engine::RetractEvents(absl::string_view collection, RetractEventsRequest request,
                           WriteDone done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  const std::shared_ptr<const CollectionRecord> settings = (*found)->snapshot()->settings;
  absl::Status status = CheckWrite(request, *settings);
  if (!status.ok()) return done(std::move(status));
  impl_->Write(*settings, std::move(request), &CollectionWriter::StageRetraction, std::move(done),
               /*exclusive=*/true);
}

void Engine::EraseUsers(absl::string_view collection, EraseUsersRequest request, WriteDone done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  const std::shared_ptr<const CollectionRecord> settings = (*found)->snapshot()->settings;
  absl::Status status = CheckWrite(request, *settings);
  if (!status.ok()) return done(std::move(status));
  impl_->Write(
      *settings, std::move(request), &CollectionWriter::StageErasure,
      [this, incarnation = settings->incarnation,
       done = std::move(done)](absl::StatusOr<WriteResult> result) {
        if (!result.ok()) return done(std::move(result));
        const auto finish = [done, result = *std::move(result)](const absl::Status& removed) {
          if (!removed.ok()) return done(removed);
          done(result);
        };
        impl_->audits().RemoveErased(
            incarnation, [this, incarnation, finish](const absl::Status& audits) {
              impl_->housekeeper().RemoveErased(incarnation,
                                                [finish, audits](const absl::Status& events) {
                                                  finish(events.ok() ? audits : events);
                                                });
            });
      },
      /*exclusive=*/true);
}

void Engine::PutPolicy(absl::string_view collection, PutPolicyRequest request, PolicyDone done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  const std::shared_ptr<const CollectionRecord> settings = (*found)->snapshot()->settings;
  absl::Status status = CheckWrite(&request, *settings);
  if (!status.ok()) return done(std::move(status));
  const std::string id = request.policy_id;
  impl_->Write(
      *settings, std::move(request), &CollectionWriter::StagePolicy,
      [found = *found, id, done = std::move(done)](const absl::StatusOr<WriteResult>& result) {
        if (!result.ok()) return done(result.status());
        done(found->snapshot()->policies->Find(id, result->written_count));
      });
}

void Engine::DeletePolicy(absl::string_view collection, DeletePolicyRequest request,
                          std::function<void(absl::Status)> done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  absl::Status status = CheckWrite(request);
  if (!status.ok()) return done(std::move(status));
  const std::shared_ptr<const CollectionRecord> settings = (*found)->snapshot()->settings;
  impl_->Write(*settings, std::move(request), &CollectionWriter::StagePolicyDeletion,
               [done = std::move(done)](const absl::StatusOr<WriteResult>& result) {
                 done(result.status());
               });
}

void Engine::PutController(absl::string_view collection, PutControllerRequest request,
                           ControllerDone done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  absl::Status status = CheckWrite(request);
  if (!status.ok()) return done(std::move(status));
  const std::string id = request.controller_id;
  impl_->Write(
      *(*found)->snapshot()->settings, std::move(request), &CollectionWriter::StageController,
      [found = *found, id, done = std::move(done)](const absl::StatusOr<WriteResult>& result) {
        if (!result.ok()) return done(result.status());
        done(found->snapshot()->controllers->Find(id));
      });
}

void Engine::DeleteController(absl::string_view collection, DeleteControllerRequest request,
                              std::function<void(absl::Status)> done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  absl::Status status = CheckWrite(request);
  if (!status.ok()) return done(std::move(status));
  impl_->Write(
      *(*found)->snapshot()->settings, std::move(request),
      &CollectionWriter::StageControllerDeletion,
      [done = std::move(done)](const absl::StatusOr<WriteResult>& result) {
        done(result.status());
      },
      /*exclusive=*/true);
}

void Engine::ReportOutcomes(absl::string_view collection, ReportOutcomesRequest request,
                            std::function<void(absl::StatusOr<ReportOutcomesResult>)> done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  absl::Status status = CheckWrite(request);
  if (!status.ok()) return done(std::move(status));
  const std::string id = request.controller_id;
  impl_->Write(
      *(*found)->snapshot()->settings, std::move(request), &CollectionWriter::StageReport,
      [found = *found, id, done = std::move(done)](const absl::StatusOr<WriteResult>& result) {
        if (!result.ok()) return done(result.status());
        absl::StatusOr<ControllerPointer> controller = found->snapshot()->controllers->Find(id);
        if (!controller.ok()) return done(controller.status());
        done(ReportOutcomesResult{*std::move(controller), result->written_count == 0,
                                  result->replayed});
      });
}

absl::StatusOr<StreamRecord> Engine::GetStream(absl::string_view collection, StreamKind kind,
                                               absl::string_view stream_id) const {
  NEGATRON_ASSIGN_OR_RETURN(const auto found, impl_->Find(collection));
  int64_t model_version = 0;
  if (kind == StreamKind::kShards &&
      absl::SimpleAtoi(stream_id.substr(0, stream_id.find('/')), &model_version)) {
    NEGATRON_RETURN_IF_ERROR(FindStaging(*found, model_version).status());
  }
  return found->Stream(StreamName(kind, stream_id));
}

void Engine::ImportItems(absl::string_view collection, const StreamChunk& chunk,
                         WriteItemsRequest request, WriteDone done) {
  request.options = ChunkOptions(StreamKind::kItems, chunk);
  WriteItems(collection, std::move(request), std::move(done));
}

void Engine::ImportEvents(absl::string_view collection, const StreamChunk& chunk,
                          WriteEventsRequest request, WriteDone done) {
  request.options = ChunkOptions(StreamKind::kEvents, chunk);
  WriteEvents(collection, std::move(request), std::move(done));
}

void Engine::UploadEmbeddings(absl::string_view collection, int64_t model_version, int shard,
                              int64_t chunk_number, WriteEmbeddingsRequest request,
                              WriteDone done) {
  const auto found = impl_->Find(collection);
  if (!found.ok()) return done(found.status());
  Violations violations;
  CheckVersion(model_version, &violations);
  if (shard < 0 || shard >= kMaxShards) {
    violations.Add("shard", absl::StrCat("must be in [0, ", kMaxShards, ")"));
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return done(std::move(status));
  UploadEmbeddingsRequest upload{std::move(request)};
  upload.model_version = model_version;
  upload.options =
      ChunkOptions(StreamKind::kShards, {absl::StrCat(model_version, "/", shard), chunk_number});
  const std::shared_ptr<const CollectionRecord> settings = (*found)->snapshot()->settings;
  absl::Status status = CheckWrite(&upload, *settings);
  if (!status.ok()) return done(std::move(status));
  impl_->Write(*settings, std::move(upload), &CollectionWriter::StageUpload, std::move(done));
}

}  // namespace negatron
