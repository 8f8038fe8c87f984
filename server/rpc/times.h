// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_TIMES_H_
#define NEGATRON_SERVER_RPC_TIMES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "storage/base/status.h"
#include "storage/model/time.h"

namespace negatron {

// Microseconds since the epoch; parts of a microsecond are dropped, towards the past. A timestamp
// outside the years 1 to 9999 is added to `violations`.
Micros ReadTimestamp(const google::protobuf::Timestamp& timestamp, absl::string_view field,
                     Violations* violations);
void WriteTimestamp(Micros time, google::protobuf::Timestamp* timestamp);

// Microseconds. A duration that is not a whole number of them, or is beyond 10,000 years, is added
// to `violations`.
int64_t ReadDuration(const google::protobuf::Duration& duration, absl::string_view field,
                     Violations* violations);
// `duration` is finite and at least 0.
void WriteDuration(absl::Duration duration, google::protobuf::Duration* out);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_TIMES_H_
