// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_TABLE_READER_H_
#define NEGATRON_CLIENT_CLI_TABLE_READER_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/cli/csv_reader.h"

namespace negatron::client {

struct TableOptions {
  std::string separator;  // Empty: told from the first line, one of `::`, tab, `,`, `;`, `|`.
  std::optional<bool>
      header;  // Unset: there is one unless all fields of the first line are numbers.
};

// Reads a file of named columns: CSV, TSV, the shapes of MovieLens (`ratings.dat` with `::`,
// `u.data` with tabs and without a header, `ratings.csv`) and of RecBole (`.inter` and `.item` with
// tabs and a header of names and types, `user_id:token`).
//
// Errors of one line are INVALID_ARGUMENT, start with `file:line:`, and are not the end: the next
// call goes on behind it. Errors of the file are NOT_FOUND and DATA_LOSS.
// Thread-safety: thread-compatible.
class TableReader {
 public:
  static absl::StatusOr<std::unique_ptr<TableReader>> Open(const std::string& path,
                                                           const TableOptions& options);

  // The index of the column `wanted`: a name in the header, or a number from 1. With an empty
  // `wanted`: the first of `known` that is in the header, else `position`, from 0, if there is no
  // header and the line is long enough; nothing otherwise. Names are compared without regard to
  // case, `_`, `-`, spaces, and a type behind a colon. INVALID_ARGUMENT if `wanted` is not there.
  absl::StatusOr<std::optional<size_t>> FindColumn(absl::string_view wanted,
                                                   std::span<const absl::string_view> known,
                                                   std::optional<size_t> position) const;

  // The type that the header gives a column behind a colon, as RecBole's files do: `token_seq`.
  // Empty: none.
  std::string TypeOf(size_t column) const;

  // Reads the next line of data into `record`; false at the end. A line with another number of
  // fields than the first is bad.
  absl::StatusOr<bool> Next(CsvRecord* record);

  // INVALID_ARGUMENT, `file:line: what`.
  absl::Status LineError(int64_t line, absl::string_view what) const;

  bool has_header() const { return has_header_; }
  size_t column_count() const { return first_.fields.size(); }
  const std::string& path() const { return path_; }
  int64_t size_bytes() const { return size_bytes_; }
  int64_t consumed_bytes() const { return csv_->consumed_bytes(); }

  // The columns' names for an error message, or how many there are.
  std::string DescribeColumns() const;

 private:
  TableReader() = default;

  std::string path_;
  std::ifstream file_;
  int64_t size_bytes_ = 0;
  std::unique_ptr<CsvReader> csv_;
  CsvRecord first_;  // The first line: the header, or the shape that all lines have.
  bool has_header_ = false;
  bool first_is_data_ = false;  // `first_` has still to be returned.
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_TABLE_READER_H_
