// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/times.h"

namespace negatron {
namespace {

constexpr int64_t kMicrosPerSecond = 1000000;
constexpr int64_t kNanosPerMicro = 1000;
constexpr int64_t kNanosPerSecond = 1000000000;
constexpr int64_t kMaxDurationSeconds = 315576000000;  // 10,000 years, as in duration.proto.

}  // namespace

Micros ReadTimestamp(const google::protobuf::Timestamp& timestamp, absl::string_view field,
                     Violations* violations) {
  const bool in_range = timestamp.seconds() >= kMinTime / kMicrosPerSecond &&
                        timestamp.seconds() <= kMaxTime / kMicrosPerSecond &&
                        timestamp.nanos() >= 0 && timestamp.nanos() < kNanosPerSecond;
  if (!in_range) {
    violations->Add(field, "must lie within the years 1 to 9999, with nanos in [0, 999999999]");
    return 0;
  }
  return timestamp.seconds() * kMicrosPerSecond + timestamp.nanos() / kNanosPerMicro;
}

void WriteTimestamp(Micros time, google::protobuf::Timestamp* timestamp) {
  int64_t seconds = time / kMicrosPerSecond;
  int64_t micros = time % kMicrosPerSecond;
  if (micros < 0) {
    micros += kMicrosPerSecond;
    --seconds;
  }
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(static_cast<int32_t>(micros * kNanosPerMicro));
}

int64_t ReadDuration(const google::protobuf::Duration& duration, absl::string_view field,
                     Violations* violations) {
  const int64_t seconds = duration.seconds();
  const int64_t nanos = duration.nanos();
  const bool in_range = seconds >= -kMaxDurationSeconds && seconds <= kMaxDurationSeconds &&
                        nanos > -kNanosPerSecond && nanos < kNanosPerSecond;
  if (!in_range || (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    violations->Add(field, "is not a duration: see google/protobuf/duration.proto");
    return 0;
  }
  if (nanos % kNanosPerMicro != 0) {
    violations->Add(field, "must be a whole number of microseconds");
    return 0;
  }
  return seconds * kMicrosPerSecond + nanos / kNanosPerMicro;
}

void WriteDuration(absl::Duration duration, google::protobuf::Duration* out) {
  absl::Duration rest;
  out->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  out->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

}  // namespace negatron
