// SPDX-License-Identifier: Apache-2.0
// Any text is read to its end, within bounds; its records, written with every field in quotes, are
// read as the same.
//
// Input: one byte of options, the text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"

#include "client/cli/csv_reader.h"

namespace negatron::client {
namespace {

using Records = std::vector<std::vector<std::string>>;

Records Read(const std::string& text, CsvOptions options, bool must_be_good) {
  std::istringstream input(text);
  CsvReader reader(&input, std::move(options));
  Records records;
  CsvRecord record;
  int64_t line = 0;
  for (;;) {
    const absl::StatusOr<bool> more = reader.Next(&record);
    if (reader.consumed_bytes() > static_cast<int64_t>(text.size())) std::abort();
    if (more.ok() && !*more) return records;
    if (!more.ok() && (must_be_good || !absl::IsInvalidArgument(more.status()))) std::abort();
    if (record.line <= line) std::abort();
    line = record.line;
    if (more.ok()) records.push_back(record.fields);
  }
}

std::string Write(const Records& records) {
  std::string text;
  for (const std::vector<std::string>& fields : records) {
    for (const std::string& field : fields) {
      if (&field != &fields.front()) text += ',';
      text += '"' + absl::StrReplaceAll(field, {{"\"", "\"\""}}) + '"';
    }
    text += '\n';
  }
  return text;
}

void Check(uint8_t choice, const std::string& text) {
  static constexpr const char* kSeparators[] = {",", "::", "\t", "|"};
  CsvOptions options;
  options.separator = kSeparators[choice & 3];
  options.quotes = (choice & 4) != 0 && options.separator.size() == 1;
  if ((choice & 8) != 0) options.max_record_bytes = 16;
  const Records records = Read(text, options, /*must_be_good=*/false);
  if (Read(Write(records), CsvOptions(), /*must_be_good=*/true) != records) std::abort();
}

}  // namespace
}  // namespace negatron::client

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) {
    negatron::client::Check(data[0],
                            std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  }
  return 0;
}
