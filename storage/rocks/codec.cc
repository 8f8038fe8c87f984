// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/codec.h"

#include <bit>
#include <optional>
#include <utility>

#include "storage/rocks/bytes.h"
#include "storage/rocks/record_reader.h"

namespace negatron {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

constexpr uint8_t kHasName = 1;       // Flags of items and users.
constexpr uint8_t kImplicit = 2;      // Flag of items.
constexpr uint8_t kErased = 2;        // Flag of users, since version 2.
constexpr uint8_t kHasEmbedding = 1;  // Flags of collections.
constexpr uint8_t kBfloat16 = 2;      // Since version 2.
constexpr uint8_t kCohorts = 1;       // Flags of popularity, of collections since version 2.
constexpr uint8_t kCategories = 2;
constexpr uint8_t kAudit = 4;    // Of the same: audit settings follow. Since format version 5.
constexpr uint8_t kDurable = 1;  // Flag of requests.

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
  const uint8_t flags =
      reader.Flags(reader.version() < kVersion2 ? kHasEmbedding : kHasEmbedding | kBfloat16);
  record->embedding.reset();
  if ((flags & kHasEmbedding) == 0) {
    if (flags != 0) reader.Fail("an element type without embedding settings");
    return;
  }
  EmbeddingSettings settings;
  if ((flags & kBfloat16) != 0) settings.element_type = ElementType::kBfloat16;
  settings.dimension = reader.value().Little<uint16_t>();
  settings.metric = reader.Enumerator(Metric::kL2, "metric");
  if (settings.dimension == 0) reader.Fail("a dimension of 0");
  record->embedding = settings;
}

void AppendEmbeddingSettings(const std::optional<EmbeddingSettings>& settings, std::string* out) {
  if (!settings.has_value()) {
    AppendLittle(uint8_t{0}, out);
    return;
  }
  const bool is_bfloat16 = settings->element_type == ElementType::kBfloat16;
  AppendLittle(static_cast<uint8_t>(kHasEmbedding | (is_bfloat16 ? kBfloat16 : 0)), out);
  AppendLittle(static_cast<uint16_t>(settings->dimension), out);
  AppendLittle(static_cast<uint8_t>(settings->metric), out);
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

// What version 2 adds to items.
void ReadItemProperties(RecordReader& reader, ItemRecord* record) {
  record->base_weight = 1.0f;
  record->categories.clear();
  record->attributes.clear();
  if (reader.version() < kVersion2) return;
  record->base_weight = reader.value().Float();
  const auto count = reader.value().Little<uint8_t>();
  for (int i = 0; i < count && reader.value().remaining() > 0; ++i) {
    record->categories.push_back(reader.value().Text());
  }
  if (record->categories.size() != count) reader.Fail("categories are missing");
  record->attributes = reader.value().Text();
}

void AppendDurations(const std::vector<int64_t>& durations, std::string* out) {
  AppendLittle(static_cast<uint8_t>(durations.size()), out);
  for (const int64_t micros : durations) AppendLittle(micros, out);
}

std::vector<int64_t> ReadDurations(RecordReader& reader) {
  std::vector<int64_t> durations;
  const auto count = reader.value().Little<uint8_t>();
  for (int i = 0; i < count && reader.value().remaining() > 0; ++i) {
    durations.push_back(reader.value().Little<int64_t>());
  }
  if (durations.size() != count) reader.Fail("durations are missing");
  return durations;
}

// What version 2 adds to collections.
void AppendPopularity(const CollectionRecord& record, std::string* out) {
  AppendDurations(record.half_lives, out);
  AppendDurations(record.windows, out);
  AppendLittle(static_cast<uint8_t>((record.cohort_popularity ? kCohorts : 0) |
                                    (record.category_popularity ? kCategories : 0) |
                                    (record.audit.has_value() ? kAudit : 0)),
               out);
  AppendLittle(record.popularity_grid_micros, out);
  AppendLittle(static_cast<uint16_t>(record.mined_per_user), out);
  AppendLittle(record.event_retention_micros, out);
  AppendLittle(record.watermark, out);
  if (!record.audit.has_value()) return;
  AppendLittle(std::bit_cast<uint64_t>(record.audit->rate), out);
  AppendLittle(record.audit->max_age_micros, out);
  AppendLittle(record.audit->max_bytes, out);
}

void ReadPopularity(RecordReader& reader, CollectionRecord* record) {
  const CollectionRecord unset;
  record->half_lives.clear();
  record->windows.clear();
  record->cohort_popularity = record->category_popularity = false;
  record->popularity_grid_micros = DefaultPopularityGrid(record->half_life_micros);
  record->mined_per_user = unset.mined_per_user;
  record->event_retention_micros = unset.event_retention_micros;
  record->watermark = unset.watermark;
  record->audit.reset();
  if (reader.version() < kVersion2) return;
  record->half_lives = ReadDurations(reader);
  record->windows = ReadDurations(reader);
  const uint8_t flags = reader.Flags(kCohorts | kCategories | kAudit);
  record->cohort_popularity = (flags & kCohorts) != 0;
  record->category_popularity = (flags & kCategories) != 0;
  record->popularity_grid_micros = reader.value().Little<int64_t>();
  record->mined_per_user = reader.value().Little<uint16_t>();
  record->event_retention_micros = reader.value().Little<int64_t>();
  record->watermark = reader.value().Little<int64_t>();
  if ((flags & kAudit) == 0) return;
  AuditSettings audit;
  audit.rate = std::bit_cast<double>(reader.value().Little<uint64_t>());
  audit.max_age_micros = reader.value().Little<int64_t>();
  audit.max_bytes = reader.value().Little<int64_t>();
  record->audit = audit;
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
    case Family::kStreams:
      return "streams";
    case Family::kStagedEmbeddings:
      return "staged_embeddings";
    case Family::kEmbeddingVersions:
      return "embedding_versions";
    case Family::kUserEmbeddings:
      return "user_embeddings";
    case Family::kPolicies:
      return "policies";
    case Family::kControllers:
      return "controllers";
    case Family::kAudits:
      return "audits";
  }
  return "unknown";
}

void AppendIncarnationKey(int64_t incarnation, std::string* out) { AppendBig(incarnation, out); }

void AppendOrdinalKey(int64_t incarnation, Ordinal ordinal, std::string* out) {
  AppendBig(incarnation, out);
  AppendBig(ordinal, out);
}

void AppendInstantKey(int64_t incarnation, Micros time, std::string* out) {
  AppendBig(incarnation, out);
  // With the sign bit flipped, times before 1970 sort before those after.
  AppendBig(static_cast<uint64_t>(time) ^ kSignBit, out);
}

void AppendEventKey(int64_t incarnation, const EventPosition& position, std::string* out) {
  AppendInstantKey(incarnation, position.time, out);
  AppendBig(position.commit_sequence, out);
  AppendBig(position.row, out);
}

void AppendRequestKey(int64_t incarnation, absl::string_view request_id, std::string* out) {
  AppendBig(incarnation, out);
  out->append(request_id.data(), request_id.size());
}

void AppendStreamKey(int64_t incarnation, absl::string_view stream_id, std::string* out) {
  AppendBig(incarnation, out);
  out->append(stream_id.data(), stream_id.size());
}

void AppendValue(const CollectionRecord& record, std::string* out) {
  AppendLittle(kVersion2, out);
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
  AppendEmbeddingSettings(record.embedding, out);
  AppendLittle(static_cast<uint16_t>(record.labels.size()), out);
  for (const auto& [key, value] : record.labels) {
    AppendText(key, out);
    AppendText(value, out);
  }
  AppendPopularity(record, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, CollectionRecord* record) {
  RecordReader reader(Family::kCollections, key, value, kVersion2);
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
  ReadEmbeddingSettings(reader, record);
  ReadLabels(reader, record);
  ReadPopularity(reader, record);
  return reader.Finish();
}

void AppendValue(const ItemRecord& record, std::string* out) {
  AppendLittle(kVersion2, out);
  AppendLittle(record.commit_sequence, out);
  AppendId(record.id, record.implicit ? kImplicit : uint8_t{0}, out);
  AppendLittle(static_cast<uint16_t>(record.alive.size()), out);
  for (const Interval& interval : record.alive) {
    AppendLittle(interval.from, out);
    AppendLittle(interval.until, out);
  }
  AppendFloat(record.base_weight, out);
  AppendLittle(static_cast<uint8_t>(record.categories.size()), out);
  for (const std::string& category : record.categories) AppendText(category, out);
  AppendText(record.attributes, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, ItemRecord* record) {
  RecordReader reader(Family::kItems, key, value, kVersion2);
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
  ReadItemProperties(reader, record);
  return reader.Finish();
}

void AppendValue(const UserRecord& record, std::string* out) {
  AppendLittle(kVersion2, out);
  AppendLittle(record.commit_sequence, out);
  if (record.erased) {
    AppendLittle(kErased, out);
  } else {
    AppendId(record.id, 0, out);
  }
}

absl::Status Decode(absl::string_view key, absl::string_view value, UserRecord* record) {
  RecordReader reader(Family::kUsers, key, value, kVersion2);
  record->ordinal = reader.key().Big<uint32_t>();
  record->commit_sequence = reader.value().Little<int64_t>();
  const uint8_t flags = reader.Flags(reader.version() < kVersion2 ? kHasName : kHasName | kErased);
  record->erased = (flags & kErased) != 0;
  if (record->erased) {
    record->id = ExternalId();
    if ((flags & kHasName) != 0) reader.Fail("an erased user has a name");
  } else {
    record->id = ReadId(flags, reader);
  }
  return reader.Finish();
}

void AppendValue(const EventRecord& record, std::string* out) {
  // Nearly all events are plain positives, and version 1 is shorter by a quarter.
  const bool plain =
      record.kind == EventKind::kPositive && record.propensity == 0 && record.cohort == 0;
  AppendLittle(plain ? kVersion1 : kVersion2, out);
  AppendLittle(record.user, out);
  AppendLittle(record.item, out);
  AppendLittle(static_cast<uint8_t>(record.kind), out);
  AppendFloat(record.weight, out);
  if (plain) return;
  AppendFloat(record.propensity, out);
  AppendLittle(record.cohort, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, EventRecord* record) {
  RecordReader reader(Family::kEvents, key, value, kVersion2);
  record->time = static_cast<Micros>(reader.key().Big<uint64_t>() ^ kSignBit);
  record->commit_sequence = reader.key().Big<int64_t>();
  record->row = reader.key().Big<uint32_t>();
  record->user = reader.value().Little<uint32_t>();
  record->item = reader.value().Little<uint32_t>();
  record->kind = reader.Enumerator(
      reader.version() < kVersion2 ? EventKind::kPositive : EventKind::kMined, "event kind");
  record->weight = reader.value().Float();
  record->propensity = 0;
  record->cohort = 0;
  if (reader.version() >= kVersion2) {
    record->propensity = reader.value().Float();
    record->cohort = reader.value().Little<uint8_t>();
  }
  return reader.Finish();
}

void AppendValue(const RequestRecord& record, std::string* out) {
  AppendLittle(kVersion1, out);
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

}  // namespace negatron
