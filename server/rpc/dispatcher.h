// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_DISPATCHER_H_
#define NEGATRON_SERVER_RPC_DISPATCHER_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "server/rpc/access.h"
#include "server/rpc/admission.h"
#include "server/rpc/call.h"
#include "server/rpc/call_outcome.h"
#include "server/rpc/call_statistics.h"
#include "server/rpc/engine_handle.h"
#include "server/rpc/memory_guard.h"
#include "server/rpc/work_queue.h"
#include "storage/base/executor.h"

namespace negatron {

// Of the import streams of a service. When as many are open, a newcomer takes the place of the one
// that has been without a message for longest, if that is long enough.
struct StreamLimits {
  int max_count = 1000;
  absl::Duration min_idle_time = absl::Minutes(1);
};

struct DispatcherOptions {
  // Threads that do the work of calls.
  int thread_count = 1;
  // Calls that wait for a thread, and how long they may be expected to; see WorkQueue.
  int queue_limit = 1024;
  absl::Duration max_queue_wait = absl::Seconds(5);
  // See Admission.
  int64_t max_in_flight_bytes = int64_t{512} << 20;
  StreamLimits streams;
  // See MemoryGuard.
  int64_t memory_limit_bytes = 0;
  // Calls that take this long are slow: more is noted of them.
  absl::Duration slow_call = absl::Seconds(1);
  // Null: anybody may call anything. Must outlive the dispatcher.
  const AccessControl* access = nullptr;
  // Told of every call that ends, on any thread; must not block. May be empty.
  std::function<void(const CallOutcome&)> observer;
};

// Takes calls from gRPC's reactions to a bounded executor.
//
// Thread-safety: thread-safe.
class Dispatcher {
 public:
  // `engine` must outlive this object.
  Dispatcher(DispatcherOptions options, const EngineHandle* engine);

  // Whether a method is served while the server recovers; others are UNAVAILABLE then.
  enum class WhileRecovering { kRefuse, kServe };

  // The reaction of every method: admits the call and has `handler` run on the executor, which must
  // end the call. Refusals: those of AccessControl, MemoryGuard and WorkQueue, UNAVAILABLE while
  // recovering or shutting down, CANCELLED and DEADLINE_EXCEEDED if nobody waits any more when a
  // thread is free. `method` must live for ever.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Serve(absl::string_view method,
                                  const grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request, grpc::ByteBuffer* response,
                                  typename Call<Request, Response>::Handler handler,
                                  WhileRecovering while_recovering = WhileRecovering::kRefuse) {
    auto* call =
        new Call<Request, Response>(this, method, *context, *request, response, std::move(handler));
    Start(call, *context, while_recovering);
    return call;
  }

  // The same for streams, which schedule their messages themselves: lets one in, or
  // says why not; `admission().Leave(0)` must follow. `CheckStill` tells, of each message, whether
  // the caller's token still holds, and there is memory for what the message adds.
  absl::Status AdmitStream(absl::string_view method, const grpc::CallbackServerContext& context,
                           Engine** engine, Caller* caller);
  absl::Status CheckStill(absl::string_view method, const Caller& caller);
  // Has a message worked on; see WorkQueue.
  absl::Status Schedule(QueuedWork work) { return queue_.Add(std::move(work)); }
  // Counts a stream that ends, and tells the observer.
  void Observe(const CallOutcome& outcome);

  const StreamLimits& stream_limits() const { return stream_limits_; }
  absl::Duration slow_call() const { return slow_call_; }
  CallTotals ReadStatistics() const { return statistics_.Read(); }

  Admission& admission() { return admission_; }
  const Admission& admission() const { return admission_; }
  const MemoryGuard& memory() const { return memory_; }
  int queue_length() const { return queue_.size(); }
  int thread_count() const { return executor_.thread_count(); }
  int busy_thread_count() const { return executor_.thread_count() - executor_.idle_count(); }
  Executor& executor() { return executor_; }

  // Runs what was accepted and stops the threads. Call it after gRPC's server has shut down.
  void Stop() { executor_.Stop(); }

 private:
  friend class CallBase;

  void Start(CallBase* call, const grpc::CallbackServerContext& context,
             WhileRecovering while_recovering);
  absl::Status Admit(CallBase* call, const grpc::CallbackServerContext& context,
                     WhileRecovering while_recovering);
  absl::Status CheckCaller(absl::string_view method, const grpc::CallbackServerContext& context,
                           Caller* caller) const;

  const EngineHandle* const engine_;
  const AccessControl* const access_;
  const std::function<void(const CallOutcome&)> observer_;
  const absl::Duration slow_call_;
  const StreamLimits stream_limits_;
  CallStatistics statistics_;
  Admission admission_;
  MemoryGuard memory_;
  WorkQueue queue_;
  Executor executor_;  // Last: its threads use the others until it is gone.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_DISPATCHER_H_
