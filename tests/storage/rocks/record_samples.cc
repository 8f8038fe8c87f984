// SPDX-License-Identifier: Apache-2.0
#include "tests/storage/rocks/record_samples.h"

#include "storage/rocks/codec.h"

namespace negatron {

std::vector<CollectionRecord> SampleCollections() {
  CollectionRecord plain;
  plain.incarnation = 1;
  plain.id = "a";
  plain.popularity_grid_micros = DefaultPopularityGrid(0);
  CollectionRecord full;
  full.incarnation = kSampleIncarnation;
  full.id = "films";
  full.display_name = "Films \xC3\xA9t\xC3\xA9";
  full.labels = {{"team", "ranking"}, {"tier", ""}};
  full.item_id_type = IdType::kString;
  full.user_id_type = IdType::kInt64;
  full.half_life_micros = 86400LL * 30 * 1000000;
  full.popularity_grid_micros = DefaultPopularityGrid(full.half_life_micros);
  full.missing_item_rule = MissingItemRule::kCreate;
  full.embedding = EmbeddingSettings{4096, Metric::kCosine};
  full.create_time = 1700000000000001;
  full.revision = 3;
  full.request_id = "create-1";
  full.commit_sequence = 0x1122334455667788;
  return {plain, full};
}

std::vector<ItemRecord> SampleItems() {
  return {{0, {-1, ""}, {}, false, 1},
          {7, {42, ""}, {{kAlways, kNever}}, true, 2},
          {0xFFFFFFFE, {0, "tt0111161"}, {{-5, 10}, {20, kNever}}, false, 0x1122334455667788}};
}

std::vector<UserRecord> SampleUsers() {
  return {{0, {-9, ""}, 1}, {0x01020304, {0, "alice"}, 0x1122334455667788}};
}

std::vector<EventRecord> SampleEvents() {
  return {{kMinTime, 1, 0, 0, 0, EventKind::kPositive, 1.0f},
          {-1, 2, 3, 4, 5, EventKind::kPositive, 0.5f},
          {0, 2, 3, 4, 5, EventKind::kPositive, 4096.0f},
          {kMaxTime, 0x1122334455667788, 0x0A0B0C0D, 0x01020304, 0x05060708, EventKind::kPositive,
           0.1f}};
}

std::vector<EmbeddingRecord> SampleEmbeddings() {
  return {{0, {0.0f}, 1}, {0x01020304, {1.0f, -0.5f, 3.25f, -0.0f}, 0x1122334455667788}};
}

std::vector<RequestRecord> SampleRequests() {
  return {
      {"a", 1, 2, 3, 4, 5, false},
      {"import-0042", 0xFEDCBA9876543210, -1700000000000001, 0x1122334455667788, 100000, 17, true}};
}

std::vector<CollectionRecord> SampleCollections2() {
  CollectionRecord plain = SampleCollections()[0];
  plain.cohort_popularity = true;
  plain.watermark = kMinTime;
  CollectionRecord full = SampleCollections()[1];
  full.half_lives = {0, 3600000000};
  full.windows = {86400000000, 60000000, 3153600000000000};
  full.category_popularity = true;
  full.popularity_grid_micros = 60000000;
  full.mined_per_user = 4096;
  full.event_retention_micros = 3600000000;
  full.watermark = -1;
  CollectionRecord narrow = SampleCollections()[0];
  narrow.embedding = EmbeddingSettings{64, Metric::kL2, ElementType::kBfloat16};
  return {plain, full, narrow};
}

std::vector<ItemRecord> SampleItems2() {
  return {{1, {8, ""}, {}, false, 1, 0.0625f, {}, ""},
          {0x01020304,
           {0, "tt0111161"},
           {{-5, 10}},
           true,
           0x1122334455667788,
           16.0f,
           {"drama", "\xC3\xA9t\xC3\xA9"},
           std::string("\x00\xFF", 2)}};
}

std::vector<UserRecord> SampleUsers2() { return {{5, {}, 0x1122334455667788, true}}; }

std::vector<EventRecord> SampleEvents2() {
  return {{-1, 2, 3, 4, 5, EventKind::kPositive, 1.0f, 0, 255},
          {0, 2, 3, 4, 5, EventKind::kExposure, 0.5f, 0.25f, 0},
          {0, 2, 4, 4, 5, EventKind::kExposure, 1.0f, 0, 0},
          {kMaxTime, 0x1122334455667788, 0x0A0B0C0D, 0x01020304, 0x05060708, EventKind::kMined,
           4096.0f, 0, 0}};
}

std::vector<StreamRecord> SampleStreams() {
  return {{"events/a", 1, 2, 3, 0}, {"items/feed-7", 0x1122334455667788, 0x0102030405060708, 9, 4}};
}

std::vector<EmbeddingRecord> SampleEmbeddings2() {
  return {{1, {0.5f}, 2, {1, 0}},
          {2, {0.5f}, 2, {0, 1}},
          {3, {0.5f}, 2, {1, -1}},
          {0x01020304, {1.0f, -0.5f}, 0x1122334455667788, {0x0102030405060708, 1700000000000001}}};
}

std::vector<EmbeddingRecord> SampleStagedEmbeddings() {
  return {{1, {0.5f}, 2, {1, 0}, 1},
          {0x01020304, {-0.5f}, 3, {0x0102030405060708, 9}, 0x0102030405060708}};
}

std::vector<EmbeddingVersionRecord> SampleEmbeddingVersions() {
  return {{1, EmbeddingVersionState::kStaging, 2, 3, 0, 0, 4},
          {0x0102030405060708, EmbeddingVersionState::kCommitted, -1, 1700000000000001,
           1700000000000000, 100000, 0x1122334455667788},
          {2, EmbeddingVersionState::kAborted, 5, 6, 7, 0, 8},
          {3, EmbeddingVersionState::kExpired, 5, 6, 7, 0, 8}};
}

std::vector<EmbeddingRecord> SampleUserEmbeddings() {
  return {
      {1, {0.5f}, 2, {}, 0, VectorOwner::kUser},
      {0x01020304, {-0.5f}, 3, {0x0102030405060708, 9}, 0x0102030405060708, VectorOwner::kUser}};
}

std::vector<EmbeddingVersionRecord> SampleEmbeddingVersions2() {
  return {{1, EmbeddingVersionState::kCommitted, 2, 3, 4, 5, 6, 0x0102030405060708}};
}

std::vector<PolicyRecord> SamplePolicies() {
  return {{"a", 1, 2, 3, false, "x"},
          {"hard-2", 0x0102030405060708, 1700000000000001, 0x1122334455667788, false,
           std::string("\x00\xFF", 2)},
          {"hard-3", 4, -1, 5, true, ""}};
}

std::vector<ControllerRecord> SampleControllers() {
  ControllerRecord fresh;
  fresh.controller_id = "a";
  fresh.create_time = fresh.update_time = 1;
  fresh.commit_sequence = 2;
  fresh.settings.target_rate = 0.25;
  ControllerRecord used;
  used.controller_id = "warm-2";
  used.create_time = -1;
  used.update_time = 1700000000000001;
  used.commit_sequence = 0x1122334455667788;
  used.settings = {0.5, 1, 16, 0.25, 0.125, 0.75, 0.5, 0x0102030405060708, 1000, 1, {}};
  used.settings.stop_rule = {256, 0.5, 0.25, 0.125};
  used.state.output = 0.625;
  used.state.smoothed_rate = 0.1;
  used.state.report_count = 9;
  used.state.stale_report_count = 2;
  used.state.last_report_time = 1700000000000002;
  used.state.totals = {{0, {10, 3, 0, 0}}, {64, {0x0102030405060708, 4, 7, -0.5}}};
  used.state.recent = {{0.5, {1, 0, 0, 0}}, {0.75, {5, 4, 3, 1e30}}};
  return {fresh, used};
}

std::vector<AuditRecord> SampleAudits() {
  return {{0, false, 1, 2, 3, 0, "", 0, 4, "k", 5},
          {1700000000000001, true, 131072, 131071, 0x0102030405060708, 6, "hard-2",
           0x1122334455667788, 0xF0E0D0C0B0A09080, "negatron-kernel", 7},
          {1700000000000002, false, 3, 4, 5, 0, "", 0, 6, "k", 8, "", true}};
}

std::vector<AuditErasureRecord> SampleAuditErasures() {
  return {{0x0102030405060708, {{-9, ""}, {-1, "a"}, {3, "b\xC3\xA9"}}}, {1, {}}};
}

std::vector<CollectionRecord> SampleAuditedCollections() {
  CollectionRecord record;
  record.incarnation = 0x0102030405060708;
  record.id = "audited";
  record.popularity_grid_micros = DefaultPopularityGrid(0);
  record.cohort_popularity = true;
  record.audit = AuditSettings{0.25, 604800000000, 268435456};
  return {record};
}

EncodedRecord Encode(const CollectionRecord& record) {
  EncodedRecord encoded;
  AppendIncarnationKey(record.incarnation, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const ItemRecord& record) {
  EncodedRecord encoded;
  AppendOrdinalKey(kSampleIncarnation, record.ordinal, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const UserRecord& record) {
  EncodedRecord encoded;
  AppendOrdinalKey(kSampleIncarnation, record.ordinal, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const EventRecord& record) {
  EncodedRecord encoded;
  AppendEventKey(kSampleIncarnation, PositionOf(record), &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const EmbeddingRecord& record) {
  EncodedRecord encoded;
  AppendEmbeddingKey(kSampleIncarnation, record.table, record.owner, record.ordinal, &encoded.key);
  AppendEmbeddingValue(record.vector, record.commit_sequence, record.stamp, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const RequestRecord& record) {
  EncodedRecord encoded;
  AppendRequestKey(kSampleIncarnation, record.request_id, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const StreamRecord& record) {
  EncodedRecord encoded;
  AppendStreamKey(kSampleIncarnation, record.stream_id, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const EmbeddingVersionRecord& record) {
  EncodedRecord encoded;
  AppendVersionKey(kSampleIncarnation, record.model_version, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const PolicyRecord& record) {
  EncodedRecord encoded;
  AppendPolicyKey(kSampleIncarnation, record.policy_id, record.version, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const ControllerRecord& record) {
  EncodedRecord encoded;
  AppendControllerKey(kSampleIncarnation, record.controller_id, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const AuditRecord& record) {
  EncodedRecord encoded;
  AppendAuditKey(kSampleIncarnation, AuditPart::kHead, record.time, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord Encode(const AuditErasureRecord& record) {
  EncodedRecord encoded;
  AppendAuditErasureKey(kSampleIncarnation, record.commit_sequence, &encoded.key);
  AppendValue(record, &encoded.value);
  return encoded;
}

EncodedRecord EncodeAuditBody(const AuditRecord& record) {
  EncodedRecord encoded;
  AppendAuditKey(kSampleIncarnation, AuditPart::kBody, record.time, &encoded.key);
  AppendAuditBody(record, &encoded.value);
  return encoded;
}

}  // namespace negatron
