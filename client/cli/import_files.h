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

#include "client/cli/id_list.h"
#include "client/cli/table_reader.h"
#include "client/cli/values.h"
#include "client/cpp/writes.h"

namespace negatron::client {

// Rows of one write. Even with the longest ids a chunk of events stays below kMaxBytesPerCall, so
// that a write is one call with one request id.
inline constexpr size_t kChunkRows = 20'000;

// What to read from a file, and how. Columns are names in the header or numbers from 1; empty ones
// are found by the usual names.
struct ImportOptions {
  std::string path;
  TableOptions table;
  TimeUnit time_unit = TimeUnit::kAuto;
  std::string user_column;
  std::string item_column;
  std::string time_column;
  std::string weight_column;  // Empty: no weights.
  std::string rating_column;
  std::optional<double> min_rating;  // Rows with a lower rating are left out.
  std::string alive_from_column;     // Empty: always.
  std::string alive_until_column;    // Empty: never.
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
  std::vector<float> weights;  // Empty without a weight column.
  std::vector<int64_t> lines;  // Of the file, one for each row.
};

struct ItemChunk {
  explicit ItemChunk(v1::IdType type) : items(type) {}
  IdList items;
  std::vector<int64_t> alive_from_micros;
  std::vector<int64_t> alive_until_micros;
  std::vector<int64_t> lines;
};

// A name for the write of a chunk, at most 56 characters: equal for equal rows at the same place
// in a file, so that the server knows a repeated import, whatever was skipped or failed in between.
std::string ChunkRequestId(const EventChunk& chunk, int64_t index, const std::string& prefix);

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

  const ImportCounts& counts() const { return counts_; }
  const TableReader& table() const { return *table_; }

 private:
  ImportReader(ImportOptions options, std::unique_ptr<TableReader> table);

  absl::Status FindEventColumns();
  absl::Status FindItemColumns();

  // Reads lines into `append` until `chunk_lines` has kChunkRows entries or the file ends.
  absl::Status ReadLines(const std::vector<int64_t>& chunk_lines,
                         const std::function<absl::Status(const CsvRecord&)>& append);
  absl::Status AppendEvent(const CsvRecord& record, EventChunk* chunk);
  absl::Status AppendItem(const CsvRecord& record, ItemChunk* chunk);

  const ImportOptions options_;
  const std::unique_ptr<TableReader> table_;
  std::optional<size_t> user_;
  std::optional<size_t> item_;
  std::optional<size_t> time_;
  std::optional<size_t> weight_;
  std::optional<size_t> rating_;
  std::optional<size_t> from_;
  std::optional<size_t> until_;
  std::unordered_map<std::string, int64_t> item_lines_;  // Where each item was read.
  ImportCounts counts_;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_IMPORT_FILES_H_
