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
#include "server/sampling/policy.h"
#include "storage/model/records.h"

// What callers ask of the engine and what they get: plain columns, one entry a
// row. Field paths in errors are those of the protos.
namespace negatron {

enum class AckLevel : uint8_t { kDurable = 1, kApplied = 2 };

struct WriteOptions {
  std::string request_id;  // Empty: none.
  AckLevel level = AckLevel::kDurable;
};

struct WriteItemsRequest {
  IdBatch ids;
  // One list an item.
  std::vector<std::vector<Interval>> alive;
  WriteOptions options;
};

struct WriteEventsRequest {
  IdBatch users;
  IdBatch items;
  std::vector<Micros> times;
  std::vector<float> weights;  // Empty: all 1.
  WriteOptions options;
};

struct WriteEmbeddingsRequest {
  IdBatch items;
  int column_count = 0;
  std::vector<float> values;  // [items, column_count], row-major.
  WriteOptions options;
};

struct WriteResult {
  int64_t commit_sequence = 0;
  int64_t written_count = 0;
  int64_t created_item_count = 0;
  AckLevel level = AckLevel::kDurable;
  bool replayed = false;
};

// Settings that an update may change; unset ones stay.
struct CollectionUpdate {
  std::optional<std::string> display_name;
  std::optional<std::map<std::string, std::string>> labels;
  std::optional<MissingItemRule> missing_item_rule;
  std::optional<EmbeddingSettings> embedding;
  std::string etag;  // Empty: any.
};

struct SampleRequest {
  int64_t row_count = 0;
  int negative_count = 0;
  // Per-row columns: empty, or `row_count` long.
  std::optional<IdBatch> users;
  std::optional<IdBatch> positives;
  std::optional<IdBatch> exclusions;      // Ragged, with `exclusion_splits`.
  std::vector<int64_t> exclusion_splits;  // [row_count + 1] if `exclusions`.
  std::vector<Micros> as_of;              // Empty: `default_as_of` for every row.
  std::optional<Micros> default_as_of;    // Unset: the clock.
  std::vector<int64_t> row_keys;
  int query_columns = 0;
  std::vector<float> queries;  // [row_count, query_columns], row-major.
  Policy policy;
  uint64_t seed = 0;

  // Optional columns of the result.
  bool want_log_q = true;
  bool want_log_q_source = true;
  bool want_components = true;
  bool want_scores = false;
  bool want_shares = false;
  bool want_rejects = false;
  bool want_names = false;  // Ids of a string collection as strings.
};

struct SnapshotToken {
  int64_t incarnation = 0;
  int64_t commit_sequence = 0;
};

// Columns of [row_count * negative_count] draws, row-major, unless stated. A
// column that was not asked for is empty. Padding: id -1 or "", NaN, 255.
struct SampleResult {
  std::vector<int64_t> ids;        // int64 ids, or dictionary numbers.
  std::vector<std::string> names;  // With want_names in a string collection.
  std::vector<float> log_q;
  std::vector<float> log_q_source;
  std::vector<uint8_t> components;
  std::vector<float> scores;
  std::vector<uint8_t> statuses;            // [row_count] RowStatus.
  std::vector<int64_t> drawn;               // [row_count], or empty if every row is full.
  std::vector<float> shares;                // [row_count, components].
  std::vector<int64_t> rejects;             // [row_count, kRejectCauseCount].
  std::vector<int64_t> drawn_by_component;  // [components], over the call.
  SnapshotToken snapshot;
  Micros default_as_of = 0;
};

// Items as columns.
struct ItemTable {
  IdType id_type = IdType::kInt64;
  std::vector<int64_t> numbers;    // int64 ids, or dictionary numbers.
  std::vector<std::string> names;  // Of a string collection; else empty.
  std::vector<std::vector<Interval>> alive;
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

struct GetEmbeddingsResult {
  int column_count = 0;
  std::vector<float> values;   // [ids asked, column_count]; NaN where missing.
  std::vector<uint8_t> found;  // One for each id asked.
  SnapshotToken snapshot;
};

struct CollectionStatistics {
  SnapshotToken snapshot;
  Micros as_of = 0;
  int64_t item_count = 0;
  int64_t living_item_count = 0;
  int64_t user_count = 0;
  int64_t event_count = 0;
  int64_t past_event_count = 0;
  int64_t embedding_count = 0;
  std::optional<Micros> first_event_time;
  std::optional<Micros> last_event_time;
  double event_mass = 0;
  double living_event_mass = 0;
  std::vector<std::pair<std::string, int64_t>> memory_bytes;  // By structure.
  int64_t sample_call_count = 0;
  int64_t sampled_row_count = 0;
  std::array<int64_t, kSourceKindCount> drawn_by_source{};
  std::array<int64_t, kRowStatusCount> rows_by_status{};
  std::array<int64_t, kRejectCauseCount> rejects_by_cause{};
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_REQUESTS_H_
