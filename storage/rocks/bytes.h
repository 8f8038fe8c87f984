// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_BYTES_H_
#define NEGATRON_STORAGE_ROCKS_BYTES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"

// Whole numbers as bytes: little-endian in values, big-endian in keys, where
// the order of bytes is the order of numbers.
namespace negatron {

template <typename T>
void AppendLittle(T number, std::string* out) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(number);
  for (size_t i = 0; i < sizeof(T); ++i) out->push_back(static_cast<char>(bits >> (8 * i)));
}

template <typename T>
void AppendBig(T number, std::string* out) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(number);
  for (size_t i = sizeof(T); i > 0; --i) out->push_back(static_cast<char>(bits >> (8 * (i - 1))));
}

inline void AppendFloat(float number, std::string* out) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  AppendLittle(bits, out);
}

inline void AppendDouble(double number, std::string* out) {
  AppendLittle(std::bit_cast<uint64_t>(number), out);
}

// A text of at most 65,535 bytes after its length in two bytes.
inline void AppendText(absl::string_view text, std::string* out) {
  AppendLittle(static_cast<uint16_t>(text.size()), out);
  out->append(text.data(), text.size());
}

// Reads what the functions above wrote. The first read past the end makes it
// fail; from then on it returns zeros and empty texts.
//
// Thread-safety: thread-compatible. The bytes must outlive it.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Little() {
    std::make_unsigned_t<T> bits = 0;
    const absl::string_view bytes = Take(sizeof(T));
    for (size_t i = bytes.size(); i > 0; --i) bits = Shifted(bits, bytes[i - 1]);
    return static_cast<T>(bits);
  }

  template <typename T>
  T Big() {
    std::make_unsigned_t<T> bits = 0;
    for (const char byte : Take(sizeof(T))) bits = Shifted(bits, byte);
    return static_cast<T>(bits);
  }

  float Float() {
    const auto bits = Little<uint32_t>();
    float number;
    std::memcpy(&number, &bits, sizeof(number));
    return number;
  }

  double Double() { return std::bit_cast<double>(Little<uint64_t>()); }

  std::string Text() { return std::string(Take(Little<uint16_t>())); }

  // The next `size` bytes; empty if there are fewer.
  absl::string_view Take(size_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const absl::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  size_t remaining() const { return rest_.size(); }
  // Whether every read found its bytes and none is left.
  bool AtEnd() const { return !failed_ && rest_.empty(); }

 private:
  template <typename T>
  static T Shifted(T bits, char byte) {
    const auto low = static_cast<unsigned char>(byte);
    if constexpr (sizeof(T) == 1) return low;
    return static_cast<T>((static_cast<uint64_t>(bits) << 8) | low);
  }

  absl::string_view rest_;
  bool failed_ = false;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_BYTES_H_
