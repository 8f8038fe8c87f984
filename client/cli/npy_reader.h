// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_NPY_READER_H_
#define NEGATRON_CLIENT_CLI_NPY_READER_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace negatron::client {

// Types of values that are read.
enum class NpyType { kFloat32, kFloat64, kInt32, kInt64 };

// What the header of a file says.
struct NpyHeader {
  NpyType type = NpyType::kFloat32;
  std::vector<int64_t> shape;  // Each at least 0; their product fits int64.

  int64_t value_count() const;  // Product of `shape`.
  size_t value_bytes() const;   // Of one value: 4 or 8.
};

// Reads arrays that `numpy.save` wrote: versions 1, 2 and 3 of the format, C order, little-endian.
// The format is described with NumPy, "numpy.lib.format".
//
// Thread-safety: thread-compatible. Ownership: borrows the stream, which must be able to seek.
class NpyReader {
 public:
  // Reads the header, and checks that the rest of the file is as long as the header says.
  // INVALID_ARGUMENT, saying what is wrong, if not, or if the array is of another kind.
  static absl::StatusOr<NpyReader> Open(std::istream* input);

  const NpyHeader& header() const { return header_; }

  // Replaces `values` by the next `count` values, in row-major order. Need float types for floats
  // and integer types for integers (INVALID_ARGUMENT otherwise) and at most as many values as are
  // left. float64 is rounded to float32. DATA_LOSS if the stream fails.
  absl::Status ReadFloats(size_t count, std::vector<float>* values);
  absl::Status ReadInt64s(size_t count, std::vector<int64_t>* values);

 private:
  NpyReader(std::istream* input, NpyHeader header);

  // Reads `count` values of type Stored and converts them.
  template <typename Stored, typename T>
  absl::Status Read(size_t count, std::vector<T>* values);

  std::istream* input_;
  NpyHeader header_;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_NPY_READER_H_
