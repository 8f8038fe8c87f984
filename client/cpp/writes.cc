// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/writes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

#include "proto/cc/columns.h"
#include "proto/cc/status.h"

namespace negatron::client {
namespace {

using Numbers = std::span<const int64_t>;
using Names = std::span<const std::string>;

size_t IdBytes(const IdSpan& ids, size_t row) {
  if (const auto* names = std::get_if<Names>(&ids)) return (*names)[row].size() + 3;
  return sizeof(int64_t);
}

void PutIds(const IdSpan& ids, RowRange rows, v1::IdColumn* column) {
  const size_t count = rows.end - rows.begin;
  if (const auto* names = std::get_if<Names>(&ids)) {
    WriteNames(names->subspan(rows.begin, count), column);
  } else {
    WriteIds(std::get<Numbers>(ids).subspan(rows.begin, count), v1::COLUMN_ENCODING_RAW, column);
  }
}

void PutInt64s(Numbers values, RowRange rows, v1::Int64Column* column) {
  WriteInt64s(values.subspan(rows.begin, rows.end - rows.begin), v1::COLUMN_ENCODING_RAW, column);
}

void PutFloats(std::span<const float> values, RowRange rows, v1::FloatColumn* column) {
  WriteFloats(values.subspan(rows.begin, rows.end - rows.begin), v1::COLUMN_ENCODING_RAW, column);
}

void PutBytes(std::span<const uint8_t> values, RowRange rows, v1::ByteColumn* column) {
  WriteBytes(values.subspan(rows.begin, rows.end - rows.begin), v1::COLUMN_ENCODING_RAW, column);
}

// The splits of the rows, from 0 on.
void PutSplits(Numbers splits, RowRange rows, v1::Int64Column* column) {
  std::vector<int64_t> relative;
  for (size_t row = rows.begin; row <= rows.end; ++row) {
    relative.push_back(splits[row] - splits[rows.begin]);
  }
  WriteInt64s(relative, v1::COLUMN_ENCODING_RAW, column);
}

absl::Status CheckParallel(absl::string_view field, size_t size, size_t want, bool optional) {
  if (size == want || (optional && size == 0)) return absl::OkStatus();
  return BadFieldError(field, absl::StrCat("has ", size, " values, not ", want));
}

// The intervals of the rows.
RowRange Intervals(const ItemBatch& batch, RowRange rows) {
  if (batch.interval_splits.empty()) return rows;
  return RowRange{.begin = static_cast<size_t>(batch.interval_splits[rows.begin]),
                  .end = static_cast<size_t>(batch.interval_splits[rows.end])};
}

// The names of the categories of the rows.
Names Categories(const ItemBatch& batch, RowRange rows) {
  if (batch.category_splits.empty()) return {};
  const auto begin = static_cast<size_t>(batch.category_splits[rows.begin]);
  const auto end = static_cast<size_t>(batch.category_splits[rows.end]);
  return batch.category_names.subspan(begin, end - begin);
}

absl::Status CheckSplits(absl::string_view field, Numbers splits, size_t row_count) {
  if (splits.size() != row_count + 1) {
    return BadFieldError(field,
                         absl::StrCat("has ", splits.size(), " values, not ", row_count + 1));
  }
  if (splits.front() != 0 || !std::is_sorted(splits.begin(), splits.end())) {
    return BadFieldError(field, "must start at 0 and never decrease");
  }
  return absl::OkStatus();
}

absl::Status CheckCategories(const ItemBatch& batch, size_t row_count) {
  size_t names = 0;
  if (!batch.category_splits.empty()) {
    absl::Status status = CheckSplits("categories.row_splits", batch.category_splits, row_count);
    if (!status.ok()) return status;
    names = static_cast<size_t>(batch.category_splits.back());
  }
  return CheckParallel("categories.ids", batch.category_names.size(), names, false);
}

}  // namespace

size_t IdCount(const IdSpan& ids) {
  return std::visit([](const auto& span) { return span.size(); }, ids);
}

std::vector<RowRange> CutRows(size_t row_count, const std::function<size_t(size_t)>& row_bytes) {
  std::vector<RowRange> ranges;
  size_t bytes = 0;
  for (size_t row = 0; row < row_count; ++row) {
    const size_t cost = row_bytes(row);
    if (ranges.empty() || bytes + cost > kMaxBytesPerCall ||
        row - ranges.back().begin == kMaxRowsPerCall) {
      ranges.push_back(RowRange{.begin = row, .end = row});
      bytes = 0;
    }
    bytes += cost;
    ranges.back().end = row + 1;
  }
  return ranges;
}

size_t RowCount(const ItemBatch& batch) { return IdCount(batch.ids); }
size_t RowCount(const EventBatch& batch) { return IdCount(batch.item_ids); }
size_t RowCount(const EmbeddingBatch& batch) { return IdCount(batch.ids); }
size_t RowCount(const RetractionBatch& batch) { return IdCount(batch.item_ids); }
size_t RowCount(const ErasureBatch& batch) { return IdCount(batch.user_ids); }

size_t RowBytes(const ItemBatch& batch, size_t row) {
  const RowRange rows{.begin = row, .end = row + 1};
  const RowRange intervals = Intervals(batch, rows);
  size_t bytes =
      IdBytes(batch.ids, row) + sizeof(int64_t) * (2 * (intervals.end - intervals.begin) + 1);
  if (!batch.base_weights.empty()) bytes += sizeof(float);
  if (!batch.category_splits.empty()) bytes += sizeof(int64_t);
  for (const std::string& name : Categories(batch, rows)) bytes += name.size() + 3;
  if (!batch.attributes.empty()) bytes += batch.attributes[row].size() + 3;
  return bytes;
}

size_t RowBytes(const EventBatch& batch, size_t row) {
  return IdBytes(batch.user_ids, row) + IdBytes(batch.item_ids, row) + sizeof(int64_t) +
         2 * sizeof(float) + 2;
}

size_t RowBytes(const EmbeddingBatch& batch, size_t row) {
  return IdBytes(batch.ids, row) + sizeof(float) * static_cast<size_t>(batch.dimension);
}

size_t RowBytes(const RetractionBatch& batch, size_t row) {
  return IdBytes(batch.user_ids, row) + IdBytes(batch.item_ids, row) + sizeof(int64_t) + 1;
}

size_t RowBytes(const ErasureBatch& batch, size_t row) { return IdBytes(batch.user_ids, row); }

absl::Status CheckShape(const ItemBatch& batch) {
  const size_t rows = RowCount(batch);
  size_t intervals = rows;
  if (!batch.interval_splits.empty()) {
    absl::Status status = CheckSplits("interval_splits", batch.interval_splits, rows);
    if (!status.ok()) return status;
    intervals = static_cast<size_t>(batch.interval_splits.back());
  }
  absl::Status status =
      CheckParallel("alive_from_micros", batch.alive_from_micros.size(), intervals, true);
  status.Update(
      CheckParallel("alive_until_micros", batch.alive_until_micros.size(), intervals, true));
  status.Update(CheckParallel("base_weights", batch.base_weights.size(), rows, true));
  status.Update(CheckCategories(batch, rows));
  status.Update(CheckParallel("attributes", batch.attributes.size(), rows, true));
  return status;
}

absl::Status CheckShape(const EventBatch& batch) {
  const size_t rows = RowCount(batch);
  absl::Status status = CheckParallel("user_ids", IdCount(batch.user_ids), rows, false);
  status.Update(CheckParallel("event_time_micros", batch.time_micros.size(), rows, false));
  status.Update(CheckParallel("weights", batch.weights.size(), rows, true));
  status.Update(CheckParallel("kinds", batch.kinds.size(), rows, true));
  status.Update(CheckParallel("propensities", batch.propensities.size(), rows, true));
  status.Update(CheckParallel("cohorts", batch.cohorts.size(), rows, true));
  return status;
}

absl::Status CheckShape(const EmbeddingBatch& batch) {
  if (batch.dimension < 1) return BadFieldError("vectors.column_count", "must be at least 1");
  return CheckParallel("vectors.values", batch.vectors.size(),
                       RowCount(batch) * static_cast<size_t>(batch.dimension), false);
}

absl::Status CheckShape(const RetractionBatch& batch) {
  const size_t rows = RowCount(batch);
  absl::Status status = CheckParallel("user_ids", IdCount(batch.user_ids), rows, false);
  status.Update(CheckParallel("event_time_micros", batch.time_micros.size(), rows, false));
  status.Update(CheckParallel("kinds", batch.kinds.size(), rows, true));
  return status;
}

absl::Status CheckShape(const ErasureBatch&) { return absl::OkStatus(); }

// A column that is not given must not be there at all: under an update mask the server tells one
// that is there and empty from one that is not.
v1::BatchWriteItemsRequest MakeRequest(const ItemBatch& batch, RowRange rows) {
  v1::BatchWriteItemsRequest request;
  request.set_collection(batch.collection);
  PutIds(batch.ids, rows, request.mutable_item_ids());
  const RowRange intervals = Intervals(batch, rows);
  if (!batch.alive_from_micros.empty()) {
    PutInt64s(batch.alive_from_micros, intervals, request.mutable_alive_from_micros());
  }
  if (!batch.alive_until_micros.empty()) {
    PutInt64s(batch.alive_until_micros, intervals, request.mutable_alive_until_micros());
  }
  if (!batch.interval_splits.empty()) {
    PutSplits(batch.interval_splits, rows, request.mutable_interval_splits());
  }
  if (!batch.base_weights.empty()) {
    PutFloats(batch.base_weights, rows, request.mutable_base_weights());
  }
  if (!batch.category_splits.empty()) {
    WriteNames(Categories(batch, rows), request.mutable_categories()->mutable_ids());
    PutSplits(batch.category_splits, rows, request.mutable_categories()->mutable_row_splits());
  }
  if (!batch.attributes.empty()) {
    for (const std::string& bytes : batch.attributes.subspan(rows.begin, rows.end - rows.begin)) {
      request.add_attributes(bytes);
    }
  }
  for (const std::string& path : batch.update_mask) request.mutable_update_mask()->add_paths(path);
  return request;
}

v1::BatchWriteEventsRequest MakeRequest(const EventBatch& batch, RowRange rows) {
  v1::BatchWriteEventsRequest request;
  request.set_collection(batch.collection);
  PutIds(batch.user_ids, rows, request.mutable_user_ids());
  PutIds(batch.item_ids, rows, request.mutable_item_ids());
  PutInt64s(batch.time_micros, rows, request.mutable_event_time_micros());
  if (!batch.weights.empty()) {
    PutFloats(batch.weights, rows, request.mutable_weights());
  }
  if (!batch.kinds.empty()) {
    PutBytes(batch.kinds, rows, request.mutable_kinds());
  }
  if (!batch.propensities.empty()) {
    PutFloats(batch.propensities, rows, request.mutable_propensities());
  }
  if (!batch.cohorts.empty()) {
    PutBytes(batch.cohorts, rows, request.mutable_cohorts());
  }
  return request;
}

v1::BatchWriteEmbeddingsRequest MakeRequest(const EmbeddingBatch& batch, RowRange rows) {
  v1::BatchWriteEmbeddingsRequest request;
  request.set_collection(batch.collection);
  PutIds(batch.ids, rows, batch.of_users ? request.mutable_user_ids() : request.mutable_item_ids());
  const size_t count = rows.end - rows.begin;
  const size_t dimension = static_cast<size_t>(batch.dimension);
  WriteMatrix(batch.vectors.subspan(rows.begin * dimension, count * dimension),
              static_cast<int32_t>(count), batch.dimension, v1::COLUMN_ENCODING_RAW,
              request.mutable_vectors());
  if (batch.model_version.has_value()) request.set_model_version(*batch.model_version);
  request.set_allow_partial(batch.allow_partial);
  return request;
}

v1::RetractEventsRequest MakeRequest(const RetractionBatch& batch, RowRange rows) {
  v1::RetractEventsRequest request;
  request.set_collection(batch.collection);
  PutIds(batch.user_ids, rows, request.mutable_user_ids());
  PutIds(batch.item_ids, rows, request.mutable_item_ids());
  PutInt64s(batch.time_micros, rows, request.mutable_event_time_micros());
  if (!batch.kinds.empty()) {
    PutBytes(batch.kinds, rows, request.mutable_kinds());
  }
  return request;
}

v1::EraseUsersRequest MakeRequest(const ErasureBatch& batch, RowRange rows) {
  v1::EraseUsersRequest request;
  request.set_collection(batch.collection);
  PutIds(batch.user_ids, rows, request.mutable_user_ids());
  return request;
}

size_t IndexOffset(const ItemBatch& batch, const std::string& field, size_t begin) {
  if (field.rfind("alive_", 0) == 0 && !batch.interval_splits.empty()) {
    return static_cast<size_t>(batch.interval_splits[begin]);
  }
  if (field.rfind("categories.ids", 0) == 0 && !batch.category_splits.empty()) {
    return static_cast<size_t>(batch.category_splits[begin]);
  }
  return begin;
}

size_t IndexOffset(const EventBatch&, const std::string&, size_t begin) { return begin; }
size_t IndexOffset(const RetractionBatch&, const std::string&, size_t begin) { return begin; }
size_t IndexOffset(const ErasureBatch&, const std::string&, size_t begin) { return begin; }

size_t IndexOffset(const EmbeddingBatch& batch, const std::string& field, size_t begin) {
  // The values of a matrix are counted one by one.
  return field.rfind("vectors.values", 0) == 0 ? begin * static_cast<size_t>(batch.dimension)
                                               : begin;
}

absl::Status LocateError(const absl::Status& status, RowRange rows,
                         const std::function<size_t(const std::string&)>& offset) {
  wire::BadRequest bad = GetBadRequest(status).value_or(wire::BadRequest());
  std::vector<std::pair<std::string, std::string>> renamed;
  for (wire::BadRequest::FieldViolation& violation : *bad.mutable_field_violations()) {
    const std::string field = violation.field();
    const size_t open = field.find('[');
    const size_t close = field.find(']', open == std::string::npos ? 0 : open);
    uint64_t index = 0;
    if (open == std::string::npos || close == std::string::npos ||
        !absl::SimpleAtoi(field.substr(open + 1, close - open - 1), &index)) {
      continue;
    }
    violation.set_field(
        absl::StrCat(field.substr(0, open + 1), index + offset(field), field.substr(close)));
    renamed.emplace_back(field, violation.field());
  }
  absl::Status result(status.code(), absl::StrCat("rows ", rows.begin, " to ", rows.end - 1, ": ",
                                                  absl::StrReplaceAll(status.message(), renamed)));
  status.ForEachPayload([&result](absl::string_view url, const absl::Cord& payload) {
    result.SetPayload(url, payload);
  });
  if (bad.field_violations_size() > 0) SetBadRequest(result, bad);
  return result;
}

}  // namespace negatron::client
