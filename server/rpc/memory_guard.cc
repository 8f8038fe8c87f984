// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/memory_guard.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "server/rpc/access.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr int64_t kLookInterval = 50'000'000;  // Nanoseconds; a look reads a file of the kernel's.

// Memory comes back when somebody removes something, or the allocator gives it back: not at once.
constexpr absl::Duration kRetryDelay = absl::Seconds(1);

int64_t SteadyNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

MemoryGuard::MemoryGuard(int64_t limit_bytes, std::function<int64_t()> resident_bytes)
    : limit_bytes_(limit_bytes), resident_bytes_(std::move(resident_bytes)) {}

absl::Status MemoryGuard::Check(absl::string_view method, int waiting_count) {
  if (limit_bytes_ == 0) return absl::OkStatus();
  const int64_t resident = Resident();
  const double used = static_cast<double>(resident) / static_cast<double>(limit_bytes_);
  if (used < kAdditions) return absl::OkStatus();
  const MethodAccess* const access = FindMethodAccess(method);
  const bool adds = access != nullptr && access->adds;
  if (!adds && (used < kWaiting || waiting_count == 0)) return absl::OkStatus();
  return WithRetryDelay(WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                       "the server uses ", resident, " of the ", limit_bytes_,
                                       " bytes of memory that it may; ",
                                       adds ? "nothing can be added until something is removed"
                                            : "calls that would have to wait are refused")),
                                   "MEMORY_LOW"),
                        kRetryDelay);
}

int64_t MemoryGuard::Resident() {
  const int64_t now = SteadyNanos();
  int64_t due = next_look_.load(std::memory_order_relaxed);
  // One thread looks; the others take what the last look saw.
  if (now >= due && next_look_.compare_exchange_strong(due, now + kLookInterval)) {
    resident_.store(resident_bytes_(), std::memory_order_relaxed);
  }
  return resident_.load(std::memory_order_relaxed);
}

}  // namespace negatron
