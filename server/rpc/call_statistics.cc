// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call_statistics.h"

#include <atomic>
#include <optional>

#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr double kBytes[] = {64,     256,     1024,    4096,     16384,   65536,
                             262144, 1048576, 4194304, 16777216, 67108864};

// Why the server did not work on a call; nothing if it is not the server's load or state.
std::optional<std::string> ShedReason(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE_PASSED_IN_QUEUE";
    case absl::StatusCode::kCancelled:
      return "CANCELLED_IN_QUEUE";
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
      return ReasonOf(status).value_or("OTHER");
    default:
      return std::nullopt;
  }
}

size_t NumberOfThread() {
  static std::atomic<size_t> next{0};
  thread_local const size_t number = next++;
  return number;
}

}  // namespace

CallSeries::CallSeries() : seconds(kSecondsBounds), request_bytes(kBytes), response_bytes(kBytes) {}

void CallSeries::Add(const CallOutcome& outcome) {
  seconds.Add(absl::ToDoubleSeconds(outcome.duration));
  request_bytes.Add(static_cast<double>(outcome.request_bytes));
  response_bytes.Add(static_cast<double>(outcome.response_bytes));
}

void CallSeries::Merge(const CallSeries& other) {
  seconds.Merge(other.seconds);
  request_bytes.Merge(other.request_bytes);
  response_bytes.Merge(other.response_bytes);
}

CallTotals::CallTotals() : queue_seconds(kSecondsBounds) {}

void CallTotals::Merge(const CallTotals& other) {
  for (const auto& [key, series] : other.calls) calls[key].Merge(series);
  queue_seconds.Merge(other.queue_seconds);
  for (const auto& [reason, count] : other.shed) shed[reason] += count;
}

void CallStatistics::Count(const CallOutcome& outcome) {
  std::optional<std::string> shed;
  if (!outcome.begun) shed = ShedReason(outcome.status);
  Shard& shard = shards_[NumberOfThread() % kShardCount];
  MutexLock lock(shard.mutex);
  shard.totals.calls[{outcome.method, outcome.status.code()}].Add(outcome);
  if (outcome.begun && !outcome.is_stream) {
    shard.totals.queue_seconds.Add(absl::ToDoubleSeconds(outcome.queue_time));
  }
  if (shed.has_value()) ++shard.totals.shed[*shed];
}

CallTotals CallStatistics::Read() const {
  CallTotals totals;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    totals.Merge(shard.totals);
  }
  return totals;
}

}  // namespace negatron
