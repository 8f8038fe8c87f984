// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/dispatcher.h"

#include "server/rpc/request_line.h"
#include "storage/base/memory.h"
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
      access_(options.access),
      observer_(std::move(options.observer)),
      slow_call_(options.slow_call),
      stream_limits_(options.streams),
      admission_(options.max_in_flight_bytes),
      memory_(options.memory_limit_bytes, ResidentBytes),
      queue_(options.queue_limit, options.max_queue_wait, &executor_),
      // Besides the calls, parts of those that run may be in its queue for a moment.
      executor_(options.thread_count, options.queue_limit + options.thread_count) {}

void Dispatcher::Start(CallBase* call, const grpc::CallbackServerContext& context,
                       WhileRecovering while_recovering) {
  if (const absl::Status status = Admit(call, context, while_recovering); !status.ok()) {
    return call->End(status);
  }
  const absl::Status status =
      queue_.Add({.method = call->method_,
                  .line = LineOfRequest(call->method_, &call->request_bytes_),
                  .deadline = call->cancellation_.deadline(),
                  .run = [call] { call->Run(); },
                  .refuse = [call](const absl::Status& reason) { call->End(reason); }});
  if (!status.ok()) call->End(status);
}

absl::Status Dispatcher::Admit(CallBase* call, const grpc::CallbackServerContext& context,
                               WhileRecovering while_recovering) {
  NEGATRON_RETURN_IF_ERROR(CheckCaller(call->method_, context, &call->caller_));
  call->engine_ = engine_->engine();
  if (call->engine_ == nullptr && while_recovering == WhileRecovering::kRefuse) {
    return Recovering();
  }
  NEGATRON_RETURN_IF_ERROR(memory_.Check(call->method_, queue_.size()));
  const auto bytes = static_cast<int64_t>(call->request_bytes_.Length());
  NEGATRON_RETURN_IF_ERROR(admission_.Enter(bytes));
  call->admitted_ = true;
  call->admitted_bytes_ = bytes;
  return absl::OkStatus();
}

absl::Status Dispatcher::CheckCaller(absl::string_view method,
                                     const grpc::CallbackServerContext& context,
                                     Caller* caller) const {
  if (access_ == nullptr) return absl::OkStatus();
  NEGATRON_ASSIGN_OR_RETURN(*caller, access_->Admit(method, context));
  return absl::OkStatus();
}

absl::Status Dispatcher::CheckStill(absl::string_view method, const Caller& caller) {
  if (access_ != nullptr) NEGATRON_RETURN_IF_ERROR(access_->CheckStill(method, caller));
  return memory_.Check(method, 0);
}

absl::Status Dispatcher::AdmitStream(absl::string_view method,
                                     const grpc::CallbackServerContext& context, Engine** engine,
                                     Caller* caller) {
  NEGATRON_RETURN_IF_ERROR(CheckCaller(method, context, caller));
  *engine = engine_->engine();
  if (*engine == nullptr) return Recovering();
  NEGATRON_RETURN_IF_ERROR(memory_.Check(method, 0));
  return admission_.Enter(0);
}

void Dispatcher::Observe(const CallOutcome& outcome) {
  statistics_.Count(outcome);
  if (observer_) observer_(outcome);
}

}  // namespace negatron
