// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_LOGGING_H_
#define NEGATRON_SERVER_APP_LOGGING_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace spdlog {
class logger;
}

namespace negatron {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

absl::string_view LogLevelName(LogLevel level);
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view text);
absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view text);

// A key with its value; numbers and booleans stay such in JSON.
class LogField {
 public:
  LogField(absl::string_view key, absl::string_view value)
      : key_(key), value_(value), is_text_(true) {}
  LogField(absl::string_view key, const char* value) : LogField(key, absl::string_view(value)) {}
  LogField(absl::string_view key, const std::string& value)
      : LogField(key, absl::string_view(value)) {}
  LogField(absl::string_view key, int64_t value);
  LogField(absl::string_view key, int value) : LogField(key, int64_t{value}) {}
  LogField(absl::string_view key, double value);
  LogField(absl::string_view key, bool value);

  const std::string& key() const { return key_; }
  const std::string& value() const { return value_; }
  bool is_text() const { return is_text_; }

 private:
  std::string key_;
  std::string value_;
  bool is_text_ = false;
};

// One event as a line, without the line's end:
//   2026-03-01T12:00:00.250Z info serving address=127.0.0.1:7600
//   {"time":"2026-03-01T12:00:00.250Z","level":"info","event":"serving","address":"127.0.0.1:7600"}
// Whatever the values hold, the line stays one line and can be taken apart again.
std::string FormatLogLine(LogFormat format, absl::Time time, LogLevel level,
                          absl::string_view event, std::initializer_list<LogField> fields);

// Writes events to standard error, one line each.
//
// Thread-safety: thread-safe.
class Log {
 public:
  Log(LogLevel level, LogFormat format);

  void Debug(absl::string_view event, std::initializer_list<LogField> fields = {});
  void Info(absl::string_view event, std::initializer_list<LogField> fields = {});
  void Warning(absl::string_view event, std::initializer_list<LogField> fields = {});
  void Error(absl::string_view event, std::initializer_list<LogField> fields = {});

  // Whether events of this level are written: spares making fields for nothing.
  bool Writes(LogLevel level) const { return level >= level_; }

 private:
  void Write(LogLevel level, absl::string_view event, std::initializer_list<LogField> fields);

  const LogLevel level_;
  const LogFormat format_;
  const std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_LOGGING_H_
