// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CPP_IMPORT_CALL_H_
#define NEGATRON_CLIENT_CPP_IMPORT_CALL_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>  // How the responses are parsed.
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include "negatron/v1/pool.pb.h"

namespace negatron::client {

// One call of `ImportItems` or another import: sends messages one after the other, as fast as the
// server takes them, and keeps the last position that it answered.
//
// Thread-safety: thread-safe.
// Ownership: its user's. Its end cancels the call and waits until gRPC is done with it. gRPC must
// not be what ends it: with the last reference to the channel its threads of reactions end, and one
// that drops that reference itself goes on with a queue that is gone.
class ImportCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, v1::ImportResponse> {
 public:
  // Starts the call of `method`, such as "/negatron.v1.PoolService/ImportItems", with its first
  // message.
  static std::unique_ptr<ImportCall> Start(const std::shared_ptr<grpc::Channel>& channel,
                                           const std::string& method,
                                           const grpc::ByteBuffer& first);
  ~ImportCall() override;

  // Queues a message behind those that are not sent yet. Does not wait.
  void Send(grpc::ByteBuffer message);

  // Waits until the position is above `above`, and returns it; nothing if that takes longer than
  // `timeout`. If the call ended instead: its status, UNAVAILABLE if the server ended it with OK.
  absl::StatusOr<std::optional<v1::ImportResponse>> Wait(int64_t above, absl::Duration timeout);

  // Tells the server that nothing follows, and waits for the end of the call, at most `timeout`.
  void Close(absl::Duration timeout);

 private:
  explicit ImportCall(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {}

  void OnWriteDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  // Starts the write that is due, if any. gRPC calls no reaction from within, and none but OnDone
  // after the reads have ended; so it is safe under the mutex while `reading_`.
  void StartNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::TemplatedGenericStub<grpc::ByteBuffer, v1::ImportResponse> stub_;
  grpc::ClientContext context_;
  v1::ImportResponse response_;  // Of the read that is under way.

  absl::Mutex mutex_;
  std::deque<grpc::ByteBuffer> outgoing_ ABSL_GUARDED_BY(mutex_);  // The first is being written.
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;  // Until the server says nothing more.
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<v1::ImportResponse> position_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_IMPORT_CALL_H_
