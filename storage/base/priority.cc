// SPDX-License-Identifier: Apache-2.0
#include "storage/base/priority.h"

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace negatron {

void YieldToOtherThreads() {
#if defined(__linux__)
  // Linux takes the number of a thread where POSIX has that of a process.
  // Of a core that others want all of, this leaves about a tenth: at the lowest priority, 19, what
  // they leave would be next to nothing.
  constexpr int kNice = 10;
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
#endif
}

}  // namespace negatron
