// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_CALL_STATISTICS_H_
#define NEGATRON_SERVER_RPC_CALL_STATISTICS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "server/rpc/call_outcome.h"
#include "storage/base/histogram.h"
#include "storage/base/mutex.h"

namespace negatron {

// Of the calls of one method that ended with one code.
struct CallSeries {
  CallSeries();
  void Add(const CallOutcome& outcome);
  void Merge(const CallSeries& other);

  Histogram seconds;
  Histogram request_bytes;
  Histogram response_bytes;
};

struct CallTotals {
  CallTotals();
  void Merge(const CallTotals& other);

  std::map<std::pair<absl::string_view, absl::StatusCode>, CallSeries> calls;
  Histogram queue_seconds;              // Of unary calls that a thread began to work on.
  std::map<std::string, int64_t> shed;  // Calls that no thread began to work on, by reason.
};

// Counts calls. Threads count in shards of their own, so that they rarely meet.
//
// Thread-safety: thread-safe.
class CallStatistics {
 public:
  void Count(const CallOutcome& outcome);
  CallTotals Read() const;

 private:
  static constexpr size_t kShardCount = 16;

  struct alignas(64) Shard {
    mutable Mutex mutex;
    CallTotals totals ABSL_GUARDED_BY(mutex);
  };
  std::array<Shard, kShardCount> shards_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_CALL_STATISTICS_H_
