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

std::optional<absl::Duration> RetryWait(const RetryOptions& options, const Environment& environment,
                                        const absl::Status& status, int attempt) {
  if (!MayRepeat(status)) return std::nullopt;
  absl::Duration backoff = options.initial_backoff;
  for (int i = 1; i < attempt && backoff < options.max_backoff; ++i) backoff *= 2;
  const absl::Duration wait =
      std::min(backoff, options.max_backoff) * (0.5 + 0.5 * environment.random());
  return std::max(wait, GetRetryDelay(status).value_or(absl::ZeroDuration()));
}

absl::Status RunWithRetries(const RetryOptions& options, const Environment& environment,
                            absl::Time deadline, absl::FunctionRef<absl::Status()> attempt) {
  for (int made = 1;; ++made) {
    absl::Status status = attempt();
    if (status.ok() || made >= options.max_attempts) return status;
    const std::optional<absl::Duration> wait = RetryWait(options, environment, status, made);
    if (!wait.has_value() || environment.now() + *wait >= deadline) return status;
    environment.sleep(*wait);
  }
}

}  // namespace negatron::client
