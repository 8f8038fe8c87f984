// SPDX-License-Identifier: Apache-2.0
//
// Rows of events and items, chunk by chunk, from files of columns.
#ifndef NEGATRON_CLIENT_CLI_IMPORT_FILES_H_
#define NEGATRON_CLIENT_CLI_IMPORT_FILES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/cli/event_kinds.h"
#include "client/cli/id_list.h"
#include "client/cli/item_lives.h"
#include "client/cli/table_reader.h"
#include "client/cli/values.h"
#include "client/cpp/writes.h"
#include "negatron/v1/pool.pb.h"

namespace negatron::client {

// Rows of one chunk. Even with the longest ids a chunk of events stays below kMaxBytesPerCall.
// Never to be changed: a stream that is gone on with counts chunks of this size.
inline constexpr size_t kChunkRows = 20'000;

// What to read from a file, and how. Columns are names in the header or numbers from 1; those of
// users, items, times and ratings are found by the usual names if they are empty, others only with
// `all_columns`.
struct ImportOptions {
  std::string path;
  TableOptions table;
  bool all_columns = false;
  TimeUnit time_unit = TimeUnit::kAuto;
  std::string user_column;
  std::string item_column;
  std::string time_column;
  std::string weight_column;  // Empty: no weights.
  std::string rating_column;
  std::optional<double> min_rating;   // Rows with a lower rating are left out.
  std::string kind_column;            // Empty: `kind` for all.
  std::optional<v1::EventKind> kind;  // Unset: the server's default.
  std::string propensity_column;      // Empty: not known.
  std::string cohort_column;          // Empty: none.
  std::string alive_from_column;      // Empty: always.
  std::string alive_until_column;     // Empty: never.
  std::string base_weight_column;     // Empty: no base weights.
  std::string categories_column;      // Empty: no categories.
  std::string category_separator;     // Empty: a space in columns of type `token_seq`, else `|`.
  std::string attributes_column;      // Empty: no attributes.
  bool skip_bad_lines = false;
};

// What a file held, so far.
struct ImportCounts {
  int64_t row_count = 0;                      // Rows read, of all kinds.
  int64_t below_rating_count = 0;             // Left out by `min_rating`.
  int64_t bad_line_count = 0;                 // Left out by `skip_bad_lines`.
  std::vector<std::string> bad_line_samples;  // What is wrong with the first of them.
};

struct EventChunk {
  EventChunk(v1::IdType user_type, v1::IdType item_type) : users(user_type), items(item_type) {}
  IdList users;
  IdList items;
  std::vector<int64_t> time_micros;
  std::vector<float> weights;       // Empty without a weight column.
  std::vector<uint8_t> kinds;       // Empty without a kind.
  std::vector<float> propensities;  // Empty without a propensity column.
  std::vector<uint8_t> cohorts;     // Empty without a cohort column.
  std::vector<int64_t> lines;       // Of the file, one for each row.

  void Clear();

  // The rows as a batch without a collection; borrows from this chunk until it changes.
  EventBatch Batch() const;
};

struct ItemChunk {
  explicit ItemChunk(v1::IdType type) : items(type) {}
  IdList items;
  // Item i has the lives [interval_splits[i], [i + 1]) of them.
  std::vector<int64_t> alive_from_micros;
  std::vector<int64_t> alive_until_micros;
  std::vector<int64_t> interval_splits;
  std::vector<float> base_weights;          // Empty without such a column, as the next ones are.
  std::vector<std::string> category_names;  // Item i has [category_splits[i], [i + 1]) of them.
  std::vector<int64_t> category_splits;
  std::vector<std::string> attributes;
  std::vector<int64_t> lines;

  void Clear();

  // As EventChunk::Batch. Lives are given only if `with_lives`.
  ItemBatch Batch(bool with_lives) const;
};

// What an event has beside who, what and when.
struct EventDetails {
  float weight = 1;
  v1::EventKind kind = v1::EVENT_KIND_POSITIVE;
  float propensity = 0;
  uint8_t cohort = 0;
};

// Reads events or items from a file.
//
// Errors: usage errors (ToExitCode) for columns that are not there, input errors for the file and
// its first bad line, named `file:line`, unless bad lines are skipped. Thread-safety:
// thread-compatible.
class ImportReader {
 public:
  // Opens the file and finds the columns.
  static absl::StatusOr<std::unique_ptr<ImportReader>> OpenEvents(ImportOptions options);
  static absl::StatusOr<std::unique_ptr<ImportReader>> OpenItems(ImportOptions options);

  // Replaces `chunk` by the next kChunkRows rows, or fewer at the end of the file; none: the end.
  // Nothing may be written of a chunk that fails. Only for the kind of rows it was opened for.
  absl::Status Read(EventChunk* chunk);
  absl::Status Read(ItemChunk* chunk);

  // Columns that look like optional ones and are not used, each with the option that uses it.
  std::vector<std::string> UnusedColumns();

  // Properties of items that the file has columns for, as an update mask names them.
  std::vector<std::string> ItemProperties() const;
  bool has_lives() const { return from_.has_value() || until_.has_value(); }

  const ImportCounts& counts() const { return counts_; }
  const TableReader& table() const { return *table_; }

 private:
  ImportReader(ImportOptions options, std::unique_ptr<TableReader> table);

  // A column that need not be there: what the caller calls it, the option that does so, the names
  // by which it is found, and where it is.
  struct OptionalColumn {
    const std::string& wanted;
    absl::string_view option;
    std::vector<absl::string_view> names;
    std::optional<size_t>* column;
  };
  std::vector<OptionalColumn> EventColumns();
  std::vector<OptionalColumn> ItemColumns();

  // Finds those that are asked for.
  absl::Status FindOptionals(const std::vector<OptionalColumn>& columns);
  absl::Status FindEventColumns();
  absl::Status FindItemColumns();

  // Reads lines into `append` until `chunk_lines` has kChunkRows entries or the file ends.
  absl::Status ReadLines(const std::vector<int64_t>& chunk_lines,
                         const std::function<absl::Status(const CsvRecord&)>& append);
  absl::Status AppendEvent(const CsvRecord& record, EventChunk* chunk);
  absl::Status ReadDetails(const CsvRecord& record, EventDetails* details) const;
  absl::Status AppendCategories(const CsvRecord& record, ItemChunk* chunk) const;
  absl::Status AppendItem(const CsvRecord& record, ItemChunk* chunk);
  absl::StatusOr<std::vector<ItemLife>> ReadLives(const CsvRecord& record) const;

  const ImportOptions options_;
  const std::unique_ptr<TableReader> table_;
  std::optional<size_t> user_;
  std::optional<size_t> item_;
  std::optional<size_t> time_;
  std::optional<size_t> weight_;
  std::optional<size_t> rating_;
  std::optional<size_t> kind_;
  std::optional<size_t> propensity_;
  std::optional<size_t> cohort_;
  std::optional<size_t> from_;
  std::optional<size_t> until_;
  std::optional<size_t> base_weight_;
  std::optional<size_t> categories_;
  std::optional<size_t> attributes_;
  std::string category_separator_;
  char life_separator_ = kPlainSeparator;
  std::unordered_map<std::string, int64_t> item_lines_;  // Where each item was read.
  ImportCounts counts_;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_IMPORT_FILES_H_
