// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing the columns of `negatron/v1/types.proto`.
//
// Readers accept both the raw and the typed form. Errors are INVALID_ARGUMENT with a `BadRequest`
// that names the field by the path `field`, the caller's name for the column.
#ifndef NEGATRON_PROTO_CC_COLUMNS_H_
#define NEGATRON_PROTO_CC_COLUMNS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "negatron/v1/types.pb.h"

namespace negatron {

static_assert(
    std::endian::native == std::endian::little,
    "The raw form of a column is little-endian; views and writers copy bytes as they are.");

// A read-only view of a column's values, in the message or wherever the bytes are: raw bytes in a
// message need not be aligned for T, so values are copied out one at a time.
//
// Thread-safety: immutable. Ownership: borrows; the message must outlive it unchanged.
template <typename T>
class ColumnView {
 public:
  ColumnView() = default;  // No values.
  ColumnView(const void* data, size_t size) : data_(static_cast<const char*>(data)), size_(size) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Needs i < size().
  T operator[](size_t i) const {
    T value;
    std::memcpy(&value, data_ + i * sizeof(T), sizeof(T));
    return value;
  }

  // The part of `count` values from `first` on. Needs first + count <= size().
  ColumnView Slice(size_t first, size_t count) const {
    return ColumnView(data_ + first * sizeof(T), count);
  }

  // Fills `out`. Needs out.size() == size().
  void CopyTo(std::span<T> out) const {
    if (size_ > 0) std::memcpy(out.data(), data_, size_ * sizeof(T));
  }

  std::vector<T> ToVector() const {
    std::vector<T> values(size_);
    CopyTo(values);
    return values;
  }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

using Int64View = ColumnView<int64_t>;
using FloatView = ColumnView<float>;

// Views without a copy, of either form. Fail if the raw form is not a whole number of values.
absl::StatusOr<Int64View> ViewInt64s(const v1::Int64Column& column, absl::string_view field);
absl::StatusOr<FloatView> ViewFloats(const v1::FloatColumn& column, absl::string_view field);

// As above, of int64 ids or dictionary numbers; also fails if the column carries names.
absl::StatusOr<Int64View> ViewIds(const v1::IdColumn& column, absl::string_view field);

// The values of a matrix, `[row_count, column_count]`, row-major. Also fails if a size is negative,
// there are rows without columns, or the values are not row_count * column_count.
absl::StatusOr<FloatView> ViewMatrix(const v1::FloatMatrix& matrix, absl::string_view field);

// Copies, of either form.
absl::StatusOr<std::vector<int64_t>> ReadInt64s(const v1::Int64Column& column,
                                                absl::string_view field);
absl::StatusOr<std::vector<float>> ReadFloats(const v1::FloatColumn& column,
                                              absl::string_view field);
absl::StatusOr<std::vector<int64_t>> ReadIds(const v1::IdColumn& column, absl::string_view field);

// Also fails, naming the row, if a typed value is not in [0, 255].
absl::StatusOr<std::vector<uint8_t>> ReadBytes(const v1::ByteColumn& column,
                                               absl::string_view field);

// Replaces what `column` holds. An unspecified encoding is raw.
void WriteInt64s(std::span<const int64_t> values, v1::ColumnEncoding encoding,
                 v1::Int64Column* column);
void WriteFloats(std::span<const float> values, v1::ColumnEncoding encoding,
                 v1::FloatColumn* column);
void WriteBytes(std::span<const uint8_t> values, v1::ColumnEncoding encoding,
                v1::ByteColumn* column);
void WriteIds(std::span<const int64_t> ids, v1::ColumnEncoding encoding, v1::IdColumn* column);
void WriteNames(std::span<const std::string> names, v1::IdColumn* column);

// Replaces what `matrix` holds; `values` is `[row_count, column_count]`, row-major.
void WriteMatrix(std::span<const float> values, int32_t row_count, int32_t column_count,
                 v1::ColumnEncoding encoding, v1::FloatMatrix* matrix);

// Number of whole values in a column of either form; 0 if it is unset. A raw form that is not a
// whole number of values is rounded down; the readers report it.
int64_t ColumnSize(const v1::Int64Column& column);
int64_t ColumnSize(const v1::FloatColumn& column);
int64_t ColumnSize(const v1::ByteColumn& column);
int64_t ColumnSize(const v1::IdColumn& column);

}  // namespace negatron

#endif  // NEGATRON_PROTO_CC_COLUMNS_H_
