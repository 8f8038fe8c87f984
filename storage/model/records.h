// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_MODEL_RECORDS_H_
#define NEGATRON_STORAGE_MODEL_RECORDS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/model/time.h"

// What the server keeps, as plain values. Persisted enums: never renumber.
namespace negatron {

// Position of an item (or user) in the order in which a collection first saw
// it: 0, 1, 2, ... Never changes, never reused.
using Ordinal = uint32_t;
inline constexpr Ordinal kNoOrdinal = 0xFFFFFFFF;

// An external id: `number` in a collection of int64 ids, else `name`.
struct ExternalId {
  int64_t number = 0;
  std::string name;

  friend bool operator==(const ExternalId&, const ExternalId&) = default;
};

enum class IdType : uint8_t { kInt64 = 1, kString = 2 };

enum class MissingItemRule : uint8_t { kReject = 1, kCreate = 2 };

enum class Metric : uint8_t { kInnerProduct = 1, kCosine = 2, kL2 = 3 };

struct EmbeddingSettings {
  int dimension = 0;  // In [1, kMaxDimension].
  Metric metric = Metric::kInnerProduct;

  friend bool operator==(const EmbeddingSettings&, const EmbeddingSettings&) = default;
};

// Settings of a collection.
struct CollectionRecord {
  int64_t incarnation = 0;  // Unique for ever within one data folder.
  std::string id;           // [a-z][a-z0-9-]{0,62}
  std::string display_name;
  std::map<std::string, std::string> labels;
  IdType item_id_type = IdType::kInt64;
  IdType user_id_type = IdType::kInt64;
  int64_t half_life_micros = 0;  // 0: events do not decay.
  MissingItemRule missing_item_rule = MissingItemRule::kReject;
  std::optional<EmbeddingSettings> embedding;
  Micros create_time = 0;
  int64_t revision = 1;         // Grows with each update of the settings.
  std::string request_id;       // Of the creation; empty if none was given.
  int64_t commit_sequence = 0;  // Of the last change of this record.

  friend bool operator==(const CollectionRecord&, const CollectionRecord&) = default;
};

struct ItemRecord {
  Ordinal ordinal = 0;
  ExternalId id;
  std::vector<Interval> alive;
  // Created by an event (MissingItemRule::kCreate) and not yet written by an
  // explicit call: an earlier event moves the start of its life.
  bool implicit = false;
  int64_t commit_sequence = 0;

  friend bool operator==(const ItemRecord&, const ItemRecord&) = default;
};

struct UserRecord {
  Ordinal ordinal = 0;
  ExternalId id;
  int64_t commit_sequence = 0;

  friend bool operator==(const UserRecord&, const UserRecord&) = default;
};

enum class EventKind : uint8_t { kPositive = 1 };

struct EventRecord {
  Micros time = 0;
  int64_t commit_sequence = 0;  // Of the write that brought it.
  uint32_t row = 0;             // Within that write.
  Ordinal user = 0;
  Ordinal item = 0;
  EventKind kind = EventKind::kPositive;
  float weight = 1.0f;

  friend bool operator==(const EventRecord&, const EventRecord&) = default;
};

struct EmbeddingRecord {
  Ordinal ordinal = 0;        // Of the item.
  std::vector<float> vector;  // As stored: normalised under cosine.
  int64_t commit_sequence = 0;

  friend bool operator==(const EmbeddingRecord&, const EmbeddingRecord&) = default;
};

// The first response to a write with a request id.
struct RequestRecord {
  std::string request_id;
  uint64_t fingerprint = 0;  // Of the request's contents.
  Micros time = 0;           // When it was committed, by the server's clock.
  int64_t commit_sequence = 0;
  int64_t written_count = 0;
  int64_t created_item_count = 0;
  bool durable = false;  // Level that the first response promised.

  friend bool operator==(const RequestRecord&, const RequestRecord&) = default;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_MODEL_RECORDS_H_
