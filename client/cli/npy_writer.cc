// SPDX-License-Identifier: Apache-2.0
#include "client/cli/npy_writer.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace negatron::client {
namespace {

// Before the values; a multiple of 64, as the format asks for, with room for any shape.
constexpr size_t kStartBytes = 128;
constexpr size_t kPreambleBytes = 10;  // Magic bytes, version, length of the header.

const char* TypeName(NpyType type) {
  switch (type) {
    case NpyType::kFloat32:
      return "<f4";
    case NpyType::kFloat64:
      return "<f8";
    case NpyType::kInt32:
      return "<i4";
    case NpyType::kInt64:
      return "<i8";
  }
  return "";
}

}  // namespace

NpyWriter::NpyWriter(std::ostream* output, NpyType type, std::optional<int64_t> columns)
    : output_(output), type_(type), columns_(columns) {
  WriteHeader();
}

void NpyWriter::WriteHeader() {
  std::string header = absl::StrCat("{'descr': '", TypeName(type_),
                                    "', 'fortran_order': False, 'shape': (", row_count_, ",");
  if (columns_.has_value()) absl::StrAppend(&header, " ", *columns_);
  absl::StrAppend(&header, "), }");
  header.resize(kStartBytes - kPreambleBytes - 1, ' ');
  header.push_back('\n');
  std::string start("\x93NUMPY\x01\x00", 8);
  start.push_back(static_cast<char>(header.size()));
  start.push_back('\0');
  *output_ << start << header;
}

void NpyWriter::Append(const void* values, int64_t row_count) {
  const NpyHeader shape{type_, {row_count, columns_.value_or(1)}};
  output_->write(static_cast<const char*>(values),
                 static_cast<std::streamsize>(shape.value_count()) *
                     static_cast<std::streamsize>(shape.value_bytes()));
  row_count_ += row_count;
}

void NpyWriter::Finish() {
  output_->seekp(0);
  WriteHeader();
  output_->seekp(0, std::ios::end);
}

}  // namespace negatron::client
