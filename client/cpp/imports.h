// SPDX-License-Identifier: Apache-2.0
//
// Import streams: numbered chunks, acknowledged when durable, resumed behind the last one.
#ifndef NEGATRON_CLIENT_CPP_IMPORTS_H_
#define NEGATRON_CLIENT_CPP_IMPORTS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include "client/cpp/import_call.h"
#include "client/cpp/retry.h"
#include "client/cpp/writes.h"

namespace negatron::client {

struct ImportStreamOptions {
  std::string collection;  // `collections/{id}`. Of embeddings: unset.

  // 1 to 64 visible ASCII characters, the same in every run of the feed, and of no other feed: the
  // server skips the numbers of chunks that it has, whatever they hold. Of embeddings: unset.
  std::string stream_id;

  // Of embeddings: the staged version, `collections/{id}/embeddingVersions/{model_version}`, and
  // the shard of it, each of which has chunks of its own. Otherwise unset.
  std::string version_name = {};
  int32_t shard = 0;

  // Longest time in which no chunk becomes durable though some wait, over as many connections as
  // break meanwhile. The whole has no deadline. Raise it above the longest recovery of the server.
  absl::Duration patience = absl::Minutes(5);

  // Connections in a row that may fail without a chunk that becomes durable, at least 1; 1 means
  // never to connect again.
  int max_attempts = std::numeric_limits<int>::max();

  // Called before each wait for another connection, in the caller's thread. May be empty.
  std::function<void(const absl::Status& status, absl::Duration wait)> on_interruption;
};

// How far a stream has come, over all its runs.
struct ImportPosition {
  int64_t chunk_number = 0;        // Highest that is durable; 0: none.
  int64_t commit_sequence = 0;     // Of that chunk; 0: none.
  int64_t written_count = 0;       // Rows of the chunks up to it.
  int64_t created_item_count = 0;  // Items that did not exist before them.
};

// What ImportStream does, with chunks as serialised messages.
//
// Thread-safety: thread-compatible.
class ImportFeed {
 public:
  // Chunks that are sent and not yet durable. More than the server lets wait (4), so that it never
  // waits for the network; bounds the memory.
  static constexpr size_t kWindow = 8;

  // Connects, and learns the position. `first` is the message without a chunk.
  static absl::StatusOr<std::unique_ptr<ImportFeed>> Open(
      std::shared_ptr<grpc::Channel> channel, std::string method, ImportStreamOptions options,
      RetryOptions retry, Environment environment, const grpc::ByteBuffer& first);

  ImportFeed(const ImportFeed&) = delete;
  ImportFeed& operator=(const ImportFeed&) = delete;

  // Sends the next chunk. Waits while kWindow of them are not durable.
  absl::Status Send(int64_t chunk_number, const grpc::ByteBuffer& message);

  // Waits until all is durable, and ends the call.
  absl::Status Finish();

  const ImportPosition& position() const { return position_; }

 private:
  struct Waiting {
    int64_t chunk_number;
    grpc::ByteBuffer message;
  };

  ImportFeed(std::shared_ptr<grpc::Channel> channel, std::string method,
             ImportStreamOptions options, RetryOptions retry, Environment environment,
             const grpc::ByteBuffer& first);

  // Waits until the position rises, over as many connections as that needs.
  absl::Status AwaitProgress();

  // Connects, unless `failure` is for good, and sends again what the server does not have.
  absl::Status Connect(absl::Status failure);

  // DEADLINE_EXCEEDED when patience is over; otherwise as ImportCall::Wait.
  absl::StatusOr<v1::ImportResponse> AwaitAbove(int64_t chunk_number);

  // Waits before another connection. `failure`, if there should be none.
  absl::Status Pause(const absl::Status& failure);

  void Advance(const v1::ImportResponse& response);
  void RenewDeadline();

  const std::shared_ptr<grpc::Channel> channel_;
  const std::string method_;
  const ImportStreamOptions options_;
  const RetryOptions retry_;
  const Environment environment_;
  const grpc::ByteBuffer first_;
  std::unique_ptr<ImportCall> call_;
  ImportPosition position_;
  std::deque<Waiting> waiting_;
  absl::Time deadline_;  // When patience is over.
  int failures_ = 0;     // Connections that failed since the position rose.
  absl::Status status_;  // Of the first call that failed for good.
};

// A stream of chunks, each an ItemBatch, an EventBatch or an EmbeddingBatch (without model version,
// whole) of 1 to 100,000 rows in a message of at most the server's `--max-message-bytes`.
//
// Chunks are counted from 1 in the order of Write. A chunk is written whole, with the stream's
// position; those that are durable when the stream is opened are not sent again. A number must name
// the same data in every run. The stream keeps at most ImportFeed::kWindow chunks, and sends them
// again when the connection breaks: UNAVAILABLE, and a full queue, are waited out as `patience` and
// `max_attempts` say, so that nothing is lost and nothing written twice.
//
// A chunk that is misshapen is INVALID_ARGUMENT and not taken. Errors of the stream, after which
// every call returns the same:
//   INVALID_ARGUMENT: the server refuses a chunk, and names it as `(chunk 7)`, its fields as
//     `batch.item_ids[3]`. Chunks before it are durable.
//   ABORTED: another call has taken the stream over.
//   DEADLINE_EXCEEDED, UNAVAILABLE: patience or attempts are over. Open the stream again to resume.
//   DATA_LOSS: the server's position went back.
// Thread-safety: thread-compatible. Its destructor ends the call without waiting.
template <typename Batch>
class ImportStream {
 public:
  explicit ImportStream(std::string collection, std::unique_ptr<ImportFeed> feed)
      : collection_(std::move(collection)), feed_(std::move(feed)) {}

  // What is known to be durable. Rises during Write and Finish.
  const ImportPosition& position() const { return feed_->position(); }

  // Number of the chunk that Write takes next.
  int64_t next_chunk_number() const { return next_; }

  // Moves on to the first chunk that is not durable, for a source that need not make those that
  // are. Needs that nothing was written yet.
  void SkipDurable() { next_ = position().chunk_number + 1; }

  // Takes the next chunk; returns when it may be changed, which is before it is durable. Needs an
  // empty `collection`, or that of the stream.
  absl::Status Write(const Batch& chunk);

  // Waits until all chunks are durable, and closes the stream.
  absl::Status Finish() { return feed_->Finish(); }

 private:
  const std::string collection_;
  const std::unique_ptr<ImportFeed> feed_;
  int64_t next_ = 1;
};

using ItemImport = ImportStream<ItemBatch>;
using EventImport = ImportStream<EventBatch>;
using EmbeddingImport = ImportStream<EmbeddingBatch>;

extern template class ImportStream<ItemBatch>;
extern template class ImportStream<EventBatch>;
extern template class ImportStream<EmbeddingBatch>;

// Opens a stream of any kind over `channel`; Client::ImportItems and its like do.
template <typename Batch>
absl::StatusOr<std::unique_ptr<ImportStream<Batch>>> OpenImport(
    const std::shared_ptr<grpc::Channel>& channel, const ImportStreamOptions& options,
    const RetryOptions& retry, const Environment& environment);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CPP_IMPORTS_H_
