// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/info_log.h"

#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "rocksdb/env.h"

namespace negatron {
namespace {

constexpr int64_t kMaxBytes = int64_t{4} << 20;
constexpr size_t kMaxLineBytes = 4096;

class InfoLog final : public rocksdb::Logger {
 public:
  explicit InfoLog(const std::string& path)
      : Logger(rocksdb::InfoLogLevel::WARN_LEVEL),
        descriptor_(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)) {
    if (descriptor_ >= 0) size_ = lseek(descriptor_, 0, SEEK_END);
  }
  ~InfoLog() override {
    if (descriptor_ >= 0) close(descriptor_);
  }

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (descriptor_ < 0 || size_ >= kMaxBytes) return;
    char text[kMaxLineBytes];
    std::vsnprintf(text, sizeof text, format, arguments);
    const std::string line = absl::StrCat(
        absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ ", absl::Now(), absl::UTCTimeZone()), text, "\n");
    // At once, so that lines of several threads stay whole.
    const ssize_t written = write(descriptor_, line.data(), line.size());
    if (written > 0) size_ += written;
  }

 private:
  const int descriptor_;  // Negative: there is no file.
  std::atomic<int64_t> size_{0};
};

}  // namespace

std::shared_ptr<rocksdb::Logger> OpenInfoLog(const std::string& folder) {
  const std::filesystem::path path = std::filesystem::path(folder) / "LOG";
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  if (std::filesystem::file_size(path, ignored) >= kMaxBytes && !ignored) {
    std::filesystem::rename(path, path.string() + ".old", ignored);
  }
  return std::make_shared<InfoLog>(path.string());
}

}  // namespace negatron
