// SPDX-License-Identifier: Apache-2.0
#include "storage/base/fingerprint.h"

#include <cstring>

#include "storage/base/philox.h"

namespace negatron {

uint64_t Fingerprint(const void* data, size_t size_bytes, uint64_t seed) {
  const char* bytes = static_cast<const char*>(data);
  uint64_t hash = MixHash(seed, size_bytes);
  while (size_bytes >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof(word));
    hash = MixHash(hash, word);
    bytes += sizeof(word);
    size_bytes -= sizeof(word);
  }
  if (size_bytes > 0) {
    uint64_t word = 0;
    std::memcpy(&word, bytes, size_bytes);
    hash = MixHash(hash, word);
  }
  return hash;
}

}  // namespace negatron
