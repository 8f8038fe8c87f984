// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_TABLE_WRITER_H_
#define NEGATRON_CLIENT_CLI_TABLE_WRITER_H_

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace negatron::client {

enum class TableFormat {
  kCsv,      // Fields that need it stand in quotes (RFC 4180).
  kTsv,      // Fields between tabs, as they are.
  kRecBole,  // The same, with types in the header: `user_id:token`.
};

// The format of a file by its suffix: .csv, .tsv, .inter, .item.
std::optional<TableFormat> FormatOf(absl::string_view path);

struct TableColumn {
  absl::string_view name;
  absl::string_view type;  // Of RecBole.
};

// Writes tables that TableReader reads back as they were.
//
// Thread-safety: thread-compatible. Ownership: borrows the stream; the caller looks whether it
// failed.
class TableWriter {
 public:
  // Writes the header. Of each row, the columns in `left_out` are not written.
  TableWriter(std::ostream* output, TableFormat format, std::vector<TableColumn> columns,
              const std::vector<std::string>& left_out);

  // Writes a row with a field for each column, also for those that are left out.
  // INVALID_ARGUMENT, and nothing written, if the format has no way to write a field.
  absl::Status WriteRow(const std::vector<std::string>& fields);

 private:
  absl::Status CheckField(absl::string_view column, const std::string& field) const;

  std::ostream* const output_;
  const TableFormat format_;
  const std::vector<TableColumn> columns_;
  std::vector<size_t> written_;  // Indexes of the columns that are.
  std::string line_;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_TABLE_WRITER_H_
