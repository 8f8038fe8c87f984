// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_MODEL_RECORDS_H_
#define NEGATRON_STORAGE_MODEL_RECORDS_H_

#include <compare>
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

// How a component of an embedding is stored.
enum class ElementType : uint8_t { kFloat32 = 1, kBfloat16 = 2 };

struct EmbeddingSettings {
  int dimension = 0;  // In [1, kMaxDimension].
  Metric metric = Metric::kInnerProduct;
  ElementType element_type = ElementType::kFloat32;

  friend bool operator==(const EmbeddingSettings&, const EmbeddingSettings&) = default;
};

// The step of the grid of popularity that a collection gets if it names none:
// a sixteenth of the half-life, so that weights change by less than 5% from
// one boundary to the next, at least an hour; without decay, a day.
inline constexpr int64_t DefaultPopularityGrid(int64_t half_life_micros) {
  constexpr int64_t kHour = 3600LL * 1000000;
  if (half_life_micros == 0) return 24 * kHour;
  return half_life_micros / 16 > kHour ? half_life_micros / 16 : kHour;
}

inline constexpr int kDefaultMinedPerUser = 256;

// Which sampling calls are kept, and how long.
struct AuditSettings {
  double rate = 0;             // Part of the calls, in [0, 1].
  int64_t max_age_micros = 0;  // In [kMinAuditAgeMicros, kMaxWindowMicros].
  int64_t max_bytes = 0;       // In [kMinAuditBytes, kMaxAuditBytes].

  friend bool operator==(const AuditSettings&, const AuditSettings&) = default;
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

  // Half-lives that `popularity` is indexed by beside `half_life_micros`; 0: no decay.
  std::vector<int64_t> half_lives;
  std::vector<int64_t> windows;      // That `popularity` is indexed by.
  bool cohort_popularity = false;    // Keep popularity by cohort.
  bool category_popularity = false;  // Keep popularity by category.
  // Step of the times at which popularity with an exponent is evaluated.
  // 0, until the collection is created: DefaultPopularityGrid.
  int64_t popularity_grid_micros = 0;
  int mined_per_user = kDefaultMinedPerUser;  // Newest mined events that count.
  // Events older than this get no mass and go; 0: all are kept.
  int64_t event_retention_micros = 0;
  // Events before it have no mass. Never goes back.
  Micros watermark = kAlways;
  std::optional<AuditSettings> audit;  // Unset: there is no audit log.

  friend bool operator==(const CollectionRecord&, const CollectionRecord&) = default;
};

struct ItemRecord {
  Ordinal ordinal = 0;
  ExternalId id = {};
  std::vector<Interval> alive = {};
  // Created by an event (MissingItemRule::kCreate) and not yet written by an
  // explicit call: an earlier event moves the start of its life.
  bool implicit = false;
  int64_t commit_sequence = 0;
  float base_weight = 1.0f;                  // In [kMinBaseWeight, kMaxBaseWeight].
  std::vector<std::string> categories = {};  // Distinct, in order of bytes.
  std::string attributes = {};               // The caller's; opaque.

  friend bool operator==(const ItemRecord&, const ItemRecord&) = default;
};

struct UserRecord {
  Ordinal ordinal = 0;
  ExternalId id;
  int64_t commit_sequence = 0;
  bool erased = false;  // Then the id is empty; a later write makes another user.

  friend bool operator==(const UserRecord&, const UserRecord&) = default;
};

enum class EventKind : uint8_t {
  kPositive = 1,  // The user chose the item.
  kExposure = 2,  // It was shown, and not chosen.
  kMined = 3,     // A trainer handed it back as a negative.
};

struct EventRecord {
  Micros time = 0;
  int64_t commit_sequence = 0;  // Of the write that brought it.
  uint32_t row = 0;             // Within that write.
  Ordinal user = 0;
  Ordinal item = 0;
  EventKind kind = EventKind::kPositive;
  float weight = 1.0f;
  // Chance that the logging policy showed the item, in (0, 1]; 0: not known.
  float propensity = 0;  // Of exposures.
  uint8_t cohort = 0;    // Of positives: the user's segment; 0: none.

  friend bool operator==(const EventRecord&, const EventRecord&) = default;
};

// Where an event stands among those of its collection: by time, then by arrival.
struct EventPosition {
  Micros time = kAlways;
  int64_t commit_sequence = 0;
  uint32_t row = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): version 14 takes the default for a pointer.
  friend auto operator<=>(const EventPosition&, const EventPosition&) = default;
};

inline EventPosition PositionOf(const EventRecord& event) {
  return {event.time, event.commit_sequence, event.row};
}

// By which model, and when, a vector was written.
struct VectorStamp {
  int64_t model_version = 0;  // The trainer's, at least 1; 0: not versioned.
  Micros write_time = 0;      // By the server's clock; 0: not known.

  friend bool operator==(const VectorStamp&, const VectorStamp&) = default;
};

// Whose vector it is.
enum class VectorOwner : uint8_t { kItem = 1, kUser = 2 };

struct EmbeddingRecord {
  Ordinal ordinal = 0;        // Of the item or user.
  std::vector<float> vector;  // As stored: normalised under cosine.
  int64_t commit_sequence = 0;
  VectorStamp stamp = {};
  // The table that it belongs to: the model version that the table was uploaded as; 0: the
  // table that the collection began with.
  int64_t table = 0;
  VectorOwner owner = VectorOwner::kItem;

  friend bool operator==(const EmbeddingRecord&, const EmbeddingRecord&) = default;
};

enum class EmbeddingVersionState : uint8_t {
  kStaging = 1,    // Its vectors are being uploaded; nobody reads them.
  kCommitted = 2,  // It became the collection's table. The highest such version is the table.
  kAborted = 3,
  kExpired = 4,  // It was not committed in time.
};

// A whole table of embeddings, uploaded beside the one that is read until it takes its place.
struct EmbeddingVersionRecord {
  int64_t model_version = 0;  // At least 1.
  EmbeddingVersionState state = EmbeddingVersionState::kStaging;
  Micros create_time = 0;
  Micros expire_time = 0;  // Of one that is still staging by then.
  Micros end_time = 0;     // When it stopped staging; 0: it has not.
  int64_t row_count = 0;   // Items with a vector when it was committed, else 0.
  int64_t commit_sequence = 0;
  int64_t user_row_count = 0;  // The same of users.

  friend bool operator==(const EmbeddingVersionRecord&, const EmbeddingVersionRecord&) = default;
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

// How far an import stream has come.
struct StreamRecord {
  std::string stream_id;
  int64_t chunk_number = 0;  // Of the last chunk that was committed.
  int64_t commit_sequence = 0;
  int64_t written_count = 0;  // By all its chunks.
  int64_t created_item_count = 0;

  friend bool operator==(const StreamRecord&, const StreamRecord&) = default;
};

// A version of a stored policy, or what is left of a deleted one.
struct PolicyRecord {
  std::string policy_id;  // Without problem (PolicyIdProblem).
  int64_t version = 0;    // At least 1.
  Micros create_time = 0;
  int64_t commit_sequence = 0;
  // Then this was the last version, and is kept so that its number is not used again.
  bool deleted = false;
  std::string recipe;  // Bytes of server/engine/policy_codec.h; empty if deleted.

  friend bool operator==(const PolicyRecord&, const PolicyRecord&) = default;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_MODEL_RECORDS_H_
