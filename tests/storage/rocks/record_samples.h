// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_STORAGE_ROCKS_RECORD_SAMPLES_H_
#define NEGATRON_TESTS_STORAGE_ROCKS_RECORD_SAMPLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "storage/model/audits.h"
#include "storage/model/controllers.h"
#include "storage/model/records.h"

namespace negatron {

// Records that between them use every field, in both states of every option.
// Golden files hold their bytes: never change one, add more.
inline constexpr int64_t kSampleIncarnation = 0x0102030405060708;

std::vector<CollectionRecord> SampleCollections();
std::vector<ItemRecord> SampleItems();
std::vector<UserRecord> SampleUsers();
std::vector<EventRecord> SampleEvents();
std::vector<EmbeddingRecord> SampleEmbeddings();
std::vector<RequestRecord> SampleRequests();

// Those that use what version 2 of their records added; golden in a file of their own.
std::vector<CollectionRecord> SampleCollections2();
std::vector<ItemRecord> SampleItems2();
std::vector<UserRecord> SampleUsers2();
std::vector<EventRecord> SampleEvents2();
std::vector<StreamRecord> SampleStreams();

// Those that use what format version 3 added; golden in a file of their own.
std::vector<EmbeddingRecord> SampleEmbeddings2();
std::vector<EmbeddingRecord> SampleStagedEmbeddings();
std::vector<EmbeddingVersionRecord> SampleEmbeddingVersions();

// Those that use what format version 4 added; golden in a file of their own.
std::vector<EmbeddingRecord> SampleUserEmbeddings();
std::vector<EmbeddingVersionRecord> SampleEmbeddingVersions2();
// Golden in a file of their own, too; their recipes are made up.
std::vector<PolicyRecord> SamplePolicies();
// Of the audit log, and collections with one; golden in a file of their own.
std::vector<AuditRecord> SampleAudits();
std::vector<AuditErasureRecord> SampleAuditErasures();
std::vector<CollectionRecord> SampleAuditedCollections();

// Those that use what format version 5 added; golden in a file of their own.
std::vector<ControllerRecord> SampleControllers();

// Key and value as the store writes them, for any kind of record.
struct EncodedRecord {
  std::string key;
  std::string value;
};
EncodedRecord Encode(const CollectionRecord& record);
EncodedRecord Encode(const ItemRecord& record);
EncodedRecord Encode(const UserRecord& record);
EncodedRecord Encode(const EventRecord& record);
EncodedRecord Encode(const EmbeddingRecord& record);
EncodedRecord Encode(const RequestRecord& record);
EncodedRecord Encode(const StreamRecord& record);
EncodedRecord Encode(const EmbeddingVersionRecord& record);
EncodedRecord Encode(const PolicyRecord& record);
EncodedRecord Encode(const ControllerRecord& record);
EncodedRecord Encode(const AuditRecord& record);  // The head.
EncodedRecord Encode(const AuditErasureRecord& record);
EncodedRecord EncodeAuditBody(const AuditRecord& record);

}  // namespace negatron

#endif  // NEGATRON_TESTS_STORAGE_ROCKS_RECORD_SAMPLES_H_
