// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SERVER_ENGINE_ROW_BYTES_H_
#define NEGATRON_TESTS_SERVER_ENGINE_ROW_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "server/engine/sample_requests.h"

namespace negatron {

template <typename T>
void AppendBytes(std::span<const T> column, size_t rows, size_t row, std::string* bytes) {
  const size_t each = column.size() / rows;
  bytes->append(reinterpret_cast<const char*>(column.data() + each * row), each * sizeof(T));
}

// All columns of a row, byte by byte.
inline std::string BytesOf(const SampleResult& result, size_t row) {
  const size_t rows = result.statuses.size();
  std::string bytes;
  AppendBytes<int64_t>(result.ids, rows, row, &bytes);
  for (const std::span<const float> column :
       {std::span<const float>(result.log_q), std::span<const float>(result.log_q_source),
        std::span<const float>(result.scores), std::span<const float>(result.shares),
        std::span<const float>(result.expected_count),
        std::span<const float>(result.importance_weights),
        std::span<const float>(result.positive_log_q)}) {
    AppendBytes(column, rows, row, &bytes);
  }
  AppendBytes<uint8_t>(result.components, rows, row, &bytes);
  AppendBytes<uint8_t>(result.statuses, rows, row, &bytes);
  AppendBytes<int64_t>(result.rejects, rows, row, &bytes);
  AppendBytes<int64_t>(result.all_rejects, rows, row, &bytes);
  AppendBytes<int64_t>(result.rejects_by_cause, rows, row, &bytes);
  AppendBytes<uint8_t>(result.tags, rows, row, &bytes);
  AppendBytes<int64_t>(result.boundaries, rows, row, &bytes);
  // Left out while all rows of the call are full.
  const int64_t full = static_cast<int64_t>(result.ids.size() / rows);
  bytes += std::to_string(result.drawn.empty() ? full : result.drawn[row]);
  return bytes;
}

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_ENGINE_ROW_BYTES_H_
