// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_CLIENT_CPP_FAKE_IMPORTS_H_
#define NEGATRON_TESTS_CLIENT_CPP_FAKE_IMPORTS_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "proto/cc/columns.h"
#include "proto/cc/status.h"
#include "tests/client/cpp/fake_server.h"

namespace negatron::client {

// The import streams of a fake server, of one kind: keeps positions and chunks over connections, as
// the real server does, and takes orders from a test. Each chunk is "durable" and acknowledged as
// soon as it is read.
//
// Thread-safety: thread-safe; the orders are set before the first call.
template <typename Request>
class FakeImports {
 public:
  // Orders. A connection breaks (UNAVAILABLE) once for each entry, before it handles the chunk of
  // that number, or with 0 when it is opened; a chunk that is broken after is durable, but not
  // acknowledged.
  std::vector<int64_t> break_before;
  std::vector<int64_t> break_after;
  int64_t silent_from = -1;  // No chunk from this one on is handled or answered; 0: nothing at all.
  std::optional<int64_t> refuse;  // This chunk is INVALID_ARGUMENT in its row 1.

  // Waits for its connections, which the server may still be closing.
  ~FakeImports() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return open_connections_ == 0; });
  }

  StreamHandler<Request> Handler() {
    return [this](const auto& read, const auto& write) {
      Count(1);
      const grpc::Status status = Serve(read, write);
      Count(-1);
      return status;
    };
  }

  std::vector<Request> chunks() const {
    const std::lock_guard lock(mutex_);
    return chunks_;
  }
  std::vector<std::string> stream_ids() const {  // Of the connections, in order.
    const std::lock_guard lock(mutex_);
    return stream_ids_;
  }
  void SetPosition(const std::string& stream_id, int64_t chunk_number) {
    const std::lock_guard lock(mutex_);
    positions_[stream_id].set_durable_chunk_number(chunk_number);
  }

 private:
  static std::string IdOf(const v1::ImportEmbeddingsRequest& first) {
    return absl::StrCat(first.name(), "/", first.shard());
  }
  template <typename Named>
  static std::string IdOf(const Named& first) {
    return first.stream_id();
  }

  // Whether an order says so, which is then done with.
  static bool Take(std::vector<int64_t>* orders, int64_t number) {
    for (auto order = orders->begin(); order != orders->end(); ++order) {
      if (*order != number) continue;
      orders->erase(order);
      return true;
    }
    return false;
  }

  void Count(int connections) {
    const std::lock_guard lock(mutex_);
    open_connections_ += connections;
    if (open_connections_ == 0) idle_.notify_all();
  }

  grpc::Status Serve(const std::function<bool(Request*)>& read,
                     const std::function<bool(const v1::ImportResponse&)>& write) {
    const grpc::Status gone(grpc::StatusCode::UNAVAILABLE, "the server is gone");
    Request request;
    if (!read(&request)) return grpc::Status::OK;
    const std::string stream_id = IdOf(request);
    v1::ImportResponse answer;
    {
      const std::lock_guard lock(mutex_);
      stream_ids_.push_back(stream_id);
      if (Take(&break_before, 0)) return gone;
      answer = positions_[stream_id];
    }
    if (silent_from != 0) write(answer);
    while (read(&request)) {
      {
        const std::lock_guard lock(mutex_);
        v1::ImportResponse& position = positions_[stream_id];
        const int64_t number = request.chunk_number();
        if (silent_from >= 0 && number >= silent_from) continue;
        if (Take(&break_before, number)) return gone;
        if (number <= position.durable_chunk_number()) continue;
        if (number != position.durable_chunk_number() + 1) {
          return ToGrpcStatus(BadFieldError("chunk_number", "is not the next"));
        }
        if (refuse == number) {
          return ToGrpcStatus(BadFieldError(
              "batch.item_ids[1]", absl::StrCat("there is no such item (chunk ", number, ")")));
        }
        position.set_durable_chunk_number(number);
        position.set_written_count(position.written_count() +
                                   ColumnSize(request.batch().item_ids()));
        chunks_.push_back(request);
        if (Take(&break_after, number)) return gone;
        answer = position;
      }
      write(answer);
    }
    return grpc::Status::OK;
  }

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  int open_connections_ = 0;
  std::map<std::string, v1::ImportResponse> positions_;
  std::vector<Request> chunks_;
  std::vector<std::string> stream_ids_;
};

using FakeItemImports = FakeImports<v1::ImportItemsRequest>;
using FakeEventImports = FakeImports<v1::ImportEventsRequest>;
using FakeEmbeddingImports = FakeImports<v1::ImportEmbeddingsRequest>;

}  // namespace negatron::client

#endif  // NEGATRON_TESTS_CLIENT_CPP_FAKE_IMPORTS_H_
