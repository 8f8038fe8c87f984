// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_IDS_H_
#define NEGATRON_SERVER_ENGINE_IDS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace negatron {

// A column of ids as a caller gives it: int64 ids (or, in a collection of
// string ids, dictionary numbers), or string ids.
struct IdBatch {
  std::variant<std::vector<int64_t>, std::vector<std::string>> values;

  bool is_names() const { return values.index() == 1; }
  const std::vector<int64_t>& numbers() const { return std::get<0>(values); }
  const std::vector<std::string>& names() const { return std::get<1>(values); }
  int64_t size() const {
    return static_cast<int64_t>(is_names() ? names().size() : numbers().size());
  }
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_IDS_H_
