// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/trace_context.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace negatron {
namespace {

// version-trace_id-parent_id-flags
constexpr size_t kLength = 2 + 1 + 32 + 1 + 16 + 1 + 2;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsId(absl::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != absl::string_view::npos;
}

}  // namespace

std::string ReadTraceparent(absl::string_view header) {
  if (header.size() < kLength) return "";
  const absl::string_view version = header.substr(0, 2);
  if (!IsHex(version) || version == "ff") return "";
  if (version == "00" && header.size() != kLength) return "";
  if (header.size() > kLength && header[kLength] != '-') return "";
  if (header[2] != '-' || header[35] != '-' || header[52] != '-') return "";
  if (!IsId(header.substr(3, 32)) || !IsId(header.substr(36, 16))) return "";
  if (!IsHex(header.substr(53, 2))) return "";
  return std::string(header.substr(0, kLength));
}

std::string TraceparentOf(const grpc::CallbackServerContext& context) {
  const auto [first, last] = context.client_metadata().equal_range("traceparent");
  if (first == last || std::next(first) != last) return "";
  return ReadTraceparent({first->second.data(), first->second.size()});
}

}  // namespace negatron
