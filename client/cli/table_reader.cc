// SPDX-License-Identifier: Apache-2.0
#include "client/cli/table_reader.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace negatron::client {
namespace {

constexpr size_t kSniffBytes = 4096;

std::string Normalise(absl::string_view name) {
  std::string normal;
  for (const char c : name.substr(0, name.find(':'))) {
    if (c != '_' && c != '-' && c != ' ') normal.push_back(absl::ascii_tolower(c));
  }
  return normal;
}

// The separator of the line, or a comma if there is none.
std::string SniffSeparator(absl::string_view line) {
  for (const char* separator : {"\t", "::", ",", ";", "|"}) {
    if (absl::StrContains(line, separator)) return separator;
  }
  return ",";
}

bool IsNumber(const std::string& field) {
  double number = 0;
  return absl::SimpleAtod(field, &number);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TableReader>> TableReader::Open(const std::string& path,
                                                               const TableOptions& options) {
  std::unique_ptr<TableReader> table(new TableReader());
  table->path_ = path;
  table->file_.open(path, std::ios::binary);
  if (!table->file_.is_open()) {
    return absl::NotFoundError(
        absl::StrCat(path, ": cannot be opened: ", std::generic_category().message(errno)));
  }
  std::string start(kSniffBytes, '\0');
  table->file_.read(start.data(), kSniffBytes);
  if (table->file_.bad()) return absl::DataLossError(absl::StrCat(path, ": cannot be read"));
  start.resize(static_cast<size_t>(table->file_.gcount()));
  if (absl::StartsWith(start, "\x1F\x8B")) {
    return absl::DataLossError(absl::StrCat(path, ": is compressed; run gunzip first"));
  }
  table->file_.clear();
  table->file_.seekg(0, std::ios::end);
  table->size_bytes_ = table->file_.tellg();
  table->file_.seekg(0);
  if (!table->file_.good()) {
    return absl::DataLossError(absl::StrCat(path, ": is not a file that can be read again"));
  }

  CsvOptions csv;
  csv.separator = options.separator.empty() ? SniffSeparator(start.substr(0, start.find('\n')))
                                            : options.separator;
  csv.quotes = csv.separator.size() == 1 && csv.separator != "\t";
  table->csv_ = std::make_unique<CsvReader>(&table->file_, std::move(csv));
  const absl::StatusOr<bool> more = table->csv_->Next(&table->first_);
  if (!more.ok()) {
    return absl::DataLossError(absl::StrCat(path, ":1: ", more.status().message()));
  }
  if (!*more) return absl::DataLossError(absl::StrCat(path, ": is empty"));
  const bool numbers =
      std::all_of(table->first_.fields.begin(), table->first_.fields.end(), IsNumber);
  table->has_header_ = options.header.value_or(!numbers);
  table->first_is_data_ = !table->has_header_;
  return table;
}

absl::StatusOr<std::optional<size_t>> TableReader::FindColumn(
    absl::string_view wanted, std::span<const absl::string_view> known,
    std::optional<size_t> position) const {
  const auto find = [this](absl::string_view name) -> std::optional<size_t> {
    for (size_t i = 0; has_header_ && i < first_.fields.size(); ++i) {
      if (Normalise(first_.fields[i]) == Normalise(name)) return i;
    }
    return std::nullopt;
  };
  if (!wanted.empty()) {
    if (const auto column = find(wanted); column.has_value()) return column;
    size_t number = 0;
    if (absl::SimpleAtoi(wanted, &number) && number >= 1 && number <= column_count()) {
      return number - 1;
    }
    return absl::InvalidArgumentError(
        absl::StrCat(path_, " has no column `", wanted, "`: ", DescribeColumns()));
  }
  for (const absl::string_view name : known) {
    if (const auto column = find(name); column.has_value()) return column;
  }
  if (!has_header_ && position.has_value() && *position < column_count()) return position;
  return std::optional<size_t>();
}

std::string TableReader::TypeOf(size_t column) const {
  if (!has_header_) return "";
  const std::string& name = first_.fields[column];
  const size_t colon = name.find(':');
  if (colon == std::string::npos) return "";
  return std::string(absl::StripAsciiWhitespace(absl::string_view(name).substr(colon + 1)));
}

absl::StatusOr<bool> TableReader::Next(CsvRecord* record) {
  if (first_is_data_) {
    first_is_data_ = false;
    *record = first_;
    return true;
  }
  absl::StatusOr<bool> more = csv_->Next(record);
  if (!more.ok() && !absl::IsInvalidArgument(more.status())) {
    return absl::Status(more.status().code(), absl::StrCat(path_, ": ", more.status().message()));
  }
  if (!more.ok()) return LineError(record->line, more.status().message());
  if (*more && record->fields.size() != column_count()) {
    return LineError(record->line, absl::StrCat("has ", record->fields.size(),
                                                " fields, the first line has ", column_count()));
  }
  return more;
}

absl::Status TableReader::LineError(int64_t line, absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(path_, ":", line, ": ", what));
}

std::string TableReader::DescribeColumns() const {
  if (!has_header_) return absl::StrCat(column_count(), " columns without a header");
  return absl::StrCat("its columns are ", absl::StrJoin(first_.fields, ", "));
}

}  // namespace negatron::client
