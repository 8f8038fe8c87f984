// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_FINGERPRINT_H_
#define NEGATRON_STORAGE_BASE_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace negatron {

// A 64-bit fingerprint of bytes, for recognising a repeated request and for
// hash tables. Stable: it is stored. Not for adversaries.
//
// Thread-safety: immutable.
uint64_t Fingerprint(const void* data, size_t size_bytes, uint64_t seed = 0);

inline uint64_t Fingerprint(std::string_view bytes, uint64_t seed = 0) {
  return Fingerprint(bytes.data(), bytes.size(), seed);
}

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_FINGERPRINT_H_
