// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/work_queue.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "storage/base/status.h"

namespace negatron {
namespace {

// Weight of the last call in the average of its method: the last ten or so count.
constexpr double kCostGain = 0.1;

// Callers come back neither before a thread could be free nor never.
constexpr absl::Duration kMinRetryDelay = absl::Milliseconds(10);
constexpr absl::Duration kMaxRetryDelay = absl::Seconds(10);

double SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

absl::Status Refusal(absl::string_view message, absl::string_view reason, absl::Duration wait) {
  return WithRetryDelay(WithReason(absl::ResourceExhaustedError(message), reason),
                        std::clamp(wait, kMinRetryDelay, kMaxRetryDelay));
}

absl::Status Full(absl::Duration wait) {
  return Refusal("too many calls wait for a thread", "QUEUE_FULL", wait);
}

}  // namespace

WorkQueue::WorkQueue(int limit, absl::Duration max_wait, Executor* executor)
    : limit_(limit), max_wait_(max_wait), executor_(executor) {}

absl::Status WorkQueue::Add(QueuedWork work) {
  std::optional<QueuedWork> displaced;
  absl::Duration wait;
  {
    MutexLock lock(mutex_);
    work.cost = costs_[work.method];
    wait = ExpectedWait(work.line);
    NEGATRON_RETURN_IF_ERROR(CheckWait(work, wait));
    if (queue_.size() >= limit_) {
      // The newcomer is run by the task that the other one's place has in the executor.
      displaced = queue_.Displace(work.line);
      if (!displaced.has_value()) return Full(wait);
    } else if (!executor_->TrySchedule([this] { RunNext(); })) {
      return Full(wait);
    }
    queue_.Push(std::move(work));
  }
  if (displaced.has_value()) displaced->refuse(Full(wait));
  return absl::OkStatus();
}

int WorkQueue::size() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

absl::Duration WorkQueue::ExpectedWait(const QueueLine& line) const {
  const auto threads = static_cast<size_t>(executor_->thread_count());
  if (queue_.size() == 0 && expected_ends_.size() < threads) return absl::ZeroDuration();
  double wait = queue_.SecondsAhead(line) / static_cast<double>(threads);
  if (expected_ends_.size() >= threads) {
    wait += std::max(0.0, *expected_ends_.begin() - SteadySeconds());
  }
  return absl::Seconds(wait);
}

absl::Status WorkQueue::CheckWait(const QueuedWork& work, absl::Duration wait) const {
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  const absl::Duration left = work.deadline - absl::Now();
  if (wait + absl::Seconds(work.cost) > left) {
    return Refusal(absl::StrCat("the call would wait for ", absl::FormatDuration(wait),
                                ", and its deadline is in ", absl::FormatDuration(left)),
                   "DEADLINE_TOO_NEAR", wait);
  }
  if (wait > max_wait_) {
    return Refusal(absl::StrCat("the call would wait for ", absl::FormatDuration(wait),
                                "; the limit is ", absl::FormatDuration(max_wait_)),
                   "WAIT_TOO_LONG", wait);
  }
  return absl::OkStatus();
}

void WorkQueue::RunNext() {
  std::optional<QueuedWork> work;
  const double begin = SteadySeconds();
  std::multiset<double>::iterator expected_end;
  {
    MutexLock lock(mutex_);
    work = queue_.Pop();
    if (!work.has_value()) return;
    expected_end = expected_ends_.insert(begin + work->cost);
  }
  work->run();
  const double cost = SteadySeconds() - begin;
  MutexLock lock(mutex_);
  expected_ends_.erase(expected_end);
  queue_.Finish(work->line, cost - work->cost);
  double& average = costs_[work->method];
  average += (average == 0 ? 1 : kCostGain) * (cost - average);
}

}  // namespace negatron
