// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CPP_RETRY_H_
#define NEGATRON_CLIENT_CPP_RETRY_H_

#include <functional>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace negatron::client {

// How often and how fast a call that may be repeated is repeated.
struct RetryOptions {
  // Attempts in all, at least 1; 1 means never to repeat. Raise it to ride out longer restarts of
  // the server; the call's deadline still ends it.
  int max_attempts = 6;

  // The wait before attempt n + 1 is a random part of min(max_backoff, initial_backoff * 2^(n-1)),
  // between half of it and all of it, so that clients that failed together do not return together.
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(5);
};

// What a client takes from its surroundings. Tests replace it; the members must be thread-safe.
struct Environment {
  std::function<absl::Time()> now;
  std::function<void(absl::Duration)> sleep;
  std::function<double()> random;  // Uniform in [0, 1).

  // The wall clock, the thread's sleep, and the operating system's random numbers.
  static Environment Real();
};

// How long to wait after the failure `status` of attempt `attempt`, counted from 1, before the
// next. Nothing if the failure is for good. Repeated are UNAVAILABLE, and RESOURCE_EXHAUSTED if it
// carries a `RetryInfo`; a `RetryInfo` makes the wait at least as long as it says.
std::optional<absl::Duration> RetryWait(const RetryOptions& options, const Environment& environment,
                                        const absl::Status& status, int attempt);

// Runs `attempt` until it succeeds, fails for good, or the attempts or the time are used up, and
// returns its last status. RetryWait tells which failures are repeated, and when. Never waits
// beyond `deadline`.
absl::Status RunWithRetries(const RetryOptions& options, const Environment& environment,
                            absl::Time deadline, absl::FunctionRef<absl::Status()> attempt);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_RETRY_H_
