// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/pool_conversion.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "server/rpc/column_readers.h"
#include "storage/model/limits.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

constexpr absl::string_view kFrom = "alive_from_micros";
constexpr absl::string_view kUntil = "alive_until_micros";
constexpr absl::string_view kSplits = "interval_splits";

// One interval an item, unless the splits say otherwise.
std::vector<int64_t> ReadIntervalSplits(const v1::BatchWriteItemsRequest& request, int64_t rows,
                                        Violations* violations) {
  std::vector<int64_t> splits;
  if (ColumnSize(request.interval_splits()) == 0) {
    splits.reserve(static_cast<size_t>(rows) + 1);
    for (int64_t i = 0; i <= rows; ++i) splits.push_back(i);
    return splits;
  }
  splits = ReadSplits(request.interval_splits(), rows, kSplits, violations);
  if (!violations->empty()) return {};
  for (int64_t i = 0; i < rows; ++i) {
    if (splits[i + 1] - splits[i] > kMaxIntervals) {
      violations->AddRow(kSplits, i + 1,
                         absl::StrCat("gives item ", i, " ", splits[i + 1] - splits[i],
                                      " intervals; at most ", kMaxIntervals, " are kept"));
    }
  }
  return splits;
}

std::vector<std::vector<Interval>> ReadAlive(const v1::BatchWriteItemsRequest& request,
                                             int64_t rows, Violations* violations) {
  const std::vector<int64_t> from = ReadColumn(request.alive_from_micros(), kFrom, violations);
  const std::vector<int64_t> until = ReadColumn(request.alive_until_micros(), kUntil, violations);
  const std::vector<int64_t> splits = ReadIntervalSplits(request, rows, violations);
  if (!violations->empty()) return {};
  const int64_t total = splits.back();
  if (!from.empty()) CheckLength(static_cast<int64_t>(from.size()), total, kFrom, violations);
  if (!until.empty()) CheckLength(static_cast<int64_t>(until.size()), total, kUntil, violations);
  if (!violations->empty()) return {};

  std::vector<std::vector<Interval>> alive(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) {
    std::vector<Interval>& intervals = alive[i];
    intervals.reserve(static_cast<size_t>(splits[i + 1] - splits[i]));
    for (int64_t k = splits[i]; k < splits[i + 1]; ++k) {
      intervals.push_back({from.empty() ? kAlways : from[k], until.empty() ? kNever : until[k]});
    }
    size_t at = 0;
    if (const absl::string_view problem = IntervalsProblem(intervals, &at); !problem.empty()) {
      const bool no_bounds = from.empty() && until.empty();
      violations->AddRow(no_bounds ? kSplits : (from.empty() ? kUntil : kFrom),
                         no_bounds ? i + 1 : splits[i] + static_cast<int64_t>(at),
                         absl::StrCat(problem, " (item ", i, ")"));
    }
  }
  return alive;
}

std::vector<float> ReadWeights(const v1::FloatColumn& column, int64_t rows,
                               Violations* violations) {
  std::vector<float> weights = ReadColumn(column, "weights", violations);
  if (weights.empty()) return weights;
  if (rows > 0) CheckLength(static_cast<int64_t>(weights.size()), rows, "weights", violations);
  for (size_t row = 0; row < weights.size(); ++row) {
    // Written so that NaN fails.
    if (weights[row] >= kMinWeight && weights[row] <= kMaxWeight) continue;
    violations->AddRow("weights", static_cast<int64_t>(row),
                       absl::StrCat("is ", weights[row], ", not in [1/64, 4096]"));
  }
  return weights;
}

ItemMask ReadItemMask(const v1::BatchWriteItemsRequest& request, Violations* violations) {
  const auto& paths = request.update_mask().paths();
  if (paths.empty()) return ItemMask();
  ItemMask mask{false, false, false, false};
  for (int i = 0; i < paths.size(); ++i) {
    if (paths[i] == "alive_intervals") {
      mask.alive = true;
    } else if (paths[i] == "base_weights") {
      mask.base_weight = true;
    } else if (paths[i] == "categories") {
      mask.categories = true;
    } else if (paths[i] == "attributes") {
      mask.attributes = true;
    } else {
      violations->AddRow("update_mask.paths", i,
                         absl::StrCat("`", paths[i],
                                      "` is none of alive_intervals, base_weights, "
                                      "categories, attributes"));
    }
  }
  return mask;
}

// Reports a column that the mask leaves out.
void CheckMasked(bool in_mask, bool given, absl::string_view field, Violations* violations) {
  if (given && !in_mask) violations->Add(field, "is given, but not in update_mask");
}

std::vector<float> ReadBaseWeights(const v1::FloatColumn& column, int64_t rows,
                                   Violations* violations) {
  std::vector<float> weights = ReadColumn(column, "base_weights", violations);
  if (weights.empty()) return weights;
  CheckLength(static_cast<int64_t>(weights.size()), rows, "base_weights", violations);
  for (size_t row = 0; row < weights.size(); ++row) {
    // Written so that NaN fails.
    if (weights[row] >= kMinBaseWeight && weights[row] <= kMaxBaseWeight) continue;
    violations->AddRow("base_weights", static_cast<int64_t>(row),
                       absl::StrCat("is ", weights[row], ", not in [1/16, 16]"));
  }
  return weights;
}

std::vector<std::vector<std::string>> ReadCategories(const v1::RaggedIdColumn& column, int64_t rows,
                                                     Violations* violations) {
  constexpr absl::string_view kIds = "categories.ids";
  if (column.ids().encoding_case() == v1::IdColumn::kRaw ||
      column.ids().encoding_case() == v1::IdColumn::kTyped) {
    violations->Add(kIds, "must be names");
    return {};
  }
  const auto& names = column.ids().names().values();
  const std::vector<int64_t> splits =
      ReadSplits(column.row_splits(), rows, "categories.row_splits", violations);
  if (!violations->empty()) return {};
  if (splits.back() != names.size()) {
    violations->AddRow(
        "categories.row_splits", rows,
        absl::StrCat("is ", splits.back(), ", but there are ", names.size(), " ids"));
    return {};
  }
  for (int i = 0; i < names.size(); ++i) {
    const absl::string_view problem = CategoryProblem(names[i]);
    if (!problem.empty()) violations->AddRow(kIds, i, problem);
  }
  std::vector<std::vector<std::string>> categories(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) {
    categories[i].assign(names.begin() + splits[i], names.begin() + splits[i + 1]);
    const absl::string_view problem = CategoriesProblem(categories[i]);
    if (!problem.empty()) {
      violations->AddRow("categories.row_splits", i + 1, absl::StrCat(problem, " (item ", i, ")"));
    }
  }
  return categories;
}

std::vector<std::string> ReadAttributes(const v1::BatchWriteItemsRequest& request, int64_t rows,
                                        Violations* violations) {
  std::vector<std::string> attributes(request.attributes().begin(), request.attributes().end());
  if (attributes.empty()) return attributes;
  CheckLength(static_cast<int64_t>(attributes.size()), rows, "attributes", violations);
  for (size_t row = 0; row < attributes.size(); ++row) {
    if (attributes[row].size() <= kMaxAttributeBytes) continue;
    violations->AddRow("attributes", static_cast<int64_t>(row),
                       absl::StrCat("has ", attributes[row].size(), " bytes; at most ",
                                    kMaxAttributeBytes, " are kept"));
  }
  return attributes;
}

void ReadItemProperties(const v1::BatchWriteItemsRequest& request, WriteItemsRequest* items,
                        Violations* violations) {
  const int64_t rows = items->ids.size();
  const ItemMask& mask = items->mask;
  CheckMasked(mask.alive, request.has_alive_from_micros(), kFrom, violations);
  CheckMasked(mask.alive, request.has_alive_until_micros(), kUntil, violations);
  CheckMasked(mask.alive, request.has_interval_splits(), kSplits, violations);
  CheckMasked(mask.base_weight, request.has_base_weights(), "base_weights", violations);
  CheckMasked(mask.categories, request.has_categories(), "categories", violations);
  CheckMasked(mask.attributes, !request.attributes().empty(), "attributes", violations);
  if (!violations->empty()) return;
  if (mask.alive) items->alive = ReadAlive(request, rows, violations);
  items->base_weights = ReadBaseWeights(request.base_weights(), rows, violations);
  if (request.has_categories()) {
    items->categories = ReadCategories(request.categories(), rows, violations);
  }
  items->attributes = ReadAttributes(request, rows, violations);
}

std::vector<EventKind> ReadKinds(const v1::ByteColumn& column, int64_t rows,
                                 Violations* violations) {
  const std::vector<uint8_t> numbers = ReadColumn(column, "kinds", violations);
  if (!numbers.empty() && rows > 0) {
    CheckLength(static_cast<int64_t>(numbers.size()), rows, "kinds", violations);
  }
  std::vector<EventKind> kinds;
  kinds.reserve(numbers.size());
  for (size_t row = 0; row < numbers.size(); ++row) {
    // The numbers of the domain are those of the wire.
    if (numbers[row] < v1::EVENT_KIND_POSITIVE || numbers[row] > v1::EVENT_KIND_MINED) {
      violations->AddRow("kinds", static_cast<int64_t>(row),
                         absl::StrCat("is ", numbers[row], ", which is no kind of event"));
    }
    kinds.push_back(static_cast<EventKind>(numbers[row]));
  }
  return kinds;
}

// Length of the columns that name an event, of which there is at least one.
template <typename Request>
void CheckEventColumns(const Request& request, Violations* violations) {
  const int64_t rows = ColumnSize(request.user_ids());
  // Without users, which are reported by now, the other columns cannot be told to be too long.
  if (rows == 0) return;
  CheckLength(ColumnSize(request.item_ids()), rows, "item_ids", violations);
  CheckLength(ColumnSize(request.event_time_micros()), rows, "event_time_micros", violations);
}

// Propensities and cohorts: what they may be depends on the kind, and is the engine's to check.
void ReadKindColumns(const v1::BatchWriteEventsRequest& request, int64_t rows,
                     WriteEventsRequest* events, Violations* violations) {
  events->kinds = ReadKinds(request.kinds(), rows, violations);
  events->propensities = ReadColumn(request.propensities(), "propensities", violations);
  events->cohorts = ReadColumn(request.cohorts(), "cohorts", violations);
  if (rows == 0) return;
  if (!events->propensities.empty()) {
    CheckLength(static_cast<int64_t>(events->propensities.size()), rows, "propensities",
                violations);
  }
  if (!events->cohorts.empty()) {
    CheckLength(static_cast<int64_t>(events->cohorts.size()), rows, "cohorts", violations);
  }
}

// Writes string ids as names in the form for people, and returns true; else numbers.
bool WriteListedIds(IdType type, const std::vector<int64_t>& numbers,
                    const std::vector<std::string>& names, v1::ColumnEncoding encoding,
                    v1::IdColumn* column) {
  const bool named = type == IdType::kString && encoding == v1::COLUMN_ENCODING_TYPED;
  if (named) {
    WriteNames(names, column);
  } else {
    WriteIds(numbers, encoding, column);
  }
  return named;
}

template <typename T>
bool AllAre(const std::vector<T>& values, T value) {
  return std::all_of(values.begin(), values.end(), [value](T other) { return other == value; });
}

// Columns in which every item has the default stay empty.
void WriteItemProperties(const ItemTable& items, v1::ColumnEncoding encoding, v1::ItemTable* wire) {
  if (!AllAre(items.base_weights, 1.0f)) {
    WriteFloats(items.base_weights, encoding, wire->mutable_base_weights());
  }
  const auto is_empty = [](const auto& value) { return value.empty(); };
  if (!std::all_of(items.categories.begin(), items.categories.end(), is_empty)) {
    std::vector<std::string> names;
    std::vector<int64_t> splits = {0};
    for (const std::vector<std::string>& categories : items.categories) {
      names.insert(names.end(), categories.begin(), categories.end());
      splits.push_back(static_cast<int64_t>(names.size()));
    }
    WriteNames(names, wire->mutable_categories()->mutable_ids());
    WriteInt64s(splits, encoding, wire->mutable_categories()->mutable_row_splits());
  }
  if (!std::all_of(items.attributes.begin(), items.attributes.end(), is_empty)) {
    wire->mutable_attributes()->Assign(items.attributes.begin(), items.attributes.end());
  }
}

}  // namespace

WriteItemsRequest ReadWriteItems(const v1::BatchWriteItemsRequest& request,
                                 Violations* violations) {
  WriteItemsRequest items;
  items.options = ReadWriteOptions(request.request_id(), request.acknowledgement_level(),
                                   AckLevel::kDurable, violations);
  items.ids = ReadBatchIds(request.item_ids(), "item_ids", violations);
  items.mask = ReadItemMask(request, violations);
  if (violations->empty()) ReadItemProperties(request, &items, violations);
  return items;
}

WriteEventsRequest ReadWriteEvents(const v1::BatchWriteEventsRequest& request,
                                   Violations* violations) {
  WriteEventsRequest events;
  events.options = ReadWriteOptions(request.request_id(), request.acknowledgement_level(),
                                    AckLevel::kDurable, violations);
  events.users = ReadBatchIds(request.user_ids(), "user_ids", violations);
  events.items = ReadBatchIds(request.item_ids(), "item_ids", violations);
  events.times = ReadTimes(request.event_time_micros(), "event_time_micros", violations);
  const int64_t rows = ColumnSize(request.user_ids());
  CheckEventColumns(request, violations);
  events.weights = ReadWeights(request.weights(), rows, violations);
  ReadKindColumns(request, rows, &events, violations);
  return events;
}

RetractEventsRequest ReadRetractEvents(const v1::RetractEventsRequest& request,
                                       Violations* violations) {
  RetractEventsRequest events;
  events.options = ReadWriteOptions(request.request_id(), v1::ACKNOWLEDGEMENT_LEVEL_UNSPECIFIED,
                                    AckLevel::kDurable, violations);
  events.users = ReadBatchIds(request.user_ids(), "user_ids", violations);
  events.items = ReadBatchIds(request.item_ids(), "item_ids", violations);
  events.times = ReadTimes(request.event_time_micros(), "event_time_micros", violations);
  CheckEventColumns(request, violations);
  events.kinds = ReadKinds(request.kinds(), ColumnSize(request.user_ids()), violations);
  CheckEncoding(request.encoding(), violations);
  return events;
}

EraseUsersRequest ReadEraseUsers(const v1::EraseUsersRequest& request, Violations* violations) {
  EraseUsersRequest erasure;
  erasure.options = ReadWriteOptions(request.request_id(), v1::ACKNOWLEDGEMENT_LEVEL_UNSPECIFIED,
                                     AckLevel::kDurable, violations);
  erasure.users = ReadBatchIds(request.user_ids(), "user_ids", violations);
  CheckEncoding(request.encoding(), violations);
  return erasure;
}

void WriteReceipt(const WriteResult& result, v1::WriteReceipt* receipt) {
  receipt->set_commit_sequence(result.commit_sequence);
  receipt->set_written_count(result.written_count);
  receipt->set_created_item_count(result.created_item_count);
  receipt->set_acknowledgement_level(result.level == AckLevel::kDurable
                                         ? v1::ACKNOWLEDGEMENT_LEVEL_DURABLE
                                         : v1::ACKNOWLEDGEMENT_LEVEL_APPLIED);
  receipt->set_replayed(result.replayed);
}

void WriteToken(const SnapshotToken& token, v1::SnapshotToken* wire) {
  wire->set_incarnation(token.incarnation);
  wire->set_commit_sequence(token.commit_sequence);
  wire->set_index_generation(token.generation);
  wire->set_policy_version(token.policy_version);
}

void WriteItemTable(const ItemTable& items, v1::ColumnEncoding encoding, v1::ItemTable* wire) {
  if (WriteListedIds(items.id_type, items.numbers, items.names, encoding, wire->mutable_ids())) {
    WriteInt64s(items.numbers, encoding, wire->mutable_numbers());
  }
  std::vector<int64_t> from;
  std::vector<int64_t> until;
  std::vector<int64_t> splits = {0};
  splits.reserve(items.alive.size() + 1);
  from.reserve(items.alive.size());
  until.reserve(items.alive.size());
  for (const std::vector<Interval>& intervals : items.alive) {
    for (const Interval& interval : intervals) {
      from.push_back(interval.from);
      until.push_back(interval.until);
    }
    splits.push_back(static_cast<int64_t>(from.size()));
  }
  WriteInt64s(from, encoding, wire->mutable_alive_from_micros());
  WriteInt64s(until, encoding, wire->mutable_alive_until_micros());
  WriteInt64s(splits, encoding, wire->mutable_interval_splits());
  WriteItemProperties(items, encoding, wire);
}

// Columns in which every event has the default stay empty.
void WriteListedEvents(const ListEventsResult& events, v1::ColumnEncoding encoding,
                       v1::ListEventsResponse* response) {
  WriteListedIds(events.user_id_type, events.users, events.user_names, encoding,
                 response->mutable_user_ids());
  WriteListedIds(events.item_id_type, events.items, events.item_names, encoding,
                 response->mutable_item_ids());
  WriteInt64s(events.times, encoding, response->mutable_event_time_micros());
  if (!AllAre(events.weights, 1.0f)) {
    WriteFloats(events.weights, encoding, response->mutable_weights());
  }
  if (!AllAre(events.kinds, static_cast<uint8_t>(EventKind::kPositive))) {
    WriteBytes(events.kinds, encoding, response->mutable_kinds());
  }
  if (!AllAre(events.propensities, 0.0f)) {
    WriteFloats(events.propensities, encoding, response->mutable_propensities());
  }
  if (!AllAre(events.cohorts, uint8_t{0})) {
    WriteBytes(events.cohorts, encoding, response->mutable_cohorts());
  }
  WriteToken(events.snapshot, response->mutable_snapshot());
}

void WriteUsers(const ListUsersResult& users, v1::ColumnEncoding encoding,
                v1::ListUsersResponse* response) {
  if (WriteListedIds(users.id_type, users.numbers, users.names, encoding,
                     response->mutable_ids())) {
    WriteInt64s(users.numbers, encoding, response->mutable_numbers());
  }
  WriteToken(users.snapshot, response->mutable_snapshot());
}

}  // namespace negatron
