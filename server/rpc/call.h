// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_CALL_H_
#define NEGATRON_SERVER_RPC_CALL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <google/protobuf/arena.h>
#include <google/protobuf/message.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "server/engine/engine.h"
#include "server/rpc/access.h"
#include "server/rpc/call_outcome.h"
#include "storage/base/cancellation.h"

namespace negatron {

class Dispatcher;

// One call of a unary method, from the arrival of its bytes to the departure of its response.
//
// Methods take raw bytes: gRPC's reaction threads then neither parse nor serialise, and a request
// that does not parse is INVALID_ARGUMENT (gRPC's typed callback API answers UNIMPLEMENTED).
//
// Thread-safety: confined to one thread at a time, except `cancellation`.
// Ownership: deletes itself when gRPC is done with it.
class CallBase : public grpc::ServerUnaryReactor {
 public:
  // Null only in methods that are served while the server recovers.
  Engine* engine() const { return engine_; }

  // Cancelled when the caller goes away; has the call's deadline.
  const Cancellation& cancellation() const { return cancellation_; }

  // Notes what the call is about and where its time went, for statistics and logs. It has its
  // answer then: the rest of its time counts as encoding.
  void NoteSample(SampleNote note);
  // Whether it has taken half of what makes it a slow one: what is then logged is worth its making.
  bool MayBeSlow() const;
  const Caller& caller() const { return caller_; }

  // Ends the call: the handler calls exactly one of these, once, on any thread. The call may be
  // gone when they return. `End(OK)` sends the response message; `EndWithBytes` takes what
  // `response` holds.
  void End(const absl::Status& status);
  void EndWithBytes(grpc::ByteBuffer* response);

 protected:
  CallBase(Dispatcher* dispatcher, absl::string_view method,
           const grpc::CallbackServerContext& context, const grpc::ByteBuffer& request,
           grpc::ByteBuffer* response);
  ~CallBase() override = default;

  // Fails with INVALID_ARGUMENT if the bytes are not the message.
  virtual absl::Status Parse(grpc::ByteBuffer* bytes) = 0;
  virtual const google::protobuf::Message& message() const = 0;  // What was parsed.
  virtual void Handle() = 0;
  virtual absl::Status Serialize(grpc::ByteBuffer* bytes) = 0;

 private:
  friend class Dispatcher;

  void Run();
  void Depart(const absl::Status& status, int64_t response_size);
  void OnCancel() override { cancellation_.Cancel(); }
  void OnDone() override;

  Dispatcher* const dispatcher_;
  const absl::string_view method_;
  const absl::Time start_;
  Engine* engine_ = nullptr;
  const std::string traceparent_;
  absl::Time begin_ = absl::InfiniteFuture();   // Of a thread's work on it.
  absl::Time answer_ = absl::InfiniteFuture();  // When there was one to encode.
  SampleNote sample_;
  Caller caller_;
  Cancellation cancellation_;
  grpc::ByteBuffer request_bytes_;
  const int64_t request_size_;
  grpc::ByteBuffer* const response_bytes_;
  int64_t admitted_bytes_ = 0;
  bool admitted_ = false;
};

// A call with its messages, which live on an arena.
template <typename Request, typename Response>
class Call final : public CallBase {
 public:
  using Handler = std::function<void(Call*)>;

  Call(Dispatcher* dispatcher, absl::string_view method, const grpc::CallbackServerContext& context,
       const grpc::ByteBuffer& request, grpc::ByteBuffer* response, Handler handler)
      : CallBase(dispatcher, method, context, request, response),
        handler_(std::move(handler)),
        request_(google::protobuf::Arena::CreateMessage<Request>(&arena_)),
        response_(google::protobuf::Arena::CreateMessage<Response>(&arena_)) {}

  const Request& request() const { return *request_; }
  Response* response() { return response_; }

 private:
  ~Call() override = default;

  absl::Status Parse(grpc::ByteBuffer* bytes) override {
    if (!grpc::SerializationTraits<Request>::Deserialize(bytes, request_).ok()) {
      return absl::InvalidArgumentError(
          "the request is not a message of the method's type: its bytes do not parse, or a string "
          "is not UTF-8");
    }
    return absl::OkStatus();
  }

  const google::protobuf::Message& message() const override { return *request_; }

  void Handle() override { handler_(this); }

  absl::Status Serialize(grpc::ByteBuffer* bytes) override {
    bool own = false;
    if (!grpc::SerializationTraits<Response>::Serialize(*response_, bytes, &own).ok()) {
      return absl::InternalError("the response cannot be serialised");
    }
    return absl::OkStatus();
  }

  google::protobuf::Arena arena_;
  const Handler handler_;
  Request* const request_;
  Response* const response_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_CALL_H_
