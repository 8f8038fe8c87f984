// SPDX-License-Identifier: Apache-2.0
#include "client/cli/table_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace negatron::client {
namespace {

void AppendField(TableFormat format, absl::string_view field, std::string* line) {
  if (format == TableFormat::kCsv && field.find_first_of("\",\r\n") != absl::string_view::npos) {
    absl::StrAppend(line, "\"", absl::StrReplaceAll(field, {{"\"", "\"\""}}), "\"");
  } else {
    absl::StrAppend(line, field);
  }
}

}  // namespace

std::optional<TableFormat> FormatOf(absl::string_view path) {
  if (absl::EndsWith(path, ".csv")) return TableFormat::kCsv;
  if (absl::EndsWith(path, ".tsv")) return TableFormat::kTsv;
  if (absl::EndsWith(path, ".inter") || absl::EndsWith(path, ".item")) return TableFormat::kRecBole;
  return std::nullopt;
}

TableWriter::TableWriter(std::ostream* output, TableFormat format, std::vector<TableColumn> columns,
                         const std::vector<std::string>& left_out)
    : output_(output), format_(format), columns_(std::move(columns)) {
  const char separator = format_ == TableFormat::kCsv ? ',' : '\t';
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (std::find(left_out.begin(), left_out.end(), columns_[i].name) != left_out.end()) continue;
    if (!written_.empty()) line_.push_back(separator);
    written_.push_back(i);
    absl::StrAppend(&line_, columns_[i].name);
    if (format_ == TableFormat::kRecBole) absl::StrAppend(&line_, ":", columns_[i].type);
  }
  *output_ << line_ << '\n';
}

absl::Status TableWriter::CheckField(absl::string_view column, const std::string& field) const {
  const bool is_csv = format_ == TableFormat::kCsv;
  if (field.find('\0') == std::string::npos &&
      (is_csv || field.find_first_of("\t\r\n") == std::string::npos)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("its ", column,
                   is_csv ? " holds a NUL byte, which a table cannot hold"
                          : " holds a tab, a line end or a NUL, which only CSV can hold, and "
                            "that without NUL",
                   "; --without leaves a column out"));
}

absl::Status TableWriter::WriteRow(const std::vector<std::string>& fields) {
  const char separator = format_ == TableFormat::kCsv ? ',' : '\t';
  line_.clear();
  for (size_t i = 0; i < written_.size(); ++i) {
    const size_t column = written_[i];
    if (absl::Status status = CheckField(columns_[column].name, fields[column]); !status.ok()) {
      return status;
    }
    if (i > 0) line_.push_back(separator);
    AppendField(format_, fields[column], &line_);
  }
  *output_ << line_ << '\n';
  return absl::OkStatus();
}

}  // namespace negatron::client
