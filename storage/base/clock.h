// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_CLOCK_H_
#define NEGATRON_STORAGE_BASE_CLOCK_H_

#include <cstdint>

namespace negatron {

// Tells the time. Passed in wherever time matters, so that tests can set it.
//
// Thread-safety: thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Microseconds since the Unix epoch.
  virtual int64_t NowMicros() const = 0;

  // The system's clock; lives for ever.
  static const Clock& System();
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_CLOCK_H_
