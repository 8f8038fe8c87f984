// SPDX-License-Identifier: Apache-2.0
// Vectors of items and users that are streamed: what CollectionWriter makes of them.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/collection_writer.h"
#include "server/engine/resolve.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {

VectorTableBuilder& CollectionWriter::EditUserVectors() {
  if (!user_vectors_.has_value()) user_vectors_.emplace(*published_->user_vectors);
  return *user_vectors_;
}

int64_t CollectionWriter::highest_model_version() const {
  return std::max(vectors().highest_model_version(), user_vectors().highest_model_version());
}

absl::StatusOr<std::vector<Ordinal>> CollectionWriter::StageOwners(
    const WriteEmbeddingsRequest& request, const CommitSlot& slot,
    std::vector<RowRefusal>* refusals) {
  const bool of_users = request.owner == VectorOwner::kUser;
  const bool can_create = of_users && CanCreate(request.ids, settings().user_id_type);
  std::vector<Ordinal> owners =
      of_users ? ResolveUsers(request.ids, users()) : Resolve(request.ids, items());
  Violations violations;
  int64_t fresh = 0;
  for (size_t i = 0; i < owners.size(); ++i) {
    if (owners[i] != kNoOrdinal) continue;
    if (can_create) {
      ++fresh;
    } else if (request.allow_partial) {
      refusals->resize(owners.size(), RowRefusal::kNone);
      (*refusals)[i] = of_users ? RowRefusal::kUnknownUser : RowRefusal::kUnknownItem;
    } else if (of_users) {
      violations.AddRow("user_ids", static_cast<int64_t>(i), "no user has this number");
    } else {
      violations.AddRow("item_ids", static_cast<int64_t>(i), "no such item; write it first");
    }
  }
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_RETURN_IF_ERROR(CheckRoom(users(), fresh, "users"));
  for (size_t i = 0; fresh > 0 && i < owners.size(); ++i) {
    if (owners[i] != kNoOrdinal) continue;
    if (!refusals->empty() && (*refusals)[i] != RowRefusal::kNone) continue;
    owners[i] = CreateUser(IdAt(request.ids, static_cast<int64_t>(i)), slot);
  }
  return owners;
}

absl::Status CollectionWriter::CheckModelVersion(int64_t model_version) const {
  const int64_t highest = highest_model_version();
  if (model_version >= highest) return absl::OkStatus();
  absl::Status status = absl::FailedPreconditionError(
      model_version == 0
          ? absl::StrCat("model_version is not set, but the collection has embeddings of model "
                         "version ",
                         highest, ": send the version of the model that made these")
          : absl::StrCat("model_version is ", model_version,
                         ", but the collection has embeddings "
                         "of model version ",
                         highest));
  status = WithReason(std::move(status), "STALE_MODEL_VERSION");
  status = WithFact(std::move(status), "model_version", absl::StrCat(model_version));
  return WithFact(std::move(status), "highest_model_version", absl::StrCat(highest));
}

absl::StatusOr<WriteResult> CollectionWriter::StageEmbeddings(const WriteEmbeddingsRequest& request,
                                                              const CommitSlot& slot) {
  const VectorStamp stamp{request.model_version.value_or(0), slot.now};
  NEGATRON_RETURN_IF_ERROR(CheckModelVersion(stamp.model_version));
  std::vector<RowRefusal> refusals = request.refusals;
  NEGATRON_ASSIGN_OR_RETURN(const std::vector<Ordinal> owners,
                            StageOwners(request, slot, &refusals));
  const bool of_users = request.owner == VectorOwner::kUser;
  if (!of_users && !vectors_.has_value()) vectors_.emplace(*published_->vectors);
  VectorTableBuilder& table = of_users ? EditUserVectors() : *vectors_;
  const size_t dimension = static_cast<size_t>(request.column_count);
  int64_t written = 0;
  for (size_t i = 0; i < owners.size(); ++i) {
    if (!refusals.empty() && refusals[i] != RowRefusal::kNone) continue;
    ++written;
    const std::span<const float> vector =
        std::span<const float>(request.values).subspan(i * dimension, dimension);
    table.Set(owners[i], vector, stamp);
    if (!of_users) touched_.push_back(owners[i]);
    slot.batch->PutEmbedding(settings().incarnation, owners[i], vector, slot.sequence, stamp,
                             table.table().storage_table(), request.owner);
  }
  last_sequence_ = slot.sequence;
  WriteResult result{slot.sequence, written, 0, request.options.level};
  if (written < request.ids.size()) result.refusals = std::move(refusals);
  return result;
}

void CollectionWriter::EraseUserVectors(Ordinal user, const CommitSlot& slot) {
  if (published_->vectors == nullptr) return;
  slot.batch->DeleteUserEmbedding(settings().incarnation, user_vectors().storage_table(), user);
  for (const auto& [model_version, record] : collection_->versions()) {
    if (record.state != EmbeddingVersionState::kStaging) continue;
    slot.batch->DeleteUserEmbedding(settings().incarnation, model_version, user);
  }
  if (user_vectors().Contains(user)) EditUserVectors().Erase(user);
  if (!collection_->HasSealed()) erased_.clear();
  erased_.push_back(user);
}

}  // namespace negatron
