// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/pool_conversion.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "server/rpc/column_readers.h"
#include "storage/model/limits.h"

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

}  // namespace

WriteItemsRequest ReadWriteItems(const v1::BatchWriteItemsRequest& request,
                                 Violations* violations) {
  WriteItemsRequest items;
  items.options = ReadWriteOptions(request.request_id(), request.acknowledgement_level(),
                                   AckLevel::kDurable, violations);
  items.ids = ReadBatchIds(request.item_ids(), "item_ids", violations);
  if (violations->empty()) items.alive = ReadAlive(request, items.ids.size(), violations);
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
  // Without users, which are reported by now, the other columns cannot be told to be too long.
  if (rows > 0) {
    CheckLength(ColumnSize(request.item_ids()), rows, "item_ids", violations);
    CheckLength(ColumnSize(request.event_time_micros()), rows, "event_time_micros", violations);
  }
  events.weights = ReadWeights(request.weights(), rows, violations);
  return events;
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
}

void WriteItemTable(const ItemTable& items, v1::ColumnEncoding encoding, v1::ItemTable* wire) {
  if (items.id_type == IdType::kString && encoding == v1::COLUMN_ENCODING_TYPED) {
    WriteNames(items.names, wire->mutable_ids());
    WriteInt64s(items.numbers, encoding, wire->mutable_numbers());
  } else {
    WriteIds(items.numbers, encoding, wire->mutable_ids());
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
}

}  // namespace negatron
