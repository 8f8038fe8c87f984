// SPDX-License-Identifier: Apache-2.0
// Any file is refused, or read to its last value: at once, in two parts, the same.
//
// Input: the file.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/npy_reader.h"

namespace negatron::client {
namespace {

template <typename T>
using ReadValues = absl::Status (NpyReader::*)(size_t, std::vector<T>*);

template <typename T>
std::vector<T> Read(const std::string& file, ReadValues<T> read, size_t first, size_t second) {
  std::istringstream input(file);
  NpyReader reader = NpyReader::Open(&input).value();
  std::vector<T> values;
  std::vector<T> more;
  if (!(reader.*read)(first, &values).ok() || !(reader.*read)(second, &more).ok()) std::abort();
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

template <typename T>
void Check(const std::string& file, ReadValues<T> read, size_t count) {
  const std::vector<T> whole = Read(file, read, count, 0);
  const std::vector<T> parts = Read(file, read, count / 2, count - count / 2);
  // Bits, for NaN.
  if (whole.size() != count || parts.size() != count ||
      (count > 0 && std::memcmp(whole.data(), parts.data(), count * sizeof(T)) != 0)) {
    std::abort();
  }
}

void Check(const std::string& file) {
  std::istringstream input(file);
  const absl::StatusOr<NpyReader> reader = NpyReader::Open(&input);
  if (!reader.ok()) {
    if (!absl::IsInvalidArgument(reader.status())) std::abort();
    return;
  }
  const NpyHeader& header = reader->header();
  const auto count = static_cast<size_t>(header.value_count());
  if (count * header.value_bytes() > file.size()) std::abort();
  if (header.type == NpyType::kFloat32 || header.type == NpyType::kFloat64) {
    Check<float>(file, &NpyReader::ReadFloats, count);
  } else {
    Check<int64_t>(file, &NpyReader::ReadInt64s, count);
  }
}

}  // namespace
}  // namespace negatron::client

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  negatron::client::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
