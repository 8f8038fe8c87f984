// SPDX-License-Identifier: Apache-2.0
#include "storage/base/memory.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <unistd.h>

namespace negatron {
namespace {

constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

// The number in a file; kNone if there is no file, or a word such as `max` in it.
int64_t ReadNumber(const std::filesystem::path& path) {
  std::ifstream file(path);
  int64_t number = 0;
  return file >> number && number > 0 ? number : kNone;
}

// The least limit of a group and those that it lies in. In a container the path may be that of the
// host, of which nothing but the root is there.
int64_t GroupLimit(const std::filesystem::path& root, std::filesystem::path group,
                   const char* file) {
  int64_t limit = kNone;
  while (true) {
    limit = std::min(limit, ReadNumber(root / group / file));
    if (group.empty()) return limit;
    group = group.parent_path();
  }
}

// Of lines such as `0::/group` and `4:memory:/group`; see cgroups(7).
int64_t ControlGroupLimit() {
  const std::filesystem::path root = "/sys/fs/cgroup";
  std::ifstream groups("/proc/self/cgroup");
  int64_t limit = kNone;
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(":/", first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 2);
    if (controllers.empty()) limit = std::min(limit, GroupLimit(root, group, "memory.max"));
    if (controllers == "memory") {
      limit = std::min(limit, GroupLimit(root / "memory", group, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

}  // namespace

int64_t ResidentBytes() {
  std::ifstream pages("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  if (!(pages >> total >> resident)) return 0;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t MemoryLimitBytes() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t machine = pages > 0 ? pages * sysconf(_SC_PAGESIZE) : kNone;
  const int64_t limit = std::min(machine, ControlGroupLimit());
  return limit == kNone ? 0 : limit;
}

void ReleaseFreeMemory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace negatron
