// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_NPY_WRITER_H_
#define NEGATRON_CLIENT_CLI_NPY_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>

#include "client/cli/npy_reader.h"

namespace negatron::client {

// Writes an array as `numpy.save` does, version 1 of the format, when the number of its rows is not
// known yet: `Finish` writes it into the header.
//
// Thread-safety: thread-compatible. Ownership: borrows the stream, which must be able to seek; the
// caller looks whether it failed.
class NpyWriter {
 public:
  // With `columns` the array has two dimensions, else one.
  NpyWriter(std::ostream* output, NpyType type, std::optional<int64_t> columns);

  // Appends rows; `values` are theirs, of the type, row-major.
  void Append(const void* values, int64_t row_count);

  void Finish();

 private:
  void WriteHeader();

  std::ostream* output_;
  NpyType type_;
  std::optional<int64_t> columns_;
  int64_t row_count_ = 0;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_NPY_WRITER_H_
