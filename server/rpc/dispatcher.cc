// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/dispatcher.h"

#include "storage/base/status.h"

namespace negatron {

Dispatcher::Dispatcher(DispatcherOptions options, const EngineHandle* engine)
    : engine_(engine),
      observer_(std::move(options.observer)),
      admission_(options.max_in_flight_bytes),
      executor_(options.thread_count, options.queue_limit) {}

void Dispatcher::Start(CallBase* call, WhileRecovering while_recovering) {
  if (const absl::Status status = Admit(call, while_recovering); !status.ok()) {
    return call->End(status);
  }
  if (!executor_.TrySchedule([call] { call->Run(); })) {
    call->End(WithRetryDelay(
        WithReason(absl::ResourceExhaustedError("too many calls wait for a thread"), "QUEUE_FULL"),
        absl::Milliseconds(100)));
  }
}

absl::Status Dispatcher::Admit(CallBase* call, WhileRecovering while_recovering) {
  call->engine_ = engine_->engine();
  if (call->engine_ == nullptr && while_recovering == WhileRecovering::kRefuse) {
    return WithRetryDelay(
        WithReason(absl::UnavailableError("the server is recovering its data"), "RECOVERING"),
        absl::Seconds(1));
  }
  const auto bytes = static_cast<int64_t>(call->request_bytes_.Length());
  NEGATRON_RETURN_IF_ERROR(admission_.Enter(bytes));
  call->admitted_ = true;
  call->admitted_bytes_ = bytes;
  return absl::OkStatus();
}

void Dispatcher::Observe(const CallOutcome& outcome) {
  if (observer_) observer_(outcome);
}

}  // namespace negatron
