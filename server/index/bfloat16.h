// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_BFLOAT16_H_
#define NEGATRON_SERVER_INDEX_BFLOAT16_H_

#include <bit>
#include <cstddef>
#include <cstdint>

namespace negatron {

// The upper half of a float32: its sign, its exponent and 7 of its 23 bits of fraction.
struct Bfloat16 {
  uint16_t bits;
};

// The nearest; of two as near the one whose last bit is 0. Infinite beyond
// 0x1.FFp127 in magnitude. `number` is not NaN.
inline Bfloat16 ToBfloat16(float number) {
  const auto bits = std::bit_cast<uint32_t>(number);
  const uint32_t last = bits >> 16 & 1;
  return {static_cast<uint16_t>((bits + 0x7FFF + last) >> 16)};
}

// Exact.
inline float ToFloat(Bfloat16 number) { return std::bit_cast<float>(uint32_t{number.bits} << 16); }

// Where component `i` lies in a stored row of `dimension`: in each whole block of sixteen,
// component i is followed by component i + 8; the rest is in order. So a kernel
// widens a block by a shift and a mask (see Kernels).
inline size_t Bfloat16Place(size_t i, size_t dimension) {
  const size_t block = i / 16 * 16;
  return block + 16 <= dimension ? block + i % 8 * 2 + i % 16 / 8 : i;
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_BFLOAT16_H_
