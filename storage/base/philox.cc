// SPDX-License-Identifier: Apache-2.0
#include "storage/base/philox.h"

namespace negatron {

uint64_t MixHash(uint64_t hash, uint64_t value) {
  uint64_t z = hash * 0x9E3779B97F4A7C15 + value + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace negatron
