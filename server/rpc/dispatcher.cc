// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/dispatcher.h"

#include "storage/base/status.h"

namespace negatron {
namespace {

absl::Status Recovering() {
  return WithRetryDelay(
      WithReason(absl::UnavailableError("the server is recovering its data"), "RECOVERING"),
      absl::Seconds(1));
}

}  // namespace

Dispatcher::Dispatcher(DispatcherOptions options, const EngineHandle* engine)
    : engine_(engine),
      observer_(std::move(options.observer)),
      slow_call_(options.slow_call),
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
    return Recovering();
  }
  const auto bytes = static_cast<int64_t>(call->request_bytes_.Length());
  NEGATRON_RETURN_IF_ERROR(admission_.Enter(bytes));
  call->admitted_ = true;
  call->admitted_bytes_ = bytes;
  return absl::OkStatus();
}

absl::Status Dispatcher::AdmitStream(Engine** engine) {
  *engine = engine_->engine();
  if (*engine == nullptr) return Recovering();
  return admission_.Enter(0);
}

void Dispatcher::Observe(const CallOutcome& outcome) {
  statistics_.Count(outcome);
  if (observer_) observer_(outcome);
}

}  // namespace negatron
