// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_IMPORT_CALL_H_
#define NEGATRON_SERVER_RPC_IMPORT_CALL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/pool.pb.h"
#include "server/engine/engine.h"
#include "server/rpc/dispatcher.h"
#include "storage/base/mutex.h"

namespace negatron {

class ImportCall;

void WriteImportPosition(const StreamRecord& position, v1::ImportResponse* response);

// A message of an import stream, without its type.
struct ImportMessage {
  std::string collection;
  std::string stream_id;
  int64_t chunk_number = 0;
  absl::Status problem;  // What is wrong with the batch; fields are those of the batch.
  // Hands the chunk to the engine; null if the message has none.
  std::function<void(Engine* engine, const std::string& collection_id, const StreamChunk& chunk,
                     Engine::WriteDone done)>
      submit;
};

// One of the two methods.
struct ImportMethod {
  absl::string_view name;  // "PoolService/ImportItems" say; lives for ever.
  StreamKind kind;
  // Reads a message. INVALID_ARGUMENT if it does not parse.
  std::function<absl::StatusOr<ImportMessage>(grpc::ByteBuffer* bytes)> parse;
};

// The import streams that are open.
//
// Thread-safety: thread-safe.
class ImportRegistry {
 public:
  // RESOURCE_EXHAUSTED with TOO_MANY_STREAMS and a retry delay, if there are as many as may be and
  // none of them is idle.
  absl::Status Add(const std::shared_ptr<ImportCall>& call, const StreamLimits& limits);
  void Remove(ImportCall* call);

  // Makes `call` the one that serves the stream, and ends the one that did.
  void TakeOver(const std::string& stream, const std::shared_ptr<ImportCall>& call);

  // Ends all, as soon as the chunks that were read are committed.
  void EndAll(const absl::Status& status);

 private:
  Mutex mutex_;
  std::map<ImportCall*, std::weak_ptr<ImportCall>> calls_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, ImportCall*> serving_ ABSL_GUARDED_BY(mutex_);
};

// One call of ImportItems or ImportEvents. Reads a message at a time, has it parsed
// and submitted on the executor, and reads the next one while few enough chunks
// wait to be committed. Whatever ends it, it waits for those, and tells how far they
// came, before it does.
//
// Thread-safety: thread-safe.
// Ownership: keeps itself until gRPC is done with it; chunks in flight keep it too.
class ImportCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                         public std::enable_shared_from_this<ImportCall> {
 public:
  // Bounds of what one stream has in flight; a single chunk may have any size.
  static constexpr int kMaxChunks = 4;
  static constexpr int64_t kMaxBytes = int64_t{16} << 20;

  // The reaction of a method. The others must outlive the call.
  static ImportCall* Start(const ImportMethod* method, const grpc::CallbackServerContext& context,
                           Dispatcher* dispatcher, ImportRegistry* registry);

  // Ends the call, once what is in flight is done. The first error counts.
  void End(const absl::Status& status);

  // When the last message came, or the call.
  absl::Time last_message_time() const { return absl::FromUnixMicros(last_message_micros_); }

 private:
  ImportCall(const ImportMethod* method, const grpc::CallbackServerContext& context,
             Dispatcher* dispatcher, ImportRegistry* registry);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  QueueLine Line();
  // Of a message that there is no thread for.
  void RefuseMessage(const absl::Status& status);
  void HandleMessage();
  absl::Status Open(const ImportMessage& message);
  absl::Status Submit(const ImportMessage& message, int64_t bytes);
  void ChunkDone(int64_t chunk_number, int64_t bytes, const absl::StatusOr<WriteResult>& result);
  void SetEnding(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Tells of the end, and ends the call.
  void Depart(const absl::Status& status);

  // Starts what is due: a write, a read, or the end. Only one thread at a time does, so
  // that nothing is started behind the end.
  void Pump();
  enum class Step { kNothing, kRead, kWrite, kFinish };
  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ImportMethod& method_;
  Dispatcher* const dispatcher_;
  ImportRegistry* const registry_;
  const absl::Time start_;
  const std::string traceparent_;
  std::atomic<int64_t> last_message_micros_;
  Engine* engine_ = nullptr;
  Caller caller_;
  bool admitted_ = false;
  std::shared_ptr<ImportCall> self_;  // Until OnDone.

  // Of the message that is being read and handled, and the response being written.
  grpc::ByteBuffer read_bytes_;
  grpc::ByteBuffer write_bytes_;

  // Of the first message; confined to its handling and what follows.
  std::string collection_id_;
  std::string collection_name_;
  std::string stream_id_;

  Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;      // The first message was handled.
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;   // Until the message is handled.
  bool handling_ ABSL_GUARDED_BY(mutex_) = false;  // A message that was read.
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // Responses reach nobody any more.
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
  int chunks_ ABSL_GUARDED_BY(mutex_) = 0;     // In flight.
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // Of those.
  int64_t received_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t sent_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  StreamRecord position_ ABSL_GUARDED_BY(mutex_);
  bool told_ ABSL_GUARDED_BY(mutex_) = true;  // The position was sent.
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_IMPORT_CALL_H_
