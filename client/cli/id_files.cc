// SPDX-License-Identifier: Apache-2.0
#include "client/cli/id_files.h"

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "client/cli/csv_reader.h"
#include "client/cli/npy_reader.h"
#include "client/cli/session.h"

namespace negatron::client {
namespace {

constexpr absl::string_view kNpySuffix = ".npy";
constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";  // Skipped at the start of a text.

absl::Status ReadNpyIds(const std::string& path, IdList* ids) {
  if (ids->strings()) {
    return InputError(absl::StrCat(path,
                                   ": these ids of the collection are strings; give a text "
                                   "file with one id a line"));
  }
  std::ifstream file;
  if (absl::Status status = OpenFile(path, &file); !status.ok()) return status;
  absl::StatusOr<NpyReader> reader = NpyReader::Open(&file);
  if (!reader.ok()) return FileError(path, reader.status());
  if (reader->header().shape.size() != 1) {
    return InputError(
        absl::StrCat(path, ": needs one dimension, has ", reader->header().shape.size()));
  }
  std::vector<int64_t> numbers;
  const auto count = static_cast<size_t>(reader->header().value_count());
  if (absl::Status status = reader->ReadInt64s(count, &numbers); !status.ok()) {
    return FileError(path, status);
  }
  for (const int64_t number : numbers) ids->Append(number);
  return absl::OkStatus();
}

}  // namespace

absl::Status FileError(const std::string& path, const absl::Status& status) {
  return InputError(absl::StrCat(path, ": ", status.message()));
}

absl::Status OpenFile(const std::string& path, std::ifstream* file) {
  file->open(path, std::ios::binary);
  if (file->is_open()) return absl::OkStatus();
  return InputError(
      absl::StrCat(path, ": cannot be opened: ", std::generic_category().message(errno)));
}

absl::Status ReadTextIds(const std::string& path, IdList* ids) {
  std::ifstream file;
  if (absl::Status status = OpenFile(path, &file); !status.ok()) return status;
  // A line is one field, whatever it holds.
  CsvReader reader(&file, CsvOptions{.separator = "\n", .quotes = false});
  CsvRecord record;
  for (;;) {
    const absl::StatusOr<bool> more = reader.Next(&record);
    absl::Status status = more.status();
    if (status.ok() && !*more) return absl::OkStatus();
    if (status.ok()) status = ids->Append(record.fields[0]);
    if (!status.ok()) return FileError(absl::StrCat(path, ":", record.line), status);
  }
}

absl::Status ReadIdFile(const std::string& path, IdList* ids) {
  return absl::EndsWith(path, kNpySuffix) ? ReadNpyIds(path, ids) : ReadTextIds(path, ids);
}

absl::StatusOr<IdFileWriter> IdFileWriter::Create(const std::string& path, v1::IdType type,
                                                  std::ostream* output) {
  IdFileWriter writer(output);
  if (!absl::EndsWith(path, kNpySuffix)) return writer;
  if (type == v1::ID_TYPE_STRING) {
    return UsageError(
        "--ids: these ids are strings, which go to a text file; name one that does not end in "
        ".npy");
  }
  writer.npy_.emplace(output, NpyType::kInt64, std::nullopt);
  return writer;
}

absl::Status IdFileWriter::Append(absl::string_view id) {
  if (npy_.has_value()) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(id, &number)) return absl::InternalError("an id is not a number");
    npy_->Append(&number, 1);
    return absl::OkStatus();
  }
  if (id.find_first_of(absl::string_view("\n\r\0", 3)) != absl::string_view::npos ||
      absl::StartsWith(id, kByteOrderMark)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "id `", id, "` holds a line end, a NUL or a byte order mark, which a line cannot"));
  }
  *output_ << id << '\n';
  return absl::OkStatus();
}

void IdFileWriter::Finish() {
  if (npy_.has_value()) npy_->Finish();
}

}  // namespace negatron::client
