// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/codec.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "storage/base/status.h"
#include "storage/rocks/bytes.h"

namespace negatron {
namespace {

constexpr uint8_t kRecordVersion = 1;  // Of every kind of record so far.
constexpr uint64_t kSignBit = uint64_t{1} << 63;

constexpr uint8_t kHasName = 1;       // Flags of items and users.
constexpr uint8_t kImplicit = 2;      // Flag of items.
constexpr uint8_t kHasEmbedding = 1;  // Flag of collections.
constexpr uint8_t kDurable = 1;       // Flag of requests.
constexpr uint8_t kEncodingFloat32 = 1;

absl::Status Damaged(Family family, absl::string_view key, absl::string_view what) {
  return WithReason(absl::DataLossError(absl::StrCat("column family ", FamilyName(family), ", key ",
                                                     absl::BytesToHexString(key), ": ", what)),
                    "DATABASE_DAMAGED");
}

// Collects what is wrong with one record while it is read.
class RecordReader {
 public:
  RecordReader(Family family, absl::string_view key, absl::string_view value)
      : family_(family), whole_key_(key), key_(key), value_(value) {
    incarnation_ = key_.Big<int64_t>();
    const auto version = value_.Little<uint8_t>();
    if (version != kRecordVersion) {
      Fail(absl::StrCat("unknown record version ", static_cast<int>(version)));
    }
  }

  ByteReader& key() { return key_; }
  ByteReader& value() { return value_; }
  int64_t incarnation() const { return incarnation_; }

  // An enumerator in [1, last].
  template <typename Enum>
  Enum Enumerator(Enum last, absl::string_view name) {
    const auto number = value_.Little<uint8_t>();
    if (number < 1 || number > static_cast<uint8_t>(last)) {
      Fail(absl::StrCat("unknown ", name, " ", static_cast<int>(number)));
    }
    return static_cast<Enum>(number);
  }

  uint8_t Flags(uint8_t known) {
    const auto flags = value_.Little<uint8_t>();
    if ((flags & ~known) != 0) Fail(absl::StrCat("unknown flags ", static_cast<int>(flags)));
    return flags;
  }

  void Fail(absl::string_view what) {
    if (problem_.empty()) problem_ = std::string(what);
  }

  absl::Status Finish() {
    if (!key_.AtEnd()) Fail("the key has a wrong length");
    if (!value_.AtEnd()) Fail("the value has a wrong length");
    return problem_.empty() ? absl::OkStatus() : Damaged(family_, whole_key_, problem_);
  }

 private:
  const Family family_;
  const absl::string_view whole_key_;
  ByteReader key_;
  ByteReader value_;
  int64_t incarnation_ = 0;
  std::string problem_;
};

void AppendId(const ExternalId& id, uint8_t other_flags, std::string* out) {
  if (id.name.empty()) {
    AppendLittle(other_flags, out);
    AppendLittle(id.number, out);
  } else {
    AppendLittle(static_cast<uint8_t>(other_flags | kHasName), out);
    AppendText(id.name, out);
  }
}

ExternalId ReadId(uint8_t flags, RecordReader& reader) {
  ExternalId id;
  if ((flags & kHasName) == 0) {
    id.number = reader.value().Little<int64_t>();
  } else {
    id.name = reader.value().Text();
    if (id.name.empty()) reader.Fail("an empty name");
  }
  return id;
}

void ReadEmbeddingSettings(RecordReader& reader, CollectionRecord* record) {
  EmbeddingSettings settings;
  settings.dimension = reader.value().Little<uint16_t>();
  settings.metric = reader.Enumerator(Metric::kL2, "metric");
  if (settings.dimension == 0) reader.Fail("a dimension of 0");
  record->embedding = settings;
}

void ReadLabels(RecordReader& reader, CollectionRecord* record) {
  record->labels.clear();
  const auto count = reader.value().Little<uint16_t>();
  for (int i = 0; i < count && reader.value().remaining() > 0; ++i) {
    std::string key = reader.value().Text();
    if (!record->labels.empty() && key <= record->labels.rbegin()->first) {
      reader.Fail("labels out of order");
    }
    record->labels.insert_or_assign(std::move(key), reader.value().Text());
  }
  if (record->labels.size() != count) reader.Fail("labels are missing");
}

}  // namespace

absl::string_view FamilyName(Family family) {
  switch (family) {
    case Family::kMeta:
      return "default";
    case Family::kCollections:
      return "collections";
    case Family::kItems:
      return "items";
    case Family::kUsers:
      return "users";
    case Family::kEvents:
      return "events";
    case Family::kEmbeddings:
      return "embeddings";
    case Family::kRequests:
      return "requests";
  }
  return "unknown";
}

void AppendIncarnationKey(int64_t incarnation, std::string* out) { AppendBig(incarnation, out); }

void AppendOrdinalKey(int64_t incarnation, Ordinal ordinal, std::string* out) {
  AppendBig(incarnation, out);
  AppendBig(ordinal, out);
}

void AppendEventKey(int64_t incarnation, const EventRecord& record, std::string* out) {
  AppendBig(incarnation, out);
  // With the sign bit flipped, times before 1970 sort before those after.
  AppendBig(static_cast<uint64_t>(record.time) ^ kSignBit, out);
  AppendBig(record.commit_sequence, out);
  AppendBig(record.row, out);
}

void AppendRequestKey(int64_t incarnation, absl::string_view request_id, std::string* out) {
  AppendBig(incarnation, out);
  out->append(request_id.data(), request_id.size());
}

void AppendValue(const CollectionRecord& record, std::string* out) {
  AppendLittle(kRecordVersion, out);
  AppendLittle(record.commit_sequence, out);
  AppendText(record.id, out);
  AppendText(record.display_name, out);
  AppendText(record.request_id, out);
  AppendLittle(record.create_time, out);
  AppendLittle(record.revision, out);
  AppendLittle(record.half_life_micros, out);
  AppendLittle(static_cast<uint8_t>(record.item_id_type), out);
  AppendLittle(static_cast<uint8_t>(record.user_id_type), out);
  AppendLittle(static_cast<uint8_t>(record.missing_item_rule), out);
  AppendLittle(record.embedding.has_value() ? kHasEmbedding : uint8_t{0}, out);
  if (record.embedding.has_value()) {
    AppendLittle(static_cast<uint16_t>(record.embedding->dimension), out);
    AppendLittle(static_cast<uint8_t>(record.embedding->metric), out);
  }
  AppendLittle(static_cast<uint16_t>(record.labels.size()), out);
  for (const auto& [key, value] : record.labels) {
    AppendText(key, out);
    AppendText(value, out);
  }
}

absl::Status Decode(absl::string_view key, absl::string_view value, CollectionRecord* record) {
  RecordReader reader(Family::kCollections, key, value);
  record->incarnation = reader.incarnation();
  record->commit_sequence = reader.value().Little<int64_t>();
  record->id = reader.value().Text();
  record->display_name = reader.value().Text();
  record->request_id = reader.value().Text();
  record->create_time = reader.value().Little<int64_t>();
  record->revision = reader.value().Little<int64_t>();
  record->half_life_micros = reader.value().Little<int64_t>();
  record->item_id_type = reader.Enumerator(IdType::kString, "item id type");
  record->user_id_type = reader.Enumerator(IdType::kString, "user id type");
  record->missing_item_rule = reader.Enumerator(MissingItemRule::kCreate, "missing item rule");
  record->embedding.reset();
  if (reader.Flags(kHasEmbedding) != 0) ReadEmbeddingSettings(reader, record);
  ReadLabels(reader, record);
  return reader.Finish();
}

void AppendValue(const ItemRecord& record, std::string* out) {
  AppendLittle(kRecordVersion, out);
  AppendLittle(record.commit_sequence, out);
  AppendId(record.id, record.implicit ? kImplicit : uint8_t{0}, out);
  AppendLittle(static_cast<uint16_t>(record.alive.size()), out);
  for (const Interval& interval : record.alive) {
    AppendLittle(interval.from, out);
    AppendLittle(interval.until, out);
  }
}

absl::Status Decode(absl::string_view key, absl::string_view value, ItemRecord* record) {
  RecordReader reader(Family::kItems, key, value);
  record->ordinal = reader.key().Big<uint32_t>();
  record->commit_sequence = reader.value().Little<int64_t>();
  const uint8_t flags = reader.Flags(kHasName | kImplicit);
  record->implicit = (flags & kImplicit) != 0;
  record->id = ReadId(flags, reader);
  record->alive.clear();
  const auto count = reader.value().Little<uint16_t>();
  for (int i = 0; i < count && reader.value().remaining() > 0; ++i) {
    Interval interval;
    interval.from = reader.value().Little<int64_t>();
    interval.until = reader.value().Little<int64_t>();
    record->alive.push_back(interval);
  }
  if (record->alive.size() != count) reader.Fail("intervals are missing");
  if (const absl::string_view problem = IntervalsProblem(record->alive); !problem.empty()) {
    reader.Fail(problem);
  }
  return reader.Finish();
}

void AppendValue(const UserRecord& record, std::string* out) {
  AppendLittle(kRecordVersion, out);
  AppendLittle(record.commit_sequence, out);
  AppendId(record.id, 0, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, UserRecord* record) {
  RecordReader reader(Family::kUsers, key, value);
  record->ordinal = reader.key().Big<uint32_t>();
  record->commit_sequence = reader.value().Little<int64_t>();
  record->id = ReadId(reader.Flags(kHasName), reader);
  return reader.Finish();
}

void AppendValue(const EventRecord& record, std::string* out) {
  AppendLittle(kRecordVersion, out);
  AppendLittle(record.user, out);
  AppendLittle(record.item, out);
  AppendLittle(static_cast<uint8_t>(record.kind), out);
  AppendFloat(record.weight, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, EventRecord* record) {
  RecordReader reader(Family::kEvents, key, value);
  record->time = static_cast<Micros>(reader.key().Big<uint64_t>() ^ kSignBit);
  record->commit_sequence = reader.key().Big<int64_t>();
  record->row = reader.key().Big<uint32_t>();
  record->user = reader.value().Little<uint32_t>();
  record->item = reader.value().Little<uint32_t>();
  record->kind = reader.Enumerator(EventKind::kPositive, "event kind");
  record->weight = reader.value().Float();
  return reader.Finish();
}

void AppendEmbeddingValue(std::span<const float> vector, int64_t commit_sequence,
                          std::string* out) {
  AppendLittle(kRecordVersion, out);
  AppendLittle(commit_sequence, out);
  AppendLittle(kEncodingFloat32, out);
  AppendLittle(static_cast<uint16_t>(vector.size()), out);
  for (const float number : vector) AppendFloat(number, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, EmbeddingRecord* record) {
  RecordReader reader(Family::kEmbeddings, key, value);
  record->ordinal = reader.key().Big<uint32_t>();
  record->commit_sequence = reader.value().Little<int64_t>();
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

void AppendValue(const RequestRecord& record, std::string* out) {
  AppendLittle(kRecordVersion, out);
  AppendLittle(record.commit_sequence, out);
  AppendLittle(record.fingerprint, out);
  AppendLittle(record.time, out);
  AppendLittle(record.written_count, out);
  AppendLittle(record.created_item_count, out);
  AppendLittle(record.durable ? kDurable : uint8_t{0}, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, RequestRecord* record) {
  RecordReader reader(Family::kRequests, key, value);
  record->request_id = std::string(reader.key().Take(reader.key().remaining()));
  if (record->request_id.empty()) reader.Fail("an empty request id");
  record->commit_sequence = reader.value().Little<int64_t>();
  record->fingerprint = reader.value().Little<uint64_t>();
  record->time = reader.value().Little<int64_t>();
  record->written_count = reader.value().Little<int64_t>();
  record->created_item_count = reader.value().Little<int64_t>();
  record->durable = reader.Flags(kDurable) != 0;
  return reader.Finish();
}

std::string EncodeSequenceStamp(const SequenceStamp& stamp) {
  std::string value;
  AppendLittle(stamp.previous, &value);
  AppendLittle(stamp.last, &value);
  return value;
}

bool DecodeSequenceStamp(absl::string_view value, SequenceStamp* stamp) {
  ByteReader reader(value);
  stamp->previous = reader.Little<int64_t>();
  stamp->last = reader.Little<int64_t>();
  return reader.AtEnd();
}

std::string EncodeFormatVersion(uint32_t version) {
  std::string value;
  AppendLittle(version, &value);
  return value;
}

bool DecodeFormatVersion(absl::string_view value, uint32_t* version) {
  ByteReader reader(value);
  *version = reader.Little<uint32_t>();
  return reader.AtEnd();
}

std::string EncodeIncarnation(int64_t incarnation) {
  std::string value;
  AppendLittle(incarnation, &value);
  return value;
}

bool DecodeIncarnation(absl::string_view value, int64_t* incarnation) {
  ByteReader reader(value);
  *incarnation = reader.Little<int64_t>();
  return reader.AtEnd();
}

}  // namespace negatron
