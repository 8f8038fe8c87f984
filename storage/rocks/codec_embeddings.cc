// SPDX-License-Identifier: Apache-2.0
// Embeddings, the versions that they are uploaded as, and positions of streams.
#include <string>

#include "absl/strings/str_cat.h"

#include "storage/rocks/bytes.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/record_reader.h"

namespace negatron {
namespace {

constexpr uint8_t kEncodingFloat32 = 1;

// What follows the beginning of the key.
absl::Status ReadEmbedding(RecordReader& reader, EmbeddingRecord* record) {
  record->ordinal = reader.key().Big<uint32_t>();
  record->commit_sequence = reader.value().Little<int64_t>();
  record->stamp = VectorStamp();
  if (reader.version() >= kVersion2) {
    record->stamp.model_version = reader.value().Little<int64_t>();
    record->stamp.write_time = reader.value().Little<int64_t>();
    if (record->stamp.model_version < 0) reader.Fail("a negative model version");
  }
  const auto encoding = reader.value().Little<uint8_t>();
  if (encoding != kEncodingFloat32) {
    reader.Fail(absl::StrCat("unknown vector encoding ", static_cast<int>(encoding)));
  }
  const size_t dimension = reader.value().Little<uint16_t>();
  record->vector.clear();
  if (dimension * sizeof(float) == reader.value().remaining()) {
    record->vector.resize(dimension);
    for (float& number : record->vector) number = reader.value().Float();
  } else {
    reader.Fail("the vector has a wrong length");
  }
  return reader.Finish();
}

}  // namespace

void AppendVersionKey(int64_t incarnation, int64_t model_version, std::string* out) {
  AppendBig(incarnation, out);
  AppendBig(model_version, out);
}

Family EmbeddingFamily(int64_t table, VectorOwner owner) {
  if (owner == VectorOwner::kUser) return Family::kUserEmbeddings;
  return table == 0 ? Family::kEmbeddings : Family::kStagedEmbeddings;
}

void AppendTableKey(int64_t incarnation, int64_t table, VectorOwner owner, std::string* out) {
  AppendBig(incarnation, out);
  if (EmbeddingFamily(table, owner) != Family::kEmbeddings) AppendBig(table, out);
}

void AppendEmbeddingKey(int64_t incarnation, int64_t table, VectorOwner owner, Ordinal ordinal,
                        std::string* out) {
  AppendTableKey(incarnation, table, owner, out);
  AppendBig(ordinal, out);
}

void AppendEmbeddingValue(std::span<const float> vector, int64_t commit_sequence,
                          const VectorStamp& stamp, std::string* out) {
  const bool stamped = stamp != VectorStamp();
  AppendLittle(stamped ? kVersion2 : kVersion1, out);
  AppendLittle(commit_sequence, out);
  if (stamped) {
    AppendLittle(stamp.model_version, out);
    AppendLittle(stamp.write_time, out);
  }
  AppendLittle(kEncodingFloat32, out);
  AppendLittle(static_cast<uint16_t>(vector.size()), out);
  for (const float number : vector) AppendFloat(number, out);
}

absl::Status DecodeEmbedding(Family family, absl::string_view key, absl::string_view value,
                             EmbeddingRecord* record) {
  RecordReader reader(family, key, value, kVersion2);
  record->owner = family == Family::kUserEmbeddings ? VectorOwner::kUser : VectorOwner::kItem;
  record->table = family == Family::kEmbeddings ? 0 : reader.key().Big<int64_t>();
  const int64_t lowest = family == Family::kStagedEmbeddings ? 1 : 0;
  if (record->table < lowest) reader.Fail(absl::StrCat("a model version below ", lowest));
  return ReadEmbedding(reader, record);
}

void AppendValue(const EmbeddingVersionRecord& record, std::string* out) {
  AppendLittle(record.user_row_count == 0 ? kVersion1 : kVersion2, out);
  AppendLittle(record.commit_sequence, out);
  AppendLittle(static_cast<uint8_t>(record.state), out);
  AppendLittle(record.create_time, out);
  AppendLittle(record.expire_time, out);
  AppendLittle(record.end_time, out);
  AppendLittle(record.row_count, out);
  if (record.user_row_count != 0) AppendLittle(record.user_row_count, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value,
                    EmbeddingVersionRecord* record) {
  RecordReader reader(Family::kEmbeddingVersions, key, value, kVersion2);
  record->model_version = reader.key().Big<int64_t>();
  if (record->model_version < 1) reader.Fail("a model version below 1");
  record->commit_sequence = reader.value().Little<int64_t>();
  record->state = reader.Enumerator(EmbeddingVersionState::kExpired, "state");
  record->create_time = reader.value().Little<int64_t>();
  record->expire_time = reader.value().Little<int64_t>();
  record->end_time = reader.value().Little<int64_t>();
  record->row_count = reader.value().Little<int64_t>();
  record->user_row_count = reader.version() < kVersion2 ? 0 : reader.value().Little<int64_t>();
  return reader.Finish();
}

void AppendValue(const StreamRecord& record, std::string* out) {
  AppendLittle(kVersion1, out);
  AppendLittle(record.commit_sequence, out);
  AppendLittle(record.chunk_number, out);
  AppendLittle(record.written_count, out);
  AppendLittle(record.created_item_count, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, StreamRecord* record) {
  RecordReader reader(Family::kStreams, key, value);
  record->stream_id = std::string(reader.key().Take(reader.key().remaining()));
  if (record->stream_id.empty()) reader.Fail("an empty stream id");
  record->commit_sequence = reader.value().Little<int64_t>();
  record->chunk_number = reader.value().Little<int64_t>();
  record->written_count = reader.value().Little<int64_t>();
  record->created_item_count = reader.value().Little<int64_t>();
  return reader.Finish();
}

}  // namespace negatron
