// SPDX-License-Identifier: Apache-2.0
#include "proto/cc/columns.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "proto/cc/status.h"

namespace negatron {
namespace {

// `Column` is a column message with a raw form and a typed form of values of type T.
template <typename T, typename Column>
absl::StatusOr<ColumnView<T>> View(const Column& column, absl::string_view field) {
  if (column.has_typed()) {
    const auto& values = column.typed().values();
    return ColumnView<T>(values.data(), static_cast<size_t>(values.size()));
  }
  if (!column.has_raw()) return ColumnView<T>();
  const std::string& raw = column.raw();
  if (raw.size() % sizeof(T) != 0) {
    return BadFieldError(absl::StrCat(field, ".raw"),
                         absl::StrCat("has ", raw.size(), " bytes, not a multiple of ", sizeof(T)));
  }
  return ColumnView<T>(raw.data(), raw.size() / sizeof(T));
}

template <typename T>
absl::StatusOr<std::vector<T>> Copy(const absl::StatusOr<ColumnView<T>>& view) {
  if (!view.ok()) return view.status();
  return view->ToVector();
}

template <typename T, typename Column>
void Write(std::span<const T> values, v1::ColumnEncoding encoding, Column* column) {
  if (encoding == v1::COLUMN_ENCODING_TYPED) {
    auto* typed = column->mutable_typed()->mutable_values();
    typed->Assign(values.begin(), values.end());
    return;
  }
  // std::string::assign wants a pointer that is not null, even for no bytes.
  if (values.empty()) {
    column->mutable_raw()->clear();
  } else {
    column->mutable_raw()->assign(reinterpret_cast<const char*>(values.data()),
                                  values.size_bytes());
  }
}

template <typename Column>
int64_t Size(const Column& column, size_t width) {
  if (column.has_typed()) return column.typed().values_size();
  return static_cast<int64_t>(column.raw().size() / width);
}

}  // namespace

absl::StatusOr<Int64View> ViewInt64s(const v1::Int64Column& column, absl::string_view field) {
  return View<int64_t>(column, field);
}

absl::StatusOr<FloatView> ViewFloats(const v1::FloatColumn& column, absl::string_view field) {
  return View<float>(column, field);
}

absl::StatusOr<Int64View> ViewIds(const v1::IdColumn& column, absl::string_view field) {
  if (column.has_names()) {
    return BadFieldError(absl::StrCat(field, ".names"),
                         "names are only for collections with string ids; send `raw` or `typed`");
  }
  return View<int64_t>(column, field);
}

absl::StatusOr<FloatView> ViewMatrix(const v1::FloatMatrix& matrix, absl::string_view field) {
  if (matrix.row_count() < 0) {
    return BadFieldError(absl::StrCat(field, ".row_count"), "is negative");
  }
  if (matrix.column_count() < 0 || (matrix.column_count() == 0 && matrix.row_count() > 0)) {
    return BadFieldError(absl::StrCat(field, ".column_count"), "must be at least 1");
  }
  const std::string path = absl::StrCat(field, ".values");
  absl::StatusOr<FloatView> values = ViewFloats(matrix.values(), path);
  const int64_t want = int64_t{matrix.row_count()} * matrix.column_count();
  if (values.ok() && static_cast<int64_t>(values->size()) != want) {
    return BadFieldError(path, absl::StrCat("has ", values->size(), " values, not ",
                                            matrix.row_count(), " * ", matrix.column_count()));
  }
  return values;
}

absl::StatusOr<std::vector<int64_t>> ReadInt64s(const v1::Int64Column& column,
                                                absl::string_view field) {
  return Copy(ViewInt64s(column, field));
}

absl::StatusOr<std::vector<float>> ReadFloats(const v1::FloatColumn& column,
                                              absl::string_view field) {
  return Copy(ViewFloats(column, field));
}

absl::StatusOr<std::vector<int64_t>> ReadIds(const v1::IdColumn& column, absl::string_view field) {
  return Copy(ViewIds(column, field));
}

absl::StatusOr<std::vector<uint8_t>> ReadBytes(const v1::ByteColumn& column,
                                               absl::string_view field) {
  if (!column.has_typed()) return std::vector<uint8_t>(column.raw().begin(), column.raw().end());
  std::vector<uint8_t> values;
  values.reserve(static_cast<size_t>(column.typed().values_size()));
  for (const int64_t value : column.typed().values()) {
    if (value < 0 || value > 255) {
      return BadFieldError(absl::StrCat(field, "[", values.size(), "]"),
                           absl::StrCat("is ", value, ", not in [0, 255]"));
    }
    values.push_back(static_cast<uint8_t>(value));
  }
  return values;
}

void WriteInt64s(std::span<const int64_t> values, v1::ColumnEncoding encoding,
                 v1::Int64Column* column) {
  Write(values, encoding, column);
}

void WriteFloats(std::span<const float> values, v1::ColumnEncoding encoding,
                 v1::FloatColumn* column) {
  Write(values, encoding, column);
}

void WriteBytes(std::span<const uint8_t> values, v1::ColumnEncoding encoding,
                v1::ByteColumn* column) {
  Write(values, encoding, column);
}

void WriteIds(std::span<const int64_t> ids, v1::ColumnEncoding encoding, v1::IdColumn* column) {
  Write(ids, encoding, column);
}

void WriteNames(std::span<const std::string> names, v1::IdColumn* column) {
  column->mutable_names()->mutable_values()->Assign(names.begin(), names.end());
}

void WriteMatrix(std::span<const float> values, int32_t row_count, int32_t column_count,
                 v1::ColumnEncoding encoding, v1::FloatMatrix* matrix) {
  matrix->set_row_count(row_count);
  matrix->set_column_count(column_count);
  WriteFloats(values, encoding, matrix->mutable_values());
}

int64_t ColumnSize(const v1::Int64Column& column) { return Size(column, sizeof(int64_t)); }

int64_t ColumnSize(const v1::FloatColumn& column) { return Size(column, sizeof(float)); }

int64_t ColumnSize(const v1::ByteColumn& column) { return Size(column, sizeof(uint8_t)); }

int64_t ColumnSize(const v1::IdColumn& column) {
  if (column.has_names()) return column.names().values_size();
  return Size(column, sizeof(int64_t));
}

}  // namespace negatron
