// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_CALL_OUTCOME_H_
#define NEGATRON_SERVER_RPC_CALL_OUTCOME_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace negatron {

// What a call of a sampling method was about. No ids: counts, and names that administrators gave.
struct SampleNote {
  std::string collection;
  int64_t row_count = 0;
  int64_t negative_count = 0;                          // A row, or of the block.
  absl::Duration resolve_time = absl::ZeroDuration();  // Ids to items and users.
  absl::Duration draw_time = absl::ZeroDuration();
  std::string plan;  // What drew: see DescribePlan. Empty if the call was fast.
};

// What became of a call, for logs and statistics.
struct CallOutcome {
  absl::string_view method;  // "PoolService/ListItems" say.
  absl::Status status;
  absl::Duration duration;  // From the arrival of the request to the response.
  // Whether a thread began to work on it; if not, it was refused or its caller gave up.
  bool begun = true;
  bool is_stream = false;
  absl::Duration queue_time = absl::ZeroDuration();   // Until a thread began, or the end.
  absl::Duration encode_time = absl::ZeroDuration();  // From the answer to its bytes.
  int64_t request_bytes = 0;                          // Of all messages of a stream.
  int64_t response_bytes = 0;
  std::string traceparent = {};  // See ReadTraceparent.
  SampleNote sample = {};        // Without rows if the call did not come so far, or is another.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_CALL_OUTCOME_H_
