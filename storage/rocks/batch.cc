// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/batch.h"

#include <memory>

#include "storage/rocks/store.h"

namespace negatron {

StoreBatch::StoreBatch() : mutations_(std::make_unique<Mutations>()) {}
StoreBatch::~StoreBatch() = default;
StoreBatch::StoreBatch(StoreBatch&&) noexcept = default;
StoreBatch& StoreBatch::operator=(StoreBatch&&) noexcept = default;

void StoreBatch::PutCollection(const CollectionRecord& record) {
  mutations_->SawIncarnation(record.incarnation);
  mutations_->Begin(Mutations::Kind::kPut, Family::kCollections);
  AppendIncarnationKey(record.incarnation, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::PutItem(int64_t incarnation, const ItemRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kItems);
  AppendOrdinalKey(incarnation, record.ordinal, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::PutUser(int64_t incarnation, const UserRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kUsers);
  AppendOrdinalKey(incarnation, record.ordinal, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::PutEvent(int64_t incarnation, const EventRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kEvents);
  AppendEventKey(incarnation, PositionOf(record), mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::DeleteEvent(int64_t incarnation, const EventPosition& position) {
  mutations_->Begin(Mutations::Kind::kDelete, Family::kEvents);
  AppendEventKey(incarnation, position, mutations_->bytes());
  mutations_->EndKey();
  mutations_->End();
}

void StoreBatch::PutEmbedding(int64_t incarnation, Ordinal ordinal, std::span<const float> vector,
                              int64_t commit_sequence, const VectorStamp& stamp, int64_t table,
                              VectorOwner owner) {
  mutations_->Begin(Mutations::Kind::kPut, EmbeddingFamily(table, owner));
  AppendEmbeddingKey(incarnation, table, owner, ordinal, mutations_->bytes());
  mutations_->EndKey();
  AppendEmbeddingValue(vector, commit_sequence, stamp, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::PutRequest(int64_t incarnation, const RequestRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kRequests);
  AppendRequestKey(incarnation, record.request_id, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::PutStream(int64_t incarnation, const StreamRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kStreams);
  AppendStreamKey(incarnation, record.stream_id, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::PutEmbeddingVersion(int64_t incarnation, const EmbeddingVersionRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kEmbeddingVersions);
  AppendVersionKey(incarnation, record.model_version, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::DeleteEmbeddingVersion(int64_t incarnation, int64_t model_version) {
  mutations_->Begin(Mutations::Kind::kDelete, Family::kEmbeddingVersions);
  AppendVersionKey(incarnation, model_version, mutations_->bytes());
  mutations_->EndKey();
  mutations_->End();
}

void StoreBatch::PutController(int64_t incarnation, const ControllerRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kControllers);
  AppendControllerKey(incarnation, record.controller_id, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::DeleteController(int64_t incarnation, absl::string_view controller_id) {
  mutations_->Begin(Mutations::Kind::kDelete, Family::kControllers);
  AppendControllerKey(incarnation, controller_id, mutations_->bytes());
  mutations_->EndKey();
  mutations_->End();
}

void StoreBatch::PutPolicy(int64_t incarnation, const PolicyRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kPolicies);
  AppendPolicyKey(incarnation, record.policy_id, record.version, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::DeletePolicies(int64_t incarnation, absl::string_view policy_id, int64_t end) {
  mutations_->Begin(Mutations::Kind::kDeleteRange, Family::kPolicies);
  AppendPolicyKey(incarnation, policy_id, 0, mutations_->bytes());
  mutations_->EndKey();
  AppendPolicyKey(incarnation, policy_id, end, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::PutAudit(int64_t incarnation, const AuditRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kAudits);
  AppendAuditKey(incarnation, AuditPart::kHead, record.time, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
  mutations_->Begin(Mutations::Kind::kPut, Family::kAudits);
  AppendAuditKey(incarnation, AuditPart::kBody, record.time, mutations_->bytes());
  mutations_->EndKey();
  AppendAuditBody(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::PutAuditErasure(int64_t incarnation, const AuditErasureRecord& record) {
  mutations_->Begin(Mutations::Kind::kPut, Family::kAudits);
  AppendAuditErasureKey(incarnation, record.commit_sequence, mutations_->bytes());
  mutations_->EndKey();
  AppendValue(record, mutations_->bytes());
  mutations_->End();
}

void StoreBatch::DeleteAudit(int64_t incarnation, Micros time) {
  for (const AuditPart part : {AuditPart::kHead, AuditPart::kBody}) {
    mutations_->Begin(Mutations::Kind::kDelete, Family::kAudits);
    AppendAuditKey(incarnation, part, time, mutations_->bytes());
    mutations_->EndKey();
    mutations_->End();
  }
}

void StoreBatch::DeleteAuditsUntil(int64_t incarnation, Micros last) {
  for (const AuditPart part : {AuditPart::kHead, AuditPart::kBody}) {
    mutations_->Begin(Mutations::Kind::kDeleteRange, Family::kAudits);
    AppendAuditKey(incarnation, part, last, mutations_->bytes());
    mutations_->EndKey();
    const auto next = static_cast<AuditPart>(static_cast<uint8_t>(part) + 1);
    AppendAuditPrefix(incarnation, next, mutations_->bytes());
    mutations_->End();
  }
}

void StoreBatch::DeleteAuditErasure(int64_t incarnation, int64_t commit_sequence) {
  mutations_->Begin(Mutations::Kind::kDelete, Family::kAudits);
  AppendAuditErasureKey(incarnation, commit_sequence, mutations_->bytes());
  mutations_->EndKey();
  mutations_->End();
}

void StoreBatch::DeleteEmbeddings(int64_t incarnation, int64_t table) {
  for (const VectorOwner owner : {VectorOwner::kItem, VectorOwner::kUser}) {
    const Family family = EmbeddingFamily(table, owner);
    mutations_->Begin(Mutations::Kind::kDeleteRange, family);
    AppendTableKey(incarnation, table, owner, mutations_->bytes());
    mutations_->EndKey();
    // The key behind them: of the next collection where there is one table in the family.
    if (family == Family::kEmbeddings) {
      AppendTableKey(incarnation + 1, table, owner, mutations_->bytes());
    } else {
      AppendTableKey(incarnation, table + 1, owner, mutations_->bytes());
    }
    mutations_->End();
  }
}

void StoreBatch::DeleteUserEmbedding(int64_t incarnation, int64_t table, Ordinal user) {
  mutations_->Begin(Mutations::Kind::kDelete, Family::kUserEmbeddings);
  AppendEmbeddingKey(incarnation, table, VectorOwner::kUser, user, mutations_->bytes());
  mutations_->EndKey();
  mutations_->End();
}

void StoreBatch::DeleteStream(int64_t incarnation, absl::string_view stream_id) {
  mutations_->Begin(Mutations::Kind::kDelete, Family::kStreams);
  AppendStreamKey(incarnation, stream_id, mutations_->bytes());
  mutations_->EndKey();
  mutations_->End();
}

void StoreBatch::DeleteRequest(int64_t incarnation, absl::string_view request_id) {
  mutations_->Begin(Mutations::Kind::kDelete, Family::kRequests);
  AppendRequestKey(incarnation, request_id, mutations_->bytes());
  mutations_->EndKey();
  mutations_->End();
}

void StoreBatch::DeleteCollection(int64_t incarnation) {
  for (int family = 0; family < kFamilyCount; ++family) {
    if (static_cast<Family>(family) == Family::kMeta) continue;
    mutations_->Begin(Mutations::Kind::kDeleteRange, static_cast<Family>(family));
    AppendIncarnationKey(incarnation, mutations_->bytes());
    mutations_->EndKey();
    AppendIncarnationKey(incarnation + 1, mutations_->bytes());
    mutations_->End();
  }
}

size_t StoreBatch::size_bytes() const { return mutations_->size_bytes(); }

bool StoreBatch::empty() const { return mutations_->size_bytes() == 0; }

void StoreBatch::Clear() { mutations_->Clear(); }

}  // namespace negatron
