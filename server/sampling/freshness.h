// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_FRESHNESS_H_
#define NEGATRON_SERVER_SAMPLING_FRESHNESS_H_

#include <cstdint>
#include <limits>
#include <optional>

#include "storage/model/records.h"

namespace negatron {

// How fresh the vectors must be that a call draws by: an item whose vector is not
// counts as one without a vector, as a candidate and as an anchor.
struct Freshness {
  int64_t min_model_version = 0;  // 0: any, also vectors without a version.
  // Vectors that were written before it, or nobody knows when, are not fresh. Unset: all are.
  std::optional<Micros> min_write_time = std::nullopt;
  Micros as_of = 0;  // Ages are told as of this time.

  bool IsDemanded() const { return min_model_version > 0 || min_write_time.has_value(); }

  bool Admits(const VectorStamp& stamp) const {
    if (stamp.model_version < min_model_version) return false;
    return !min_write_time.has_value() ||
           (stamp.write_time != 0 && stamp.write_time >= *min_write_time);
  }

  // In seconds; NaN if it is not known. Negative if it was written after `as_of`.
  float AgeOf(const VectorStamp& stamp) const {
    if (stamp.write_time == 0) return std::numeric_limits<float>::quiet_NaN();
    return static_cast<float>(static_cast<double>(as_of - stamp.write_time) * 1e-6);
  }
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_FRESHNESS_H_
