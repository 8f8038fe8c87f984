// SPDX-License-Identifier: Apache-2.0
// Staged versions of embeddings: what CollectionWriter makes of them.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/collection_writer.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

absl::Status Ended(int64_t model_version, absl::string_view how) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat("version ", model_version, " ", how)),
      "EMBEDDING_VERSION_ENDED");
}

absl::string_view Describe(EmbeddingVersionState state) {
  switch (state) {
    case EmbeddingVersionState::kStaging:
      return "is being uploaded";
    case EmbeddingVersionState::kCommitted:
      return "is committed";
    case EmbeddingVersionState::kAborted:
      return "was aborted";
    case EmbeddingVersionState::kExpired:
      return "has expired";
  }
  return "has ended";
}

}  // namespace

std::string ShardPrefix(int64_t model_version) {
  return absl::StrCat("versions/", model_version, "/");
}

absl::StatusOr<EmbeddingVersionRecord> FindStaging(const Collection& collection,
                                                   int64_t model_version) {
  const std::map<int64_t, EmbeddingVersionRecord> known = collection.versions();
  const auto found = known.find(model_version);
  if (found == known.end()) {
    return WithReason(
        absl::NotFoundError(absl::StrCat("there is no version ", model_version, "; begin it")),
        "EMBEDDING_VERSION_NOT_FOUND");
  }
  if (found->second.state != EmbeddingVersionState::kStaging) {
    return Ended(model_version, Describe(found->second.state));
  }
  return found->second;
}

// Equal is refused, too: nobody could tell its vectors from those that were streamed.
absl::Status CollectionWriter::CheckNewer(int64_t model_version) const {
  const int64_t highest = highest_model_version();
  if (model_version > highest) return absl::OkStatus();
  absl::Status status = absl::FailedPreconditionError(
      absl::StrCat("version ", model_version,
                   " cannot become the table: that has embeddings of model version ", highest));
  status = WithReason(std::move(status), "STALE_MODEL_VERSION");
  status = WithFact(std::move(status), "model_version", absl::StrCat(model_version));
  return WithFact(std::move(status), "highest_model_version", absl::StrCat(highest));
}

absl::Status CollectionWriter::CheckCommit(int64_t model_version) const {
  NEGATRON_RETURN_IF_ERROR(FindStaging(*collection_, model_version).status());
  return CheckNewer(model_version);
}

absl::Status CollectionWriter::CheckUploads(int64_t model_version) const {
  NEGATRON_RETURN_IF_ERROR(CheckCommit(model_version));
  if (!collection_->IsSealed(model_version)) return absl::OkStatus();
  return Ended(model_version, "is being committed");
}

absl::StatusOr<WriteResult> CollectionWriter::StageUpload(const UploadEmbeddingsRequest& request,
                                                          const CommitSlot& slot) {
  std::vector<RowRefusal> refusals;  // None: a chunk is written whole.
  NEGATRON_ASSIGN_OR_RETURN(const std::vector<Ordinal> owners,
                            StageOwners(request, slot, &refusals));
  const VectorStamp stamp{*request.model_version, slot.now};
  const auto dimension = static_cast<size_t>(request.column_count);
  for (size_t i = 0; i < owners.size(); ++i) {
    slot.batch->PutEmbedding(
        settings().incarnation, owners[i],
        std::span<const float>(request.values).subspan(i * dimension, dimension), slot.sequence,
        stamp, stamp.model_version, request.owner);
  }
  last_sequence_ = slot.sequence;
  return WriteResult{slot.sequence, request.ids.size(), 0, request.options.level};
}

void CollectionWriter::PutVersion(EmbeddingVersionRecord* record, const CommitSlot& slot) {
  record->commit_sequence = slot.sequence;
  slot.batch->PutEmbeddingVersion(settings().incarnation, *record);
  versions_[record->model_version] = *record;
  last_sequence_ = slot.sequence;
}

// Keeps the newest of those that ended; the table's record always.
void CollectionWriter::ForgetVersions(const CommitSlot& slot) {
  int kept = 0;
  const std::map<int64_t, EmbeddingVersionRecord> known = collection_->versions();
  for (auto next = known.rbegin(); next != known.rend(); ++next) {
    const auto& [model_version, record] = *next;
    if (record.state == EmbeddingVersionState::kStaging ||
        model_version == vectors().storage_table() || ++kept <= kMaxEndedVersions) {
      continue;
    }
    slot.batch->DeleteEmbeddingVersion(settings().incarnation, model_version);
    versions_[model_version] = std::nullopt;
  }
}

absl::StatusOr<EmbeddingVersionRecord> CollectionWriter::StageVersion(
    const BeginVersionRequest& request, const CommitSlot& slot) {
  if (published_->vectors == nullptr) {
    return WithReason(absl::FailedPreconditionError("the collection has no embedding_settings; "
                                                    "set them with UpdateCollection"),
                      "EMBEDDINGS_NOT_CONFIGURED");
  }
  const std::map<int64_t, EmbeddingVersionRecord> known = collection_->versions();
  const auto found = known.find(request.model_version);
  if (found != known.end() && found->second.state == EmbeddingVersionState::kStaging) {
    return found->second;
  }
  NEGATRON_RETURN_IF_ERROR(CheckNewer(request.model_version));
  const auto staging = std::count_if(known.begin(), known.end(), [](const auto& entry) {
    return entry.second.state == EmbeddingVersionState::kStaging;
  });
  if (staging >= kMaxStagingVersions) {
    return WithReason(absl::ResourceExhaustedError(
                          absl::StrCat("a collection stages at most ", kMaxStagingVersions,
                                       " versions at a time; commit or abort one")),
                      "COLLECTION_FULL");
  }
  EmbeddingVersionRecord record;
  record.model_version = request.model_version;
  record.create_time = slot.now;
  record.expire_time = slot.now + request.ttl_micros;
  ForgetVersions(slot);
  PutVersion(&record, slot);
  return record;
}

// Records how a version ended, and forgets its shards.
void CollectionWriter::EndVersion(EmbeddingVersionRecord* record, EmbeddingVersionState state,
                                  const CommitSlot& slot) {
  record->state = state;
  record->end_time = slot.now;
  PutVersion(record, slot);
  ended_version_ = record->model_version;
  for (const StreamRecord& shard : collection_->Streams(ShardPrefix(record->model_version))) {
    slot.batch->DeleteStream(settings().incarnation, shard.stream_id);
  }
}

absl::StatusOr<EmbeddingVersionRecord> CollectionWriter::StageFlip(int64_t model_version,
                                                                   const VersionTables& tables,
                                                                   const IndexedTable& index,
                                                                   const CommitSlot& slot) {
  NEGATRON_RETURN_IF_ERROR(CheckCommit(model_version));
  NEGATRON_ASSIGN_OR_RETURN(EmbeddingVersionRecord record,
                            FindStaging(*collection_, model_version));
  slot.batch->DeleteEmbeddings(settings().incarnation, vectors().storage_table());
  vectors_.emplace(*tables.items);
  user_vectors_.emplace(*tables.users);
  for (const Ordinal user : erased_) {
    if (!users().IsLinked(user)) user_vectors_->Erase(user);  // Else its commit failed.
  }
  record.row_count = vectors().size();
  record.user_row_count = user_vectors().size();
  EndVersion(&record, EmbeddingVersionState::kCommitted, slot);
  index_.generation = published_->generation;
  if (index_.generation != nullptr) {
    // Another generation may have come since, which is rare enough to be paid for here.
    index_.delta = index_.generation == index.generation ? index.delta
                                                         : DeltaOf(vectors(), *index_.generation);
  }
  return record;
}

absl::StatusOr<EmbeddingVersionRecord> CollectionWriter::StageEnd(int64_t model_version,
                                                                  EmbeddingVersionState state,
                                                                  const CommitSlot& slot) {
  const std::map<int64_t, EmbeddingVersionRecord> known = collection_->versions();
  const auto found = known.find(model_version);
  if (found != known.end() && found->second.state != EmbeddingVersionState::kStaging &&
      found->second.state != EmbeddingVersionState::kCommitted) {
    return found->second;
  }
  NEGATRON_ASSIGN_OR_RETURN(EmbeddingVersionRecord record,
                            FindStaging(*collection_, model_version));
  if (collection_->IsSealed(model_version)) return Ended(model_version, "is being committed");
  slot.batch->DeleteEmbeddings(settings().incarnation, model_version);
  EndVersion(&record, state, slot);
  return record;
}

}  // namespace negatron
