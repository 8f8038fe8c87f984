// SPDX-License-Identifier: Apache-2.0
#include "server/app/logging.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace negatron {
namespace {

// Escapes as RFC 8259, section 7, wants it.
std::string Quote(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Plain where that can be read back, else quoted.
std::string TextValue(const LogField& field) {
  const std::string& value = field.value();
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_isgraph(c) && c != '"' && c != '=' && c != '\\';
  });
  return plain ? value : Quote(value);
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

}  // namespace

absl::string_view LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      break;
  }
  return "error";
}

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text == LogLevelName(level)) return level;
  }
  return absl::InvalidArgumentError("must be debug, info, warning or error");
}

absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return absl::InvalidArgumentError("must be text or json");
}

LogField::LogField(absl::string_view key, int64_t value) : key_(key), value_(absl::StrCat(value)) {}

LogField::LogField(absl::string_view key, double value)
    : key_(key), value_(absl::StrFormat("%.6g", value)) {}

LogField::LogField(absl::string_view key, bool value)
    : key_(key), value_(value ? "true" : "false") {}

std::string FormatLogLine(LogFormat format, absl::Time time, LogLevel level,
                          absl::string_view event, std::initializer_list<LogField> fields) {
  if (format == LogFormat::kText) {
    std::string line = absl::StrCat(TimeText(time), " ", LogLevelName(level), " ", event);
    for (const LogField& field : fields) {
      absl::StrAppend(&line, " ", field.key(), "=", TextValue(field));
    }
    return line;
  }
  std::string line = absl::StrCat("{\"time\":\"", TimeText(time), "\",\"level\":\"",
                                  LogLevelName(level), "\",\"event\":", Quote(event));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, ",", Quote(field.key()), ":",
                    field.is_text() ? Quote(field.value()) : field.value());
  }
  return line + "}";
}

Log::Log(LogLevel level, LogFormat format)
    : level_(level),
      format_(format),
      logger_(std::make_shared<spdlog::logger>("negatrond",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern("%v");
  logger_->set_level(ToSpdlog(level));
}

void Log::Debug(absl::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kDebug, event, fields);
}

void Log::Info(absl::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kInfo, event, fields);
}

void Log::Warning(absl::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kWarning, event, fields);
}

void Log::Error(absl::string_view event, std::initializer_list<LogField> fields) {
  Write(LogLevel::kError, event, fields);
}

void Log::Write(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields) {
  if (!Writes(level)) return;
  // As an argument, not as the format: values may hold braces.
  logger_->log(ToSpdlog(level), "{}", FormatLogLine(format_, absl::Now(), level, event, fields));
}

}  // namespace negatron
