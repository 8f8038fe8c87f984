// SPDX-License-Identifier: Apache-2.0
//
// Columns that a client writes, and how they are cut into calls.
#ifndef NEGATRON_CLIENT_CPP_WRITES_H_
#define NEGATRON_CLIENT_CPP_WRITES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "negatron/v1/embeddings.pb.h"
#include "negatron/v1/pool.pb.h"
#include "negatron/v1/types.pb.h"

namespace negatron::client {

// Ids of a collection's type: int64 ids (or dictionary numbers), or string ids. Borrows.
using IdSpan = std::variant<std::span<const int64_t>, std::span<const std::string>>;

size_t IdCount(const IdSpan& ids);

// Items; row i is one item. All spans borrow; those that are not empty are parallel.
struct ItemBatch {
  std::string collection;  // `collections/{id}`.
  IdSpan ids;              // Each at most once in one call.

  // Alive intervals in microseconds since the Unix epoch, `from` inclusive, `until` exclusive.
  // Empty: always, never. Without `interval_splits` one interval for each item.
  std::span<const int64_t> alive_from_micros;
  std::span<const int64_t> alive_until_micros;

  // Item i owns intervals [interval_splits[i], interval_splits[i+1]): one more than items, or
  // empty.
  std::span<const int64_t> interval_splits;

  // Factors on the weights of the items' events, in [1/16, 16]. Empty: 1 for each.
  std::span<const float> base_weights = {};

  // Item i has the categories [category_splits[i], category_splits[i+1]) of `category_names`: at
  // most 16, distinct, of 1 to 128 bytes of UTF-8. Without splits: none.
  std::span<const std::string> category_names = {};
  std::span<const int64_t> category_splits = {};

  // Bytes that the server keeps, at most 1,024 an item. Empty: none.
  std::span<const std::string> attributes = {};

  // What is replaced of items that exist: `alive_intervals`, `base_weights`, `categories`,
  // `attributes`. What it does not name must not be given, and stays. Empty: all of them, so that
  // what is not given gets its default.
  std::vector<std::string> update_mask = {};
};

// Events: users chose items at a time, were shown them, or got them as negatives. All spans borrow;
// those that are not empty are parallel.
struct EventBatch {
  std::string collection;  // `collections/{id}`.
  IdSpan user_ids;
  IdSpan item_ids;
  std::span<const int64_t> time_micros;      // Microseconds since the Unix epoch.
  std::span<const float> weights;            // In [1/64, 4096]. Empty: 1 for each.
  std::span<const uint8_t> kinds = {};       // Of v1::EventKind. Empty: all positive.
  std::span<const float> propensities = {};  // In (0, 1], of exposures; 0: not known.
  std::span<const uint8_t> cohorts = {};     // Of positives; 0: none.
};

// Entries to retract: every event that equals one in all that is given. All spans borrow; those
// that are not empty are parallel.
struct RetractionBatch {
  std::string collection;  // `collections/{id}`.
  IdSpan user_ids;
  IdSpan item_ids;
  std::span<const int64_t> time_micros;
  std::span<const uint8_t> kinds = {};  // Of v1::EventKind. Empty: of any kind.
};

// Users to erase. Borrows.
struct ErasureBatch {
  std::string collection;  // `collections/{id}`.
  IdSpan user_ids;         // Each at most once.
};

// Embeddings of items, or of users. Borrows.
struct EmbeddingBatch {
  std::string collection;          // `collections/{id}`.
  IdSpan ids;                      // Each at most once.
  std::span<const float> vectors;  // [ids, dimension], row-major.
  int32_t dimension = 0;           // At least 1.
  // Of the model that made them, at least 1 and not below any that the collection has seen. Unset:
  // not versioned.
  std::optional<int64_t> model_version = std::nullopt;
  // Writes the rows that can be written, and tells of the others in WriteSummary.
  bool allow_partial = false;
  bool of_users = false;  // `ids` are users', who are created where they do not exist.
};

struct WriteOptions {
  // Names the write, so that repeating it with the same rows changes nothing: 1 to 56 printable
  // ASCII characters. Empty: a random UUID, which covers only this call's own retries. A write that
  // takes several calls appends `/0`, `/1`, ...
  std::string request_id;

  // Unspecified: the method's default.
  v1::AcknowledgementLevel acknowledgement_level = v1::ACKNOWLEDGEMENT_LEVEL_UNSPECIFIED;
};

// What a write did, over all its calls.
struct WriteSummary {
  int64_t written_count = 0;        // Rows written, now or by the write that this one repeats.
  int64_t created_item_count = 0;   // Items that did not exist before.
  int64_t call_count = 0;           // Calls that it took.
  int64_t replayed_call_count = 0;  // Calls that the server knew by their request id.
  int64_t commit_sequence = 0;      // The last commit.
  // Of partial writes: rows that were left out, and why (v1::RowRefusal). Calls that were replayed
  // do not tell.
  std::vector<int64_t> refused_rows = {};
  std::vector<uint8_t> row_refusals = {};
};

// What a retraction or an erasure did, over all its calls.
struct RemovalSummary {
  int64_t removed_count = 0;   // Events or users.
  std::vector<uint8_t> found;  // For each row 1 or 0; empty if a call was replayed.
  int64_t call_count = 0;
  int64_t replayed_call_count = 0;
  int64_t commit_sequence = 0;  // The last commit.
};

// Rows [begin, end) of a batch.
struct RowRange {
  size_t begin = 0;
  size_t end = 0;
};

// One call never carries more, well below the server's limits on rows and the 16 MiB of a message.
inline constexpr size_t kMaxRowsPerCall = 50'000;
inline constexpr size_t kMaxBytesPerCall = size_t{8} << 20;

// Cuts `row_count` rows into the fewest consecutive ranges within both limits; a row that alone is
// over the byte limit is a range of its own. No rows: no ranges.
std::vector<RowRange> CutRows(size_t row_count, const std::function<size_t(size_t)>& row_bytes);

// Bytes of a row on the wire, rounded up a little.
size_t RowBytes(const ItemBatch& batch, size_t row);
size_t RowBytes(const EventBatch& batch, size_t row);
size_t RowBytes(const EmbeddingBatch& batch, size_t row);
size_t RowBytes(const RetractionBatch& batch, size_t row);
size_t RowBytes(const ErasureBatch& batch, size_t row);

// INVALID_ARGUMENT with a `BadRequest` if columns that should be parallel are not.
absl::Status CheckShape(const ItemBatch& batch);
absl::Status CheckShape(const EventBatch& batch);
absl::Status CheckShape(const EmbeddingBatch& batch);
absl::Status CheckShape(const RetractionBatch& batch);
absl::Status CheckShape(const ErasureBatch& batch);

// The rows as a request, without request id and level. Need CheckShape(batch).ok().
v1::BatchWriteItemsRequest MakeRequest(const ItemBatch& batch, RowRange rows);
v1::BatchWriteEventsRequest MakeRequest(const EventBatch& batch, RowRange rows);
v1::BatchWriteEmbeddingsRequest MakeRequest(const EmbeddingBatch& batch, RowRange rows);
v1::RetractEventsRequest MakeRequest(const RetractionBatch& batch, RowRange rows);
v1::EraseUsersRequest MakeRequest(const ErasureBatch& batch, RowRange rows);

// Number of rows in the batch.
size_t RowCount(const ItemBatch& batch);
size_t RowCount(const EventBatch& batch);
size_t RowCount(const EmbeddingBatch& batch);
size_t RowCount(const RetractionBatch& batch);
size_t RowCount(const ErasureBatch& batch);

// The index that `field[...]` has in the whole batch at row `begin` of it: the field's own index
// for row columns, the first interval for interval columns, the first name for categories.
size_t IndexOffset(const ItemBatch& batch, const std::string& field, size_t begin);
size_t IndexOffset(const EventBatch& batch, const std::string& field, size_t begin);
size_t IndexOffset(const EmbeddingBatch& batch, const std::string& field, size_t begin);
size_t IndexOffset(const RetractionBatch& batch, const std::string& field, size_t begin);
size_t IndexOffset(const ErasureBatch& batch, const std::string& field, size_t begin);

// Rewrites the first `[n]` of each violation of `status`, in the detail and in the message, to
// count from the start of the batch, and says in the message which rows the failed call carried.
absl::Status LocateError(const absl::Status& status, RowRange rows,
                         const std::function<size_t(const std::string&)>& offset);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_WRITES_H_
