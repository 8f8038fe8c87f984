// SPDX-License-Identifier: Apache-2.0
#include "storage/base/memory.h"

#include <fstream>

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <unistd.h>

namespace negatron {

int64_t ResidentBytes() {
  std::ifstream pages("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  if (!(pages >> total >> resident)) return 0;
  return resident * sysconf(_SC_PAGESIZE);
}

void ReleaseFreeMemory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace negatron
