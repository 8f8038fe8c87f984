// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_STORE_BATCH_H_
#define NEGATRON_STORAGE_ROCKS_STORE_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/strings/string_view.h"

#include "storage/model/audits.h"
#include "storage/model/controllers.h"
#include "storage/model/records.h"

namespace negatron {

class Mutations;

// One mutation group: becomes durable whole or not at all. Later mutations of
// the same record win.
//
// Thread-safety: thread-compatible.
class StoreBatch {
 public:
  StoreBatch();
  ~StoreBatch();
  StoreBatch(StoreBatch&&) noexcept;
  StoreBatch& operator=(StoreBatch&&) noexcept;

  // Writes or replaces a record. Bounds are those of storage/model/limits.h
  // and are the caller's to hold; incarnations and times are as in records.h.
  void PutCollection(const CollectionRecord& record);
  void PutItem(int64_t incarnation, const ItemRecord& record);
  void PutUser(int64_t incarnation, const UserRecord& record);
  void PutEvent(int64_t incarnation, const EventRecord& record);
  // `table` and `owner` as in EmbeddingRecord.
  void PutEmbedding(int64_t incarnation, Ordinal ordinal, std::span<const float> vector,
                    int64_t commit_sequence, const VectorStamp& stamp, int64_t table = 0,
                    VectorOwner owner = VectorOwner::kItem);
  void PutEmbeddingVersion(int64_t incarnation, const EmbeddingVersionRecord& record);
  void PutRequest(int64_t incarnation, const RequestRecord& record);
  void PutStream(int64_t incarnation, const StreamRecord& record);
  void PutPolicy(int64_t incarnation, const PolicyRecord& record);
  void PutController(int64_t incarnation, const ControllerRecord& record);
  void PutAudit(int64_t incarnation, const AuditRecord& record);  // With its body.
  void PutAuditErasure(int64_t incarnation, const AuditErasureRecord& record);

  void DeleteEvent(int64_t incarnation, const EventPosition& position);
  void DeleteRequest(int64_t incarnation, absl::string_view request_id);
  void DeleteStream(int64_t incarnation, absl::string_view stream_id);
  void DeleteEmbeddingVersion(int64_t incarnation, int64_t model_version);  // Its record alone.
  // All embeddings of a table, of items and users; it is below the highest int64. O(1).
  void DeleteEmbeddings(int64_t incarnation, int64_t table);
  void DeleteUserEmbedding(int64_t incarnation, int64_t table, Ordinal user);
  // All versions of a policy that are below `end`. O(1).
  void DeletePolicies(int64_t incarnation, absl::string_view policy_id, int64_t end);
  void DeleteController(int64_t incarnation, absl::string_view controller_id);
  void DeleteAudit(int64_t incarnation, Micros time);
  // All audits up to and with a time, which is not negative. O(1).
  void DeleteAuditsUntil(int64_t incarnation, Micros last);
  void DeleteAuditErasure(int64_t incarnation, int64_t commit_sequence);
  // The collection's record and everything of that incarnation. O(1).
  void DeleteCollection(int64_t incarnation);

  size_t size_bytes() const;  // Of the log record it becomes, about.
  bool empty() const;
  void Clear();

 private:
  friend class Store;
  std::unique_ptr<Mutations> mutations_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_STORE_BATCH_H_
