// SPDX-License-Identifier: Apache-2.0
#include "server/index/equal_anchors.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace negatron {

std::vector<size_t> FirstEqual(std::span<const float* const> anchors, int dimension) {
  absl::flat_hash_map<absl::string_view, size_t> seen;
  std::vector<size_t> first;
  first.reserve(anchors.size());
  for (size_t q = 0; q < anchors.size(); ++q) {
    const absl::string_view bytes(reinterpret_cast<const char*>(anchors[q]),
                                  static_cast<size_t>(dimension) * sizeof(float));
    first.push_back(seen.try_emplace(bytes, q).first->second);
  }
  return first;
}

}  // namespace negatron
