// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/retry.h"

#include <algorithm>
#include <random>

#include "absl/time/clock.h"

#include "proto/cc/status.h"

namespace negatron::client {
namespace {

bool MayRepeat(const absl::Status& status) {
  if (absl::IsUnavailable(status)) return true;
  return absl::IsResourceExhausted(status) && GetRetryDelay(status).has_value();
}

}  // namespace

Environment Environment::Real() {
  return Environment{
      .now = [] { return absl::Now(); },
      .sleep = [](absl::Duration duration) { absl::SleepFor(duration); },
      .random =
          [] {
            std::random_device device;
            return static_cast<double>(device() & 0xFFFFFF) / 0x1000000;
          },
  };
}

absl::Status RunWithRetries(const RetryOptions& options, const Environment& environment,
                            absl::Time deadline, absl::FunctionRef<absl::Status()> attempt) {
  absl::Duration backoff = options.initial_backoff;
  for (int made = 1;; ++made) {
    absl::Status status = attempt();
    if (status.ok() || !MayRepeat(status) || made >= options.max_attempts) return status;
    absl::Duration wait =
        std::min(backoff, options.max_backoff) * (0.5 + 0.5 * environment.random());
    if (const auto asked = GetRetryDelay(status); asked.has_value()) wait = std::max(wait, *asked);
    if (environment.now() + wait >= deadline) return status;
    environment.sleep(wait);
    backoff = std::min(backoff * 2, options.max_backoff);
  }
}

}  // namespace negatron::client
