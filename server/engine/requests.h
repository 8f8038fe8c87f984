// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_REQUESTS_H_
#define NEGATRON_SERVER_ENGINE_REQUESTS_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/engine/ids.h"
#include "server/engine/sample_requests.h"
#include "server/sampling/policy.h"
#include "storage/model/limits.h"
#include "storage/model/records.h"

// What callers ask of the engine and what they get: plain columns, one entry a
// row. Field paths in errors are those of the protos.
namespace negatron {

enum class AckLevel : uint8_t { kDurable = 1, kApplied = 2 };

struct WriteOptions {
  std::string request_id;  // Empty: none.
  AckLevel level = AckLevel::kDurable;
  // The import stream that this is a chunk of, by its name in the store; empty:
  // none. Such a write waits for room in the queue, and must be durable.
  std::string stream = {};
  int64_t chunk_number = 0;
};

// Which properties of items a write replaces.
struct ItemMask {
  bool alive = true;
  bool base_weight = true;
  bool categories = true;
  bool attributes = true;

  bool all() const { return alive && base_weight && categories && attributes; }
};

// Columns have one entry an item. One that is empty, or not in the mask, means its default
// for items that do not exist; one that is empty and in the mask, for all.
struct WriteItemsRequest {
  IdBatch ids;
  std::vector<std::vector<Interval>> alive;          // Default: always.
  std::vector<float> base_weights;                   // Default: 1.
  std::vector<std::vector<std::string>> categories;  // Default: none.
  std::vector<std::string> attributes;               // Default: none.
  ItemMask mask;
  WriteOptions options;
};

struct WriteEventsRequest {
  IdBatch users;
  IdBatch items;
  std::vector<Micros> times;
  std::vector<float> weights;       // Empty: all 1.
  std::vector<EventKind> kinds;     // Empty: all positive.
  std::vector<float> propensities;  // Empty: all 0.
  std::vector<uint8_t> cohorts;     // Empty: all 0.
  WriteOptions options;
};

struct RetractEventsRequest {
  IdBatch users;
  IdBatch items;
  std::vector<Micros> times;
  std::vector<EventKind> kinds;  // Empty: any.
  WriteOptions options;
};

struct EraseUsersRequest {
  IdBatch users;
  WriteOptions options;
};

// Why a row of a write that may be partial was left out.
enum class RowRefusal : uint8_t {
  kNone = 0,
  kInvalidVector = 1,  // See PrepareVector.
  kUnknownItem = 2,
  kUnknownUser = 3,
};

struct WriteEmbeddingsRequest {
  VectorOwner owner = VectorOwner::kItem;
  IdBatch ids;  // Of items, or of users.
  int column_count = 0;
  std::vector<float> values;  // [ids, column_count], row-major.
  // Of the model that made them, at least 1; unset: not versioned.
  std::optional<int64_t> model_version;
  // Rows that cannot be written are left out and told of, instead of refusing all.
  bool allow_partial = false;
  // By CheckWrite: one for each row, or empty if all vectors are valid.
  std::vector<RowRefusal> refusals;
  WriteOptions options;
};

// A chunk of a shard of a staged version; its model version is set, its options name the
// shard's stream.
struct UploadEmbeddingsRequest : WriteEmbeddingsRequest {};

struct BeginVersionRequest {
  int64_t model_version = 0;
  int64_t ttl_micros = kDefaultVersionTtlMicros;
};

struct CommitVersionRequest {
  int64_t model_version = 0;
  std::optional<int64_t> row_count;  // Items that must have a vector; unset: any number.
  WriteOptions options;              // The request id; durable.
  std::optional<int64_t> user_row_count = std::nullopt;  // As row_count, of users.
};

struct PutPolicyRequest {
  std::string policy_id;  // Without problem (PolicyIdProblem).
  PolicyPlan plan;
  std::optional<int64_t> expected_version;  // The latest; 0: none. Unset: any.
  WriteOptions options;                     // The request id; durable.
  std::string recipe = {};                  // Of the plan, by the engine.
};

struct DeletePolicyRequest {
  std::string policy_id;
  std::optional<int64_t> expected_version = std::nullopt;
  bool allow_missing = false;
  WriteOptions options = {};
};

// A staged version, or one that was.
struct EmbeddingVersion {
  EmbeddingVersionRecord record;
  // What was uploaded, while it is staging; by name in the store.
  std::vector<StreamRecord> shards;
};

struct WriteResult {
  int64_t commit_sequence = 0;
  int64_t written_count = 0;
  int64_t created_item_count = 0;
  AckLevel level = AckLevel::kDurable;
  bool replayed = false;
  // Of retractions and erasures that are not replayed: whether there was
  // something, one entry for each of the request.
  std::vector<uint8_t> found = {};
  StreamRecord stream = {};  // Of chunks: the position of their stream.
  // Of partial writes that are not replayed: one for each row, or empty if all were written.
  std::vector<RowRefusal> refusals = {};
};

// Import streams of items, of events, and of shards of versions have names of their own.
enum class StreamKind : uint8_t { kItems = 1, kEvents = 2, kShards = 3 };

// A chunk's place in an import stream.
struct StreamChunk {
  std::string stream_id;  // Without problem (StreamIdProblem).
  int64_t chunk_number = 0;
};

// Settings that an update may change; unset ones stay.
struct CollectionUpdate {
  std::optional<std::string> display_name;
  std::optional<std::map<std::string, std::string>> labels;
  std::optional<MissingItemRule> missing_item_rule;
  std::optional<EmbeddingSettings> embedding;
  std::optional<int64_t> event_retention_micros;
  std::optional<std::optional<AuditSettings>> audit;  // Nothing in it: no log.
  std::string etag;                                   // Empty: any.
};

// Items as columns.
struct ItemTable {
  IdType id_type = IdType::kInt64;
  std::vector<int64_t> numbers;    // int64 ids, or dictionary numbers.
  std::vector<std::string> names;  // Of a string collection; else empty.
  std::vector<std::vector<Interval>> alive;
  std::vector<float> base_weights;
  std::vector<std::vector<std::string>> categories;
  std::vector<std::string> attributes;
};

struct GetItemsResult {
  ItemTable items;             // Those found, in the order asked.
  std::vector<uint8_t> found;  // One for each id asked.
  SnapshotToken snapshot;
};

struct ListItemsResult {
  ItemTable items;
  std::optional<uint32_t> next;  // Ordinal at which the next page starts.
  SnapshotToken snapshot;
};

// Users as columns, without those that were erased.
struct ListUsersResult {
  IdType id_type = IdType::kInt64;
  std::vector<int64_t> numbers;    // int64 ids, or dictionary numbers.
  std::vector<std::string> names;  // Of a string collection; else empty.
  std::optional<uint32_t> next;    // Ordinal at which the next page starts.
  SnapshotToken snapshot;
};

struct GetEmbeddingsResult {
  int column_count = 0;
  std::vector<float> values;   // [ids asked, column_count]; NaN where missing.
  std::vector<uint8_t> found;  // One for each id asked.
  // One for each id asked; see VectorTable::Stamp.
  std::vector<int64_t> model_versions;  // -1 where missing.
  std::vector<Micros> write_times;      // 0 where missing, too.
  SnapshotToken snapshot;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_REQUESTS_H_
