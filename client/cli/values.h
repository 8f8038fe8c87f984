// SPDX-License-Identifier: Apache-2.0
//
// Values that people write and read.
#ifndef NEGATRON_CLIENT_CLI_VALUES_H_
#define NEGATRON_CLIENT_CLI_VALUES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

namespace negatron::client {

// Unit of times that are numbers since the Unix epoch.
enum class TimeUnit { kAuto, kSeconds, kMillis, kMicros };

// A number in `unit`, whole or with decimals, or a date in UTC unless it names its zone:
// `2024-05-01`, `2024-05-01 12:30:00[.25]`, `2024-05-01T12:30:00Z`, `...+02:00`. kAuto tells the
// unit of a number by its size: below 1e11 seconds, below 1e14 milliseconds, else microseconds
// (right for all times from 1973 to 5138). Returns microseconds since the Unix epoch; decimals are
// taken as they stand, so that none is lost.
absl::StatusOr<int64_t> ParseTimeMicros(absl::string_view text, TimeUnit unit);

// The same; also refuses what no event may have: times beyond the years 1 to 9999.
absl::StatusOr<int64_t> ParseEventTime(absl::string_view text, TimeUnit unit);
bool IsEventTime(int64_t micros);

// An event time as ParseTimeMicros reads it back with kAuto: in seconds, with as many decimals as
// it has, or as a date where seconds would be taken for another unit.
std::string FormatSeconds(int64_t micros);

// The shortest number that is read back as the same float.
std::string FormatFloat(float value);

// A positive length of time: `30d`, `2w`, `12h`, `1h30m`, `45s`.
absl::StatusOr<absl::Duration> ParsePositiveDuration(absl::string_view text);

// The same, or zero: `0`, `none`.
absl::StatusOr<absl::Duration> ParseDurationOrNone(absl::string_view text);

// `30d`, `1d12h`, `90m`; `none` for zero.
std::string FormatDurationOrNone(const google::protobuf::Duration& duration);

google::protobuf::Duration ToDuration(absl::Duration duration);

// `2024-05-01T12:30:00Z`, with as many decimals as the time has; "always" and "never" for the ends
// of int64.
std::string FormatMicros(int64_t micros);

google::protobuf::Timestamp ToTimestamp(int64_t micros);
int64_t ToMicros(const google::protobuf::Timestamp& timestamp);

// A name of an enum's value without what all of them begin with: `ROW_STATUS_NO_EVENT` as
// `NO_EVENT`.
std::string ShortName(const std::string& name, absl::string_view prefix);

// Such names of the bits that are set, lowest first.
std::vector<std::string> BitNames(int bits, const google::protobuf::EnumDescriptor& type,
                                  absl::string_view prefix);

// `12,345,678`.
std::string WithCommas(int64_t value);

// `512 B`, `1.5 KiB`, `2.0 GiB`.
std::string FormatBytes(int64_t bytes);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_VALUES_H_
