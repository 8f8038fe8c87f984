// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/import_call.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <grpcpp/impl/codegen/proto_utils.h>

#include "server/rpc/request_line.h"
#include "server/rpc/resource_names.h"
#include "server/rpc/status_conversion.h"
#include "server/rpc/trace_context.h"
#include "storage/base/status.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

// Says of which chunk a bad field is.
absl::Status OfChunk(const absl::Status& status, int64_t chunk_number) {
  const std::vector<FieldViolation> fields = FieldViolationsOf(status);
  if (fields.empty()) return status;
  Violations violations;
  for (const FieldViolation& field : fields) {
    const bool of_batch = field.field != "chunk_number";
    violations.Add(of_batch ? absl::StrCat("batch.", field.field) : field.field,
                   absl::StrCat(field.description, " (chunk ", chunk_number, ")"));
  }
  return violations.ToStatus();
}

grpc::ByteBuffer Serialize(const StreamRecord& position) {
  v1::ImportResponse response;
  WriteImportPosition(position, &response);
  const std::string text = response.SerializeAsString();
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

void WriteImportPosition(const StreamRecord& position, v1::ImportResponse* response) {
  response->set_durable_chunk_number(position.chunk_number);
  response->set_durable_sequence(position.commit_sequence);
  response->set_written_count(position.written_count);
  response->set_created_item_count(position.created_item_count);
}

absl::Status ImportRegistry::Add(const std::shared_ptr<ImportCall>& call,
                                 const StreamLimits& limits) {
  std::shared_ptr<ImportCall> idle;
  {
    MutexLock lock(mutex_);
    if (calls_.size() >= static_cast<size_t>(limits.max_count)) {
      absl::Time oldest = absl::Now() - limits.min_idle_time;
      for (const auto& [address, other] : calls_) {
        std::shared_ptr<ImportCall> candidate = other.lock();
        if (candidate == nullptr || candidate->last_message_time() > oldest) continue;
        oldest = candidate->last_message_time();
        idle = std::move(candidate);
      }
      if (idle == nullptr) {
        return WithRetryDelay(
            WithReason(absl::ResourceExhaustedError("too many import streams are open"),
                       "TOO_MANY_STREAMS"),
            absl::Seconds(1));
      }
      calls_.erase(idle.get());
    }
    calls_[call.get()] = call;
  }
  if (idle != nullptr) {
    idle->End(WithReason(absl::UnavailableError("the stream was idle, and others need its place"),
                         "STREAM_IDLE"));
  }
  return absl::OkStatus();
}

void ImportRegistry::Remove(ImportCall* call) {
  MutexLock lock(mutex_);
  calls_.erase(call);
  std::erase_if(serving_, [&](const auto& entry) { return entry.second == call; });
}

void ImportRegistry::TakeOver(const std::string& stream, const std::shared_ptr<ImportCall>& call) {
  std::shared_ptr<ImportCall> before;
  {
    MutexLock lock(mutex_);
    const auto [serving, is_new] = serving_.try_emplace(stream, call.get());
    if (is_new) return;
    before = calls_[serving->second].lock();
    serving->second = call.get();
  }
  if (before != nullptr) {
    before->End(
        WithReason(absl::AbortedError("another call took the stream over"), "STREAM_TAKEN_OVER"));
  }
}

void ImportRegistry::EndAll(const absl::Status& status) {
  std::vector<std::shared_ptr<ImportCall>> calls;
  {
    MutexLock lock(mutex_);
    for (const auto& [address, call] : calls_) calls.push_back(call.lock());
  }
  for (const std::shared_ptr<ImportCall>& call : calls) {
    if (call != nullptr) call->End(status);
  }
}

ImportCall::ImportCall(const ImportMethod* method, const grpc::CallbackServerContext& context,
                       Dispatcher* dispatcher, ImportRegistry* registry)
    : method_(*method),
      dispatcher_(dispatcher),
      registry_(registry),
      start_(absl::Now()),
      traceparent_(TraceparentOf(context)),
      last_message_micros_(absl::ToUnixMicros(start_)) {}

ImportCall* ImportCall::Start(const ImportMethod* method,
                              const grpc::CallbackServerContext& context, Dispatcher* dispatcher,
                              ImportRegistry* registry) {
  const std::shared_ptr<ImportCall> call(new ImportCall(method, context, dispatcher, registry));
  call->self_ = call;
  absl::Status status = registry->Add(call, dispatcher->stream_limits());
  if (status.ok()) {
    status = dispatcher->AdmitStream(method->name, context, &call->engine_, &call->caller_);
    call->admitted_ = status.ok();
  }
  if (status.ok()) {
    call->Pump();
  } else {
    call->End(status);
  }
  return call.get();
}

void ImportCall::SetEnding(const absl::Status& status) {
  if (!ending_.has_value() || ending_->ok()) ending_ = status;
}

void ImportCall::End(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    SetEnding(status);
  }
  Pump();
}

void ImportCall::OnCancel() { End(absl::CancelledError("the caller went away")); }

void ImportCall::OnReadDone(bool ok) {
  const std::shared_ptr<ImportCall> self = shared_from_this();
  if (!ok) {
    {
      MutexLock lock(mutex_);
      reading_ = false;
      SetEnding(absl::OkStatus());  // The caller has no more chunks, or is gone.
    }
    return Pump();
  }
  last_message_micros_ = absl::ToUnixMicros(absl::Now());
  {
    MutexLock lock(mutex_);
    handling_ = true;
    received_bytes_ += static_cast<int64_t>(read_bytes_.Length());
  }
  const absl::Status status = dispatcher_->Schedule(
      {.method = method_.name,
       .line = Line(),
       .run = [self] { self->HandleMessage(); },
       .refuse = [self](const absl::Status& reason) { self->RefuseMessage(reason); }});
  if (!status.ok()) RefuseMessage(status);
}

QueueLine ImportCall::Line() {
  // Messages but the first need not name the collection.
  if (!collection_id_.empty()) return {collection_id_, /*is_write=*/true};
  return LineOfRequest(method_.name, &read_bytes_);
}

void ImportCall::RefuseMessage(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    reading_ = handling_ = false;
    SetEnding(status);
  }
  Pump();
}

void ImportCall::HandleMessage() {
  bool first = false;
  absl::Status status;
  {
    MutexLock lock(mutex_);
    if (ending_.has_value()) status = *ending_;
    first = !open_;
  }
  if (status.ok()) status = dispatcher_->CheckStill(method_.name, caller_);
  if (status.ok()) {
    const auto bytes = static_cast<int64_t>(read_bytes_.Length());
    absl::StatusOr<ImportMessage> message = method_.parse(&read_bytes_);
    status = message.status();
    if (status.ok() && first) status = Open(*message);
    if (status.ok()) status = Submit(*message, bytes);
  }
  {
    MutexLock lock(mutex_);
    reading_ = handling_ = false;
    if (!status.ok()) SetEnding(status);
  }
  Pump();
}

// The first message: tells the stream's position.
absl::Status ImportCall::Open(const ImportMessage& message) {
  Violations violations;
  collection_id_ = std::string(ReadCollectionName(message.collection, "collection", &violations));
  const absl::string_view problem = StreamIdProblem(message.stream_id);
  if (!problem.empty()) violations.Add("stream_id", problem);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_RETURN_IF_ERROR(CheckCollection(caller_, collection_id_));
  NEGATRON_ASSIGN_OR_RETURN(const CollectionRecord settings,
                            engine_->GetCollection(collection_id_));
  collection_name_ = message.collection;
  stream_id_ = message.stream_id;
  // First of all: the position is then that of the earlier call's last chunks, or they are skipped.
  registry_->TakeOver(
      absl::StrCat(settings.incarnation, "/", static_cast<int>(method_.kind), "/", stream_id_),
      shared_from_this());
  NEGATRON_ASSIGN_OR_RETURN(const StreamRecord position,
                            engine_->GetStream(collection_id_, method_.kind, stream_id_));
  MutexLock lock(mutex_);
  open_ = true;
  position_ = position;
  told_ = false;
  return absl::OkStatus();
}

absl::Status ImportCall::Submit(const ImportMessage& message, int64_t bytes) {
  Violations violations;
  if (!message.collection.empty() && message.collection != collection_name_) {
    violations.Add("collection", "is not that of the stream's first message");
  }
  if (!message.stream_id.empty() && message.stream_id != stream_id_) {
    violations.Add("stream_id", "is not that of the stream's first message");
  }
  if (message.submit == nullptr) {
    if (message.chunk_number != 0) violations.Add("batch", "is required with a chunk_number");
    if (message.stream_id.empty()) violations.Add("batch", "is required");
    return violations.ToStatus();
  }
  if (message.chunk_number < 1) violations.Add("chunk_number", "must be at least 1");
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  NEGATRON_RETURN_IF_ERROR(OfChunk(message.problem, message.chunk_number));
  {
    MutexLock lock(mutex_);
    ++chunks_;
    bytes_ += bytes;
  }
  dispatcher_->admission().Grow(bytes);
  message.submit(
      engine_, collection_id_, {stream_id_, message.chunk_number},
      [self = shared_from_this(), number = message.chunk_number, bytes](
          const absl::StatusOr<WriteResult>& result) { self->ChunkDone(number, bytes, result); });
  return absl::OkStatus();
}

void ImportCall::ChunkDone(int64_t chunk_number, int64_t bytes,
                           const absl::StatusOr<WriteResult>& result) {
  dispatcher_->admission().Grow(-bytes);
  {
    MutexLock lock(mutex_);
    --chunks_;
    bytes_ -= bytes;
    if (!result.ok()) {
      SetEnding(OfChunk(result.status(), chunk_number));
    } else if (result->stream.chunk_number > position_.chunk_number) {
      position_ = result->stream;
      told_ = false;
    }
  }
  Pump();
}

void ImportCall::OnWriteDone(bool ok) {
  {
    MutexLock lock(mutex_);
    writing_ = false;
    broken_ |= !ok;
  }
  Pump();
}

ImportCall::Step ImportCall::NextStep() {
  if (!writing_ && !told_ && !broken_) {
    writing_ = told_ = true;
    write_bytes_ = Serialize(position_);
    sent_bytes_ += static_cast<int64_t>(write_bytes_.Length());
    return Step::kWrite;
  }
  if (ending_.has_value()) {
    // A read that is outstanding ends with the call; one that is being handled is waited for.
    return chunks_ == 0 && !writing_ && !handling_ ? Step::kFinish : Step::kNothing;
  }
  if (!reading_ && chunks_ < kMaxChunks && bytes_ < kMaxBytes) {
    reading_ = true;
    read_bytes_.Clear();
    return Step::kRead;
  }
  return Step::kNothing;
}

void ImportCall::Pump() {
  const std::shared_ptr<ImportCall> self = shared_from_this();
  while (true) {
    Step step = Step::kNothing;
    absl::Status status;
    {
      MutexLock lock(mutex_);
      if (pumping_) return;  // Who pumps comes back to the top.
      step = NextStep();
      if (step == Step::kNothing) return;
      pumping_ = true;
      if (step == Step::kFinish) status = *ending_;
    }
    switch (step) {
      case Step::kRead:
        StartRead(&read_bytes_);
        break;
      case Step::kWrite:
        StartWrite(&write_bytes_);
        break;
      case Step::kFinish:
        // The last step: `pumping_` stays set.
        Depart(status);
        return;
      case Step::kNothing:
        break;
    }
    MutexLock lock(mutex_);
    pumping_ = false;
  }
}

void ImportCall::Depart(const absl::Status& status) {
  CallOutcome outcome{method_.name, status, absl::Now() - start_};
  outcome.begun = admitted_;
  outcome.is_stream = true;
  outcome.traceparent = traceparent_;
  {
    MutexLock lock(mutex_);
    outcome.request_bytes = received_bytes_;
    outcome.response_bytes = sent_bytes_;
  }
  dispatcher_->Observe(outcome);
  // Before the caller hears of the end, who may open the next stream at once.
  registry_->Remove(this);
  Finish(ToRpcStatus(status));
}

void ImportCall::OnDone() {
  if (admitted_) dispatcher_->admission().Leave(0);
  self_.reset();  // May destroy this.
}

}  // namespace negatron
