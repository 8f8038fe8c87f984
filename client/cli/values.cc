// SPDX-License-Identifier: Apache-2.0
#include "client/cli/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace negatron::client {
namespace {

constexpr double kSecondsBelow = 1e11;
constexpr double kMillisBelow = 1e14;

// No time is beyond.
constexpr int64_t kMostMicros = 9'000'000'000'000'000'000;

constexpr int64_t kFirstMicros = -62'135'596'800'000'000;  // The start of year 1.
constexpr int64_t kLastMicros = 253'402'300'799'999'999;   // The end of year 9999.

int64_t MicrosPerUnit(TimeUnit unit, double number) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return 1'000'000;
    case TimeUnit::kMillis:
      return 1'000;
    case TimeUnit::kMicros:
      return 1;
    case TimeUnit::kAuto:
      break;
  }
  const double size = std::abs(number);
  return size < kSecondsBelow ? 1'000'000 : size < kMillisBelow ? 1'000 : 1;
}

// A plain decimal number, without an exponent, times `scale` (a power of ten), rounded to a whole
// number; nothing if it is another text or too large.
std::optional<int64_t> ScaleDecimal(absl::string_view text, int64_t scale) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  if (!negative) absl::ConsumePrefix(&text, "+");
  int64_t value = 0;
  int64_t unit = scale;  // Of the next digit behind the point.
  bool behind = false;
  for (const char c : text) {
    if (c == '.' && !behind) {
      behind = true;
    } else if (!absl::ascii_isdigit(c)) {
      return std::nullopt;
    } else if (!behind) {
      if (value > kMostMicros / 10 / scale) return std::nullopt;
      value = value * 10 + (c - '0');
    } else if (unit > 1) {
      unit /= 10;
      value = value * 10 + (c - '0');
    } else if (unit == 1) {
      value += c >= '5' ? 1 : 0;
      unit = 0;
    }
  }
  value *= std::max<int64_t>(unit, 1);
  return negative ? -value : value;
}

absl::Status NotATime(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("`", text.substr(0, 40), "` is not a time (a number or 2024-05-01T12:30:00Z)"));
}

}  // namespace

absl::StatusOr<int64_t> ParseTimeMicros(absl::string_view text, TimeUnit unit) {
  text = absl::StripAsciiWhitespace(text);
  double number = 0;
  if (absl::SimpleAtod(text, &number)) {
    const int64_t scale = MicrosPerUnit(unit, number);
    const double micros = number * static_cast<double>(scale);
    if (!(std::abs(micros) < kMostMicros)) return NotATime(text);
    if (const auto exact = ScaleDecimal(text, scale); exact.has_value()) return *exact;
    return static_cast<int64_t>(std::llround(micros));
  }
  for (const char* format : {"%Y-%m-%d%ET%H:%M:%E*S%Ez", "%Y-%m-%d %H:%M:%E*S%Ez",
                             "%Y-%m-%d%ET%H:%M:%E*S", "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d"}) {
    absl::Time time;
    if (absl::ParseTime(format, text, &time, nullptr) && time != absl::InfiniteFuture() &&
        time != absl::InfinitePast()) {
      return absl::ToUnixMicros(time);
    }
  }
  return NotATime(text);
}

absl::StatusOr<int64_t> ParseEventTime(absl::string_view text, TimeUnit unit) {
  absl::StatusOr<int64_t> micros = ParseTimeMicros(text, unit);
  if (micros.ok() && !IsEventTime(*micros)) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", text, "` is not within the years 1 to 9999"));
  }
  return micros;
}

bool IsEventTime(int64_t micros) { return micros >= kFirstMicros && micros <= kLastMicros; }

std::string FormatSeconds(int64_t micros) {
  if (std::abs(static_cast<double>(micros)) >= kSecondsBelow * 1e6) return FormatMicros(micros);
  const int64_t size = std::abs(micros);
  std::string text = absl::StrCat(micros < 0 ? "-" : "", size / 1'000'000);
  if (size % 1'000'000 == 0) return text;
  absl::StrAppend(&text, absl::StrFormat(".%06d", size % 1'000'000));
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

std::string FormatFloat(float value) {
  char text[32];  // The longest has 15 characters.
  const std::to_chars_result end = std::to_chars(std::begin(text), std::end(text), value);
  return std::string(text, end.ptr);
}

absl::StatusOr<absl::Duration> ParsePositiveDuration(absl::string_view text) {
  absl::Duration duration;
  double number = 0;
  const char unit = text.empty() ? '\0' : text.back();
  if ((unit == 'd' || unit == 'w') && absl::SimpleAtod(text.substr(0, text.size() - 1), &number)) {
    duration = absl::Hours(unit == 'w' ? 24 * 7 : 24) * number;
  } else if (!absl::ParseDuration(text, &duration)) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", text, "` is not a length of time such as 30d, 12h, 90m or 45s"));
  }
  if (duration <= absl::ZeroDuration() || duration == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("`", text, "` is not positive and finite"));
  }
  return duration;
}

absl::StatusOr<absl::Duration> ParseDurationOrNone(absl::string_view text) {
  if (text == "0" || text == "none") return absl::ZeroDuration();
  return ParsePositiveDuration(text);
}

std::string FormatDurationOrNone(const google::protobuf::Duration& duration) {
  absl::Duration rest = absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
  if (rest == absl::ZeroDuration()) return "none";
  const int64_t days = absl::IDivDuration(rest, absl::Hours(24), &rest);
  if (days == 0) return absl::FormatDuration(rest);
  return absl::StrCat(days, "d", rest == absl::ZeroDuration() ? "" : absl::FormatDuration(rest));
}

google::protobuf::Duration ToDuration(absl::Duration duration) {
  google::protobuf::Duration proto;
  absl::Duration rest;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

std::string FormatMicros(int64_t micros) {
  if (micros == std::numeric_limits<int64_t>::min()) return "always";
  if (micros == std::numeric_limits<int64_t>::max()) return "never";
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", absl::FromUnixMicros(micros),
                          absl::UTCTimeZone());
}

google::protobuf::Timestamp ToTimestamp(int64_t micros) {
  google::protobuf::Timestamp timestamp;
  const int64_t seconds = absl::ToUnixSeconds(absl::FromUnixMicros(micros));
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(micros - seconds * 1'000'000) * 1'000);
  return timestamp;
}

int64_t ToMicros(const google::protobuf::Timestamp& timestamp) {
  return timestamp.seconds() * 1'000'000 + timestamp.nanos() / 1'000;
}

std::string ShortName(const std::string& name, absl::string_view prefix) {
  return absl::StartsWith(name, prefix) ? name.substr(prefix.size()) : name;
}

std::vector<std::string> BitNames(int bits, const google::protobuf::EnumDescriptor& type,
                                  absl::string_view prefix) {
  std::vector<std::string> names;
  for (int at = 0; at < type.value_count(); ++at) {
    const auto* const value = type.value(at);
    if ((bits & value->number()) != 0) names.push_back(ShortName(value->name(), prefix));
  }
  return names;
}

std::string WithCommas(int64_t value) {
  const std::string plain = absl::StrCat(value);
  std::string text;
  for (size_t i = 0; i < plain.size(); ++i) {
    const size_t left = plain.size() - i;
    if (left % 3 == 0 && i > (value < 0 ? 1U : 0U)) text.push_back(',');
    text.push_back(plain[i]);
  }
  return text;
}

std::string FormatBytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 1024 && unit + 1 < std::size(kUnits)) {
    size /= 1024;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.1f %s", size, kUnits[unit]);
}

}  // namespace negatron::client
