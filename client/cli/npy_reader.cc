// SPDX-License-Identifier: Apache-2.0
#include "client/cli/npy_reader.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace negatron::client {
namespace {

static_assert(std::endian::native == std::endian::little, "Values are read as they are stored.");

constexpr absl::string_view kMagic = "\x93NUMPY";

// NumPy writes headers of some hundred bytes; more is a file of another kind.
constexpr uint32_t kMaxHeaderBytes = 1 << 16;

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("is not an array that can be read: ", what));
}

bool ReadBytes(std::istream* input, size_t count, std::string* bytes) {
  bytes->resize(count);
  input->read(bytes->data(), static_cast<std::streamsize>(count));
  return static_cast<size_t>(input->gcount()) == count;
}

// The text of the header, which is a Python dictionary.
absl::StatusOr<std::string> ReadHeaderText(std::istream* input) {
  std::string start;
  if (!ReadBytes(input, 8, &start) || !absl::StartsWith(start, kMagic)) {
    return Bad("it does not start with NumPy's magic bytes");
  }
  const int version = static_cast<unsigned char>(start[6]);
  if (version < 1 || version > 3) {
    return Bad(absl::StrCat("version ", version, " of the format is not known"));
  }
  std::string length_bytes;
  if (!ReadBytes(input, version == 1 ? 2 : 4, &length_bytes)) return Bad("the header is cut short");
  uint32_t length = 0;
  for (size_t i = length_bytes.size(); i > 0; --i) {
    length = length << 8 | static_cast<unsigned char>(length_bytes[i - 1]);
  }
  if (length > kMaxHeaderBytes) return Bad(absl::StrCat("the header has ", length, " bytes"));
  std::string text;
  if (!ReadBytes(input, length, &text)) return Bad("the header is cut short");
  return text;
}

// The value of `key` in the header: the text behind `'key':` up to the comma that ends it.
absl::StatusOr<std::string> FindValue(absl::string_view text, absl::string_view key) {
  const std::string quoted = absl::StrCat("'", key, "':");
  size_t at = text.find(quoted);
  if (at == absl::string_view::npos) return Bad(absl::StrCat("the header has no `", key, "`"));
  absl::string_view rest = absl::StripLeadingAsciiWhitespace(text.substr(at + quoted.size()));
  const bool tuple = absl::StartsWith(rest, "(");
  const size_t end = rest.find_first_of(tuple ? ")" : ",}");
  if (end == absl::string_view::npos) return Bad(absl::StrCat("`", key, "` does not end"));
  return std::string(absl::StripAsciiWhitespace(rest.substr(0, tuple ? end + 1 : end)));
}

absl::StatusOr<NpyType> ParseType(absl::string_view text) {
  if (text == "'<f4'") return NpyType::kFloat32;
  if (text == "'<f8'") return NpyType::kFloat64;
  if (text == "'<i4'") return NpyType::kInt32;
  if (text == "'<i8'") return NpyType::kInt64;
  return Bad(absl::StrCat("its type is ", text,
                          "; save it as little-endian float32, float64, int32 or int64"));
}

absl::StatusOr<std::vector<int64_t>> ParseShape(absl::string_view text) {
  std::vector<int64_t> shape;
  if (!absl::StartsWith(text, "(") || !absl::EndsWith(text, ")") || text.size() < 2) {
    return Bad(absl::StrCat("its shape is ", text));
  }
  int64_t product = 1;
  for (absl::string_view part : absl::StrSplit(text.substr(1, text.size() - 2), ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (part.empty()) continue;  // Behind the last comma, as in `(3,)`.
    int64_t size = 0;
    if (!absl::SimpleAtoi(part, &size) || size < 0 ||
        (size > 0 && product > std::numeric_limits<int64_t>::max() / 16 / size)) {
      return Bad(absl::StrCat("its shape is ", text));
    }
    shape.push_back(size);
    // A size of 0 must not hide an overflow of the others.
    product *= std::max<int64_t>(size, 1);
  }
  return shape;
}

absl::StatusOr<NpyHeader> ParseHeader(absl::string_view text) {
  const absl::StatusOr<std::string> order = FindValue(text, "fortran_order");
  if (!order.ok()) return order.status();
  if (*order != "False") return Bad("it is in Fortran order; save numpy.ascontiguousarray(...)");
  const absl::StatusOr<std::string> descr = FindValue(text, "descr");
  if (!descr.ok()) return descr.status();
  const absl::StatusOr<NpyType> type = ParseType(*descr);
  if (!type.ok()) return type.status();
  const absl::StatusOr<std::string> shape_text = FindValue(text, "shape");
  if (!shape_text.ok()) return shape_text.status();
  const absl::StatusOr<std::vector<int64_t>> shape = ParseShape(*shape_text);
  if (!shape.ok()) return shape.status();
  return NpyHeader{.type = *type, .shape = *shape};
}

}  // namespace

int64_t NpyHeader::value_count() const {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

size_t NpyHeader::value_bytes() const {
  return type == NpyType::kFloat32 || type == NpyType::kInt32 ? 4 : 8;
}

NpyReader::NpyReader(std::istream* input, NpyHeader header)
    : input_(input), header_(std::move(header)) {}

absl::StatusOr<NpyReader> NpyReader::Open(std::istream* input) {
  const absl::StatusOr<std::string> text = ReadHeaderText(input);
  if (!text.ok()) return text.status();
  absl::StatusOr<NpyHeader> header = ParseHeader(*text);
  if (!header.ok()) return header.status();
  const std::istream::pos_type start = input->tellg();
  input->seekg(0, std::ios::end);
  const int64_t have = input->tellg() - start;
  input->seekg(start);
  if (!input->good()) return absl::DataLossError("cannot be read to its end");
  const int64_t want = header->value_count() * static_cast<int64_t>(header->value_bytes());
  if (have != want) {
    return Bad(
        absl::StrCat("the header promises ", want, " bytes of values, and ", have, " follow it"));
  }
  return NpyReader(input, *std::move(header));
}

template <typename Stored, typename T>
absl::Status NpyReader::Read(size_t count, std::vector<T>* values) {
  std::vector<Stored> stored(count);
  const auto bytes = static_cast<std::streamsize>(count * sizeof(Stored));
  input_->read(reinterpret_cast<char*>(stored.data()), bytes);
  if (input_->gcount() != bytes) return absl::DataLossError("cannot be read to its end");
  if constexpr (std::is_same_v<Stored, T>) {
    *values = std::move(stored);
  } else {
    values->resize(count);
    std::transform(stored.begin(), stored.end(), values->begin(),
                   [](Stored value) { return static_cast<T>(value); });
  }
  return absl::OkStatus();
}

absl::Status NpyReader::ReadFloats(size_t count, std::vector<float>* values) {
  if (header_.type == NpyType::kFloat32) return Read<float>(count, values);
  if (header_.type == NpyType::kFloat64) return Read<double>(count, values);
  return Bad("it holds integers, where floats are needed");
}

absl::Status NpyReader::ReadInt64s(size_t count, std::vector<int64_t>* values) {
  if (header_.type == NpyType::kInt64) return Read<int64_t>(count, values);
  if (header_.type == NpyType::kInt32) return Read<int32_t>(count, values);
  return Bad("it holds floats, where integers are needed");
}

}  // namespace negatron::client
