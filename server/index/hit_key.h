// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_HIT_KEY_H_
#define NEGATRON_SERVER_INDEX_HIT_KEY_H_

#include <bit>
#include <cstdint>

#include "server/index/search.h"

namespace negatron {

// A hit as a number: the nearer, the larger; among equal scores the lower ordinal is nearer.
inline uint64_t ToKey(Hit hit) {
  // Adding zero makes -0 and 0 one.
  const auto bits = std::bit_cast<uint32_t>(hit.score + 0.0F);
  const uint32_t ascending = (bits >> 31) != 0 ? ~bits : bits | 0x80000000;
  return uint64_t{ascending} << 32 | static_cast<uint32_t>(~hit.item);
}

inline Hit ToHit(uint64_t key) {
  const auto ascending = static_cast<uint32_t>(key >> 32);
  const uint32_t bits = (ascending >> 31) != 0 ? ascending & 0x7FFFFFFF : ~ascending;
  return {std::bit_cast<float>(bits), ~static_cast<uint32_t>(key)};
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_HIT_KEY_H_
