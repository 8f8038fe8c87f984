// SPDX-License-Identifier: Apache-2.0
#include "server/app/call_log.h"

#include <algorithm>
#include <string>
#include <utility>

namespace negatron {

bool RateLimit::Allow(absl::Time now) {
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(now - last_));
  last_ = now;
  allowance_ = std::min(burst_, allowance_ + seconds * per_second_);
  if (allowance_ < 1) return false;
  allowance_ -= 1;
  return true;
}

void CallLog::Write(const CallOutcome& outcome, absl::Time now) {
  if (outcome.duration >= slow_call_ && !outcome.is_stream) WriteSlow(outcome, now);
  if (!log_->Writes(LogLevel::kDebug)) return;
  if (outcome.status.ok()) {
    log_->Debug("call", {{"method", outcome.method},
                         {"seconds", absl::ToDoubleSeconds(outcome.duration)},
                         {"traceparent", outcome.traceparent}});
  } else {
    log_->Debug("call_failed", {{"method", outcome.method},
                                {"code", absl::StatusCodeToString(outcome.status.code())},
                                {"message", outcome.status.message()},
                                {"seconds", absl::ToDoubleSeconds(outcome.duration)},
                                {"traceparent", outcome.traceparent}});
  }
}

void CallLog::WriteSlow(const CallOutcome& outcome, absl::Time now) {
  int64_t left_out = 0;
  {
    MutexLock lock(mutex_);
    if (!limit_.Allow(now)) {
      ++left_out_;
      return;
    }
    left_out = std::exchange(left_out_, 0);
  }
  const SampleNote& sample = outcome.sample;
  log_->Warning("slow_call", {{"method", outcome.method},
                              {"code", absl::StatusCodeToString(outcome.status.code())},
                              {"seconds", absl::ToDoubleSeconds(outcome.duration)},
                              {"queue_seconds", absl::ToDoubleSeconds(outcome.queue_time)},
                              {"resolve_seconds", absl::ToDoubleSeconds(sample.resolve_time)},
                              {"draw_seconds", absl::ToDoubleSeconds(sample.draw_time)},
                              {"encode_seconds", absl::ToDoubleSeconds(outcome.encode_time)},
                              {"request_bytes", outcome.request_bytes},
                              {"response_bytes", outcome.response_bytes},
                              {"collection", sample.collection},
                              {"rows", sample.row_count},
                              {"negatives", sample.negative_count},
                              {"plan", sample.plan},
                              {"traceparent", outcome.traceparent},
                              {"left_out", left_out}});
}

}  // namespace negatron
