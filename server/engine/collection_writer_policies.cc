// SPDX-License-Identifier: Apache-2.0
// Stored policies: what CollectionWriter makes of them.
#include <utility>

#include "server/engine/collection_writer.h"
#include "storage/base/status.h"

namespace negatron {

absl::Status CollectionWriter::PutPolicy(const PolicyRecord& record, const CommitSlot& slot) {
  auto next = std::make_shared<PolicyTable>(policies());
  NEGATRON_RETURN_IF_ERROR(next->Add(record));
  policies_ = std::move(next);
  slot.batch->PutPolicy(settings().incarnation, record);
  last_sequence_ = slot.sequence;
  return absl::OkStatus();
}

absl::StatusOr<WriteResult> CollectionWriter::StagePolicy(const PutPolicyRequest& request,
                                                          const CommitSlot& slot) {
  const std::string& id = request.policy_id;
  NEGATRON_RETURN_IF_ERROR(policies().CheckChange(id, request.expected_version.value_or(-1)));
  const absl::StatusOr<StoredPolicyPointer> latest = policies().Find(id, 0);
  if (latest.ok() && (*latest)->plan == request.plan) {
    return WriteResult{slot.sequence, (*latest)->version, 0, request.options.level};
  }
  NEGATRON_RETURN_IF_ERROR(policies().CheckRoom(id));
  PolicyRecord record;
  record.policy_id = id;
  record.version = policies().LastVersion(id) + 1;
  record.create_time = slot.now;
  record.commit_sequence = slot.sequence;
  record.recipe = request.recipe;
  NEGATRON_RETURN_IF_ERROR(PutPolicy(record, slot));
  return WriteResult{slot.sequence, record.version, 0, request.options.level};
}

absl::StatusOr<WriteResult> CollectionWriter::StagePolicyDeletion(
    const DeletePolicyRequest& request, const CommitSlot& slot) {
  const std::string& id = request.policy_id;
  WriteResult result{slot.sequence, 0, 0, request.options.level};
  NEGATRON_RETURN_IF_ERROR(policies().CheckChange(id, request.expected_version.value_or(-1)));
  const absl::StatusOr<StoredPolicyPointer> latest = policies().Find(id, 0);
  if (!latest.ok()) {
    if (!request.allow_missing) return latest.status();
    return result;
  }
  PolicyRecord record;
  record.policy_id = id;
  record.version = (*latest)->version;
  record.create_time = slot.now;
  record.commit_sequence = slot.sequence;
  record.deleted = true;
  slot.batch->DeletePolicies(settings().incarnation, id, record.version);
  NEGATRON_RETURN_IF_ERROR(PutPolicy(record, slot));
  return result;
}

}  // namespace negatron
