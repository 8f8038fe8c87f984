// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_CODEC_H_
#define NEGATRON_STORAGE_ROCKS_CODEC_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "storage/model/audits.h"
#include "storage/model/controllers.h"
#include "storage/model/records.h"

// Records as keys and values; `storage/FORMAT.md` is the reference.
//
// Thread-safety: all functions are thread-safe.
namespace negatron {

// Column families, in the order of their creation.
enum class Family : uint8_t {
  kMeta = 0,
  kCollections = 1,
  kItems = 2,
  kUsers = 3,
  kEvents = 4,
  kEmbeddings = 5,
  kRequests = 6,
  kStreams = 7,           // Since format version 2.
  kStagedEmbeddings = 8,  // These since format version 3.
  kEmbeddingVersions = 9,
  kUserEmbeddings = 10,  // These since format version 4.
  kPolicies = 11,
  kControllers = 12,  // Since format version 5.
  kAudits = 13,       // Since format version 5.
};
inline constexpr int kFamilyCount = 14;

// The name in the database.
absl::string_view FamilyName(Family family);

inline Family FamilyFor(const CollectionRecord&) { return Family::kCollections; }
inline Family FamilyFor(const ItemRecord&) { return Family::kItems; }
inline Family FamilyFor(const UserRecord&) { return Family::kUsers; }
inline Family FamilyFor(const EventRecord&) { return Family::kEvents; }
inline Family FamilyFor(const RequestRecord&) { return Family::kRequests; }
inline Family FamilyFor(const StreamRecord&) { return Family::kStreams; }
inline Family FamilyFor(const EmbeddingVersionRecord&) { return Family::kEmbeddingVersions; }
// Of the embeddings of a table; as in EmbeddingRecord.
Family EmbeddingFamily(int64_t table, VectorOwner owner);
inline Family FamilyFor(const EmbeddingRecord& record) {
  return EmbeddingFamily(record.table, record.owner);
}
inline Family FamilyFor(const PolicyRecord&) { return Family::kPolicies; }
inline Family FamilyFor(const ControllerRecord&) { return Family::kControllers; }
inline Family FamilyFor(const AuditRecord&) { return Family::kAudits; }
inline Family FamilyFor(const AuditErasureRecord&) { return Family::kAudits; }

// Keys. Each appends to `out` and starts with the incarnation (>= 0), so that a
// collection's keys are those in [incarnation, incarnation + 1).
void AppendIncarnationKey(int64_t incarnation, std::string* out);  // Also a collection's.
void AppendOrdinalKey(int64_t incarnation, Ordinal ordinal, std::string* out);
// The prefix of the keys of all events of one instant.
void AppendInstantKey(int64_t incarnation, Micros time, std::string* out);
void AppendEventKey(int64_t incarnation, const EventPosition& position, std::string* out);
void AppendRequestKey(int64_t incarnation, absl::string_view request_id, std::string* out);
void AppendStreamKey(int64_t incarnation, absl::string_view stream_id, std::string* out);
void AppendVersionKey(int64_t incarnation, int64_t model_version, std::string* out);
// Of a vector, and what the keys of its table begin with; `table` and `owner` as in
// EmbeddingRecord.
void AppendTableKey(int64_t incarnation, int64_t table, VectorOwner owner, std::string* out);
void AppendEmbeddingKey(int64_t incarnation, int64_t table, VectorOwner owner, Ordinal ordinal,
                        std::string* out);

void AppendPolicyKey(int64_t incarnation, absl::string_view policy_id, int64_t version,
                     std::string* out);
void AppendControllerKey(int64_t incarnation, absl::string_view controller_id, std::string* out);

// The kinds of keys in Family::kAudits. Persisted: never renumber.
enum class AuditPart : uint8_t { kHead = 1, kBody = 2, kErasure = 3 };
void AppendAuditPrefix(int64_t incarnation, AuditPart part, std::string* out);
// Of a head or a body; the newest sort first.
void AppendAuditKey(int64_t incarnation, AuditPart part, Micros time, std::string* out);
void AppendAuditErasureKey(int64_t incarnation, int64_t commit_sequence, std::string* out);

// Values. Each appends to `out`.
void AppendValue(const CollectionRecord& record, std::string* out);
void AppendValue(const ItemRecord& record, std::string* out);
void AppendValue(const UserRecord& record, std::string* out);
void AppendValue(const EventRecord& record, std::string* out);
void AppendEmbeddingValue(std::span<const float> vector, int64_t commit_sequence,
                          const VectorStamp& stamp, std::string* out);
void AppendValue(const RequestRecord& record, std::string* out);
void AppendValue(const StreamRecord& record, std::string* out);
void AppendValue(const EmbeddingVersionRecord& record, std::string* out);
void AppendValue(const PolicyRecord& record, std::string* out);
void AppendValue(const ControllerRecord& record, std::string* out);
void AppendValue(const AuditRecord& record, std::string* out);  // The head.
void AppendAuditBody(const AuditRecord& record, std::string* out);
void AppendValue(const AuditErasureRecord& record, std::string* out);

// Reads a record into `record`, whose contents do not matter before.
//
// Errors: DATA_LOSS [DATABASE_DAMAGED] names the column family, the key in
//   hexadecimal and what is wrong: a version or enumerator this code does not
//   know, too few bytes, or too many.
absl::Status Decode(absl::string_view key, absl::string_view value, CollectionRecord* record);
absl::Status Decode(absl::string_view key, absl::string_view value, ItemRecord* record);
absl::Status Decode(absl::string_view key, absl::string_view value, UserRecord* record);
absl::Status Decode(absl::string_view key, absl::string_view value, EventRecord* record);
absl::Status Decode(absl::string_view key, absl::string_view value, RequestRecord* record);
absl::Status Decode(absl::string_view key, absl::string_view value, StreamRecord* record);
absl::Status Decode(absl::string_view key, absl::string_view value, EmbeddingVersionRecord* record);
// `family` as of EmbeddingFamily.
absl::Status DecodeEmbedding(Family family, absl::string_view key, absl::string_view value,
                             EmbeddingRecord* record);
// Of Family::kEmbeddings.
inline absl::Status Decode(absl::string_view key, absl::string_view value,
                           EmbeddingRecord* record) {
  return DecodeEmbedding(Family::kEmbeddings, key, value, record);
}
absl::Status Decode(absl::string_view key, absl::string_view value, PolicyRecord* record);
absl::Status Decode(absl::string_view key, absl::string_view value, ControllerRecord* record);
absl::Status Decode(absl::string_view key, absl::string_view value, AuditRecord* record);
absl::Status DecodeAuditBody(absl::string_view key, absl::string_view value, std::string* body);
absl::Status Decode(absl::string_view key, absl::string_view value, AuditErasureRecord* record);

// The records about the data folder itself, in Family::kMeta.
inline constexpr uint32_t kFormatVersion = 5;
inline constexpr absl::string_view kFormatVersionKey = "format_version";
inline constexpr absl::string_view kIdentityKey = "identity";
inline constexpr absl::string_view kSequenceKey = "sequence";
inline constexpr absl::string_view kIncarnationKey = "incarnation";

// Written with every batch. `previous` chains the batches: one that is missing
// between two others is noticed when the log is read.
struct SequenceStamp {
  int64_t previous = 0;  // `last` of the batch before.
  int64_t last = 0;

  friend bool operator==(const SequenceStamp&, const SequenceStamp&) = default;
};

std::string EncodeSequenceStamp(const SequenceStamp& stamp);
bool DecodeSequenceStamp(absl::string_view value, SequenceStamp* stamp);

std::string EncodeFormatVersion(uint32_t version);
bool DecodeFormatVersion(absl::string_view value, uint32_t* version);

std::string EncodeIncarnation(int64_t incarnation);  // The highest ever used.
bool DecodeIncarnation(absl::string_view value, int64_t* incarnation);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_CODEC_H_
