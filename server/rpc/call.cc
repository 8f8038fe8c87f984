// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include <grpcpp/server_context.h>

#include "server/rpc/dispatcher.h"
#include "server/rpc/status_conversion.h"
#include "server/rpc/trace_context.h"

namespace negatron {
namespace {

absl::Time DeadlineOf(const grpc::CallbackServerContext& context) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

}  // namespace

CallBase::CallBase(Dispatcher* dispatcher, absl::string_view method,
                   const grpc::CallbackServerContext& context, const grpc::ByteBuffer& request,
                   grpc::ByteBuffer* response)
    : dispatcher_(dispatcher),
      method_(method),
      start_(absl::Now()),
      traceparent_(TraceparentOf(context)),
      cancellation_(DeadlineOf(context)),
      request_bytes_(request),
      request_size_(static_cast<int64_t>(request.Length())),
      response_bytes_(response) {}

void CallBase::Run() {
  if (const absl::Status status = cancellation_.Check(); !status.ok()) return End(status);
  begin_ = absl::Now();
  if (const absl::Status status = Parse(&request_bytes_); !status.ok()) return End(status);
  const absl::Status allowed = AccessControl::CheckRequest(method_, caller_, message());
  if (!allowed.ok()) return End(allowed);
  Handle();
}

void CallBase::End(const absl::Status& status) {
  if (!status.ok()) return Depart(status, 0);
  answer_ = std::min(answer_, absl::Now());
  grpc::ByteBuffer bytes;
  if (const absl::Status serialized = Serialize(&bytes); !serialized.ok()) {
    return Depart(serialized, 0);
  }
  EndWithBytes(&bytes);
}

void CallBase::EndWithBytes(grpc::ByteBuffer* response) {
  const auto size = static_cast<int64_t>(response->Length());
  admitted_bytes_ += size;
  dispatcher_->admission().Grow(size);
  response_bytes_->Swap(response);
  Depart(absl::OkStatus(), size);
}

void CallBase::Depart(const absl::Status& status, int64_t response_size) {
  const absl::Time now = absl::Now();
  CallOutcome outcome{method_, status, now - start_};
  outcome.begun = begin_ <= now;
  outcome.queue_time = std::min(begin_, now) - start_;
  outcome.encode_time = now - std::min(answer_, now);
  outcome.request_bytes = request_size_;
  outcome.response_bytes = response_size;
  outcome.traceparent = traceparent_;
  outcome.sample = std::move(sample_);
  dispatcher_->Observe(outcome);
  Finish(ToRpcStatus(status));
}

void CallBase::NoteSample(SampleNote note) {
  answer_ = absl::Now();
  sample_ = std::move(note);
}

bool CallBase::MayBeSlow() const { return absl::Now() - start_ >= dispatcher_->slow_call() / 2; }

void CallBase::OnDone() {
  Dispatcher* const dispatcher = dispatcher_;
  const bool admitted = admitted_;
  const int64_t bytes = admitted_bytes_;
  // First: the response's columns go before the room that they took is given to others.
  delete this;
  if (admitted) dispatcher->admission().Leave(bytes);
}

}  // namespace negatron
