// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/request_id.h"

#include <cstdint>
#include <random>

#include "absl/strings/str_format.h"

namespace negatron::client {

std::string NewRequestId() {
  std::random_device device;
  const auto word = [&device] { return static_cast<uint32_t>(device()); };
  const uint32_t b = word();
  const uint32_t c = word();
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%04x%08x", word(), b >> 16, b & 0xFFF,
                         ((c >> 16) & 0x3FFF) | 0x8000, c & 0xFFFF, word());
}

}  // namespace negatron::client
