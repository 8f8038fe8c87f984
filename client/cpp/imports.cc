// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/imports.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include <grpcpp/support/slice.h>

#include "proto/cc/status.h"

namespace negatron::client {
namespace {

// The server ends the call as soon as it knows that nothing follows.
constexpr absl::Duration kCloseTimeout = absl::Seconds(5);

constexpr size_t kMaxStreamIdBytes = 64;

grpc::ByteBuffer Serialize(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

absl::Status CheckStreamId(const std::string& id) {
  const bool visible = std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 127; });
  if (!id.empty() && id.size() <= kMaxStreamIdBytes && visible) return absl::OkStatus();
  return BadFieldError("stream_id", "must have 1 to 64 visible ASCII characters");
}

absl::Status CheckOptions(const ImportStreamOptions& options) {
  if (options.patience <= absl::ZeroDuration()) {
    return BadFieldError("patience", "must be positive");
  }
  if (options.max_attempts < 1) return BadFieldError("max_attempts", "must be at least 1");
  return absl::OkStatus();
}

// The first message of a stream that is named by its id.
template <typename Request>
absl::StatusOr<Request> NameStream(const ImportStreamOptions& options) {
  if (absl::Status status = CheckStreamId(options.stream_id); !status.ok()) return status;
  Request first;
  first.set_collection(options.collection);
  first.set_stream_id(options.stream_id);
  return first;
}

// The messages and the method of each kind of chunk.
template <typename Batch>
struct Kind;

template <>
struct Kind<ItemBatch> {
  using Request = v1::ImportItemsRequest;
  static constexpr char kMethod[] = "/negatron.v1.PoolService/ImportItems";
  static constexpr auto First = NameStream<Request>;
};

template <>
struct Kind<EventBatch> {
  using Request = v1::ImportEventsRequest;
  static constexpr char kMethod[] = "/negatron.v1.PoolService/ImportEvents";
  static constexpr auto First = NameStream<Request>;
};

template <>
struct Kind<EmbeddingBatch> {
  using Request = v1::ImportEmbeddingsRequest;
  static constexpr char kMethod[] = "/negatron.v1.EmbeddingService/ImportEmbeddings";
  static absl::StatusOr<Request> First(const ImportStreamOptions& options) {
    Request first;
    first.set_name(options.version_name);
    first.set_shard(options.shard);
    return first;
  }
};

}  // namespace

ImportFeed::ImportFeed(std::shared_ptr<grpc::Channel> channel, std::string method,
                       ImportStreamOptions options, RetryOptions retry, Environment environment,
                       const grpc::ByteBuffer& first)
    : channel_(std::move(channel)),
      method_(std::move(method)),
      options_(std::move(options)),
      retry_(retry),
      environment_(std::move(environment)),
      first_(first) {
  RenewDeadline();
}

absl::StatusOr<std::unique_ptr<ImportFeed>> ImportFeed::Open(
    std::shared_ptr<grpc::Channel> channel, std::string method, ImportStreamOptions options,
    RetryOptions retry, Environment environment, const grpc::ByteBuffer& first) {
  std::unique_ptr<ImportFeed> feed(new ImportFeed(std::move(channel), std::move(method),
                                                  std::move(options), retry, std::move(environment),
                                                  first));
  if (absl::Status status = feed->Connect(absl::OkStatus()); !status.ok()) return status;
  return feed;
}

void ImportFeed::RenewDeadline() { deadline_ = environment_.now() + options_.patience; }

absl::StatusOr<v1::ImportResponse> ImportFeed::AwaitAbove(int64_t chunk_number) {
  const absl::StatusOr<std::optional<v1::ImportResponse>> response =
      call_->Wait(chunk_number, deadline_ - environment_.now());
  if (!response.ok()) return response.status();
  if (response->has_value()) return **response;
  return absl::DeadlineExceededError(
      absl::StrCat("no chunk became durable for ", absl::FormatDuration(options_.patience)));
}

absl::Status ImportFeed::Pause(const absl::Status& failure) {
  const std::optional<absl::Duration> wait = RetryWait(retry_, environment_, failure, ++failures_);
  if (!wait.has_value() || failures_ >= options_.max_attempts ||
      environment_.now() + *wait >= deadline_) {
    return failure;
  }
  if (options_.on_interruption) options_.on_interruption(failure, *wait);
  environment_.sleep(*wait);
  return absl::OkStatus();
}

absl::Status ImportFeed::Connect(absl::Status failure) {
  v1::ImportResponse position;
  for (;;) {
    if (!failure.ok()) {
      if (absl::Status status = Pause(failure); !status.ok()) return status;
    }
    call_.reset();
    call_ = ImportCall::Start(channel_, method_, first_);
    const absl::StatusOr<v1::ImportResponse> answer = AwaitAbove(-1);
    failure = answer.status();
    if (answer.ok()) {
      position = *answer;
      break;
    }
  }
  const int64_t number = position.durable_chunk_number();
  if (number < position_.chunk_number) {
    return absl::DataLossError(absl::StrCat("the server's position went back from chunk ",
                                            position_.chunk_number, " to ", number,
                                            "; open the stream again to resume there"));
  }
  // The attempts of a server that only ever answers its old position are counted on.
  if (number > position_.chunk_number) Advance(position);
  for (const Waiting& chunk : waiting_) call_->Send(chunk.message);
  return absl::OkStatus();
}

void ImportFeed::Advance(const v1::ImportResponse& response) {
  position_ = ImportPosition{.chunk_number = response.durable_chunk_number(),
                             .commit_sequence = response.durable_sequence(),
                             .written_count = response.written_count(),
                             .created_item_count = response.created_item_count()};
  while (!waiting_.empty() && waiting_.front().chunk_number <= position_.chunk_number) {
    waiting_.pop_front();
  }
  failures_ = 0;
  RenewDeadline();
}

absl::Status ImportFeed::AwaitProgress() {
  const absl::StatusOr<v1::ImportResponse> response = AwaitAbove(position_.chunk_number);
  if (!response.ok()) return Connect(response.status());
  Advance(*response);
  return absl::OkStatus();
}

absl::Status ImportFeed::Send(int64_t chunk_number, const grpc::ByteBuffer& message) {
  while (status_.ok() && waiting_.size() >= kWindow) status_ = AwaitProgress();
  if (!status_.ok()) return status_;
  if (waiting_.empty()) RenewDeadline();  // The source may have been slow.
  waiting_.push_back(Waiting{.chunk_number = chunk_number, .message = message});
  call_->Send(message);
  return absl::OkStatus();
}

absl::Status ImportFeed::Finish() {
  while (status_.ok() && !waiting_.empty()) status_ = AwaitProgress();
  if (!status_.ok()) return status_;
  call_->Close(kCloseTimeout);
  status_ = absl::FailedPreconditionError("the stream is finished");
  return absl::OkStatus();
}

template <typename Batch>
absl::Status ImportStream<Batch>::Write(const Batch& chunk) {
  if (absl::Status status = CheckShape(chunk); !status.ok()) return status;
  if (!chunk.collection.empty() && chunk.collection != collection_) {
    return BadFieldError("collection", "is not that of the stream");
  }
  const int64_t number = next_++;
  if (number <= position().chunk_number) return absl::OkStatus();
  typename Kind<Batch>::Request request;
  request.set_chunk_number(number);
  *request.mutable_batch() = MakeRequest(chunk, RowRange{.begin = 0, .end = RowCount(chunk)});
  request.mutable_batch()->clear_collection();
  return feed_->Send(number, Serialize(request));
}

template <typename Batch>
absl::StatusOr<std::unique_ptr<ImportStream<Batch>>> OpenImport(
    const std::shared_ptr<grpc::Channel>& channel, const ImportStreamOptions& options,
    const RetryOptions& retry, const Environment& environment) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const absl::StatusOr<typename Kind<Batch>::Request> first = Kind<Batch>::First(options);
  if (!first.ok()) return first.status();
  absl::StatusOr<std::unique_ptr<ImportFeed>> feed = ImportFeed::Open(
      channel, Kind<Batch>::kMethod, options, retry, environment, Serialize(*first));
  if (!feed.ok()) return feed.status();
  return std::make_unique<ImportStream<Batch>>(options.collection, *std::move(feed));
}

template class ImportStream<ItemBatch>;
template class ImportStream<EventBatch>;
template class ImportStream<EmbeddingBatch>;

template absl::StatusOr<std::unique_ptr<ItemImport>> OpenImport<ItemBatch>(
    const std::shared_ptr<grpc::Channel>&, const ImportStreamOptions&, const RetryOptions&,
    const Environment&);
template absl::StatusOr<std::unique_ptr<EventImport>> OpenImport<EventBatch>(
    const std::shared_ptr<grpc::Channel>&, const ImportStreamOptions&, const RetryOptions&,
    const Environment&);
template absl::StatusOr<std::unique_ptr<EmbeddingImport>> OpenImport<EmbeddingBatch>(
    const std::shared_ptr<grpc::Channel>&, const ImportStreamOptions&, const RetryOptions&,
    const Environment&);

}  // namespace negatron::client
