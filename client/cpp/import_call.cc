// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/import_call.h"

#include <utility>

#include "proto/cc/status.h"

namespace negatron::client {

std::unique_ptr<ImportCall> ImportCall::Start(const std::shared_ptr<grpc::Channel>& channel,
                                              const std::string& method,
                                              const grpc::ByteBuffer& first) {
  std::unique_ptr<ImportCall> call(new ImportCall(channel));
  call->stub_.PrepareBidiStreamingCall(&call->context_, method, grpc::StubOptions(), call.get());
  {
    absl::MutexLock lock(&call->mutex_);
    call->outgoing_.push_back(first);
    call->StartNext();
  }
  call->StartRead(&call->response_);
  call->StartCall();
  return call;
}

ImportCall::~ImportCall() {
  context_.TryCancel();
  absl::MutexLock lock(&mutex_);
  const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return end_.has_value(); };
  mutex_.Await(absl::Condition(&ended));
}

void ImportCall::StartNext() {
  if (writing_ || !reading_) return;
  if (!outgoing_.empty()) {
    writing_ = true;
    StartWrite(&outgoing_.front());
  } else if (closing_ && !closed_) {
    closed_ = true;
    StartWritesDone();
  }
}

void ImportCall::Send(grpc::ByteBuffer message) {
  absl::MutexLock lock(&mutex_);
  outgoing_.push_back(std::move(message));
  StartNext();
}

void ImportCall::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok) return;  // The call is over; the read tells.
  outgoing_.pop_front();
  StartNext();
}

void ImportCall::OnReadDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  if (!ok) {
    reading_ = false;
    return;
  }
  position_ = response_;
  StartRead(&response_);
}

void ImportCall::OnDone(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  end_ = FromGrpcStatus(status);
}

absl::StatusOr<std::optional<v1::ImportResponse>> ImportCall::Wait(int64_t above,
                                                                   absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  const auto risen = [this, above]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return position_.has_value() && position_->durable_chunk_number() > above;
  };
  const auto news = [this, &risen]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return risen() || end_.has_value();
  };
  mutex_.AwaitWithTimeout(absl::Condition(&news), timeout);
  if (risen()) return position_;
  if (!end_.has_value()) return std::optional<v1::ImportResponse>();
  if (end_->ok()) return absl::UnavailableError("the server ended the stream");
  return *end_;
}

void ImportCall::Close(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  closing_ = true;
  StartNext();
  const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return end_.has_value(); };
  mutex_.AwaitWithTimeout(absl::Condition(&ended), timeout);
}

}  // namespace negatron::client
