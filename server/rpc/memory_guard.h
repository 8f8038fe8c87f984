// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_MEMORY_GUARD_H_
#define NEGATRON_SERVER_RPC_MEMORY_GUARD_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace negatron {

// Refuses calls before the process has so much memory that the kernel ends it. What is refused:
// from kAdditions of the limit on, methods that add to what collections hold; from kWaiting on,
// any call that would have to wait, as each that does holds its message. Whatever removes, and
// whatever a free thread can do at once, goes on.
//
// Thread-safety: thread-safe.
class MemoryGuard {
 public:
  static constexpr double kAdditions = 0.9;
  static constexpr double kWaiting = 0.95;

  // `limit_bytes` 0: nothing is refused. `resident_bytes` tells the memory that the process has; it
  // is called on any thread, some twenty times a second at most.
  MemoryGuard(int64_t limit_bytes, std::function<int64_t()> resident_bytes);

  // For a call of `method`, when `waiting_count` calls wait: OK, or RESOURCE_EXHAUSTED with
  // MEMORY_LOW and a retry delay.
  absl::Status Check(absl::string_view method, int waiting_count);

  int64_t limit_bytes() const { return limit_bytes_; }

 private:
  int64_t Resident();

  const int64_t limit_bytes_;
  const std::function<int64_t()> resident_bytes_;
  std::atomic<int64_t> next_look_{0};  // Nanoseconds of the steady clock.
  std::atomic<int64_t> resident_{0};
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_MEMORY_GUARD_H_
