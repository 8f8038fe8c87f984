// SPDX-License-Identifier: Apache-2.0
#include "server/app/process_metrics.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

#include "storage/base/memory.h"

namespace negatron {
namespace {

std::string ReadAll(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The time of the machine's start, in seconds since the epoch; 0: unknown.
int64_t BootTime() {
  const std::string text = ReadAll("/proc/stat");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    int64_t time = 0;
    if (words.size() == 2 && words[0] == "btime" && absl::SimpleAtoi(words[1], &time)) return time;
  }
  return 0;
}

// Fields of /proc/self/stat from the third on: those behind the program's name, which may hold
// anything.
std::vector<std::string> StatFields() {
  const std::string text = ReadAll("/proc/self/stat");
  const size_t end = text.rfind(") ");
  if (end == std::string::npos) return {};
  return absl::StrSplit(text.substr(end + 2), ' ');
}

// The value of a field by its number in proc(5), in seconds.
double StatSeconds(const std::vector<std::string>& fields, size_t number) {
  int64_t ticks = 0;
  if (fields.size() <= number - 3 || !absl::SimpleAtoi(fields[number - 3], &ticks)) return 0;
  return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void CollectDescriptors(MetricFamilies* families) {
  std::error_code error;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
  if (!error) {
    // One of them is the iterator's own.
    families->Gauge("process_open_fds", "Open file descriptors.",
                    static_cast<double>(std::distance(begin(descriptors), end(descriptors)) - 1));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families->Gauge("process_max_fds", "Most file descriptors that may be open.",
                    static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace

void CollectProcess(MetricFamilies* families) {
  const std::vector<std::string> fields = StatFields();
  const auto boot = static_cast<double>(BootTime());
  if (!fields.empty() && boot > 0) {
    families->Gauge("process_start_time_seconds", "Start of the process since the Unix epoch.",
                    boot + StatSeconds(fields, 22));
    families->Counter("process_cpu_seconds_total", "Time of processors, of users and system.",
                      StatSeconds(fields, 14) + StatSeconds(fields, 15));
  }
  if (const int64_t bytes = ResidentBytes(); bytes > 0) {
    families->Gauge("process_resident_memory_bytes", "Resident memory.",
                    static_cast<double>(bytes));
  }
  CollectDescriptors(families);
}

}  // namespace negatron
