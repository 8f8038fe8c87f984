// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_MEMORY_H_
#define NEGATRON_STORAGE_BASE_MEMORY_H_

#include <cstdint>

namespace negatron {

// Memory of the process that is in use by it or kept by its allocator; 0 if the
// system does not tell.
int64_t ResidentBytes();

// Memory that the process may have: the least that its control groups (versions 1 and 2) and the
// machine's size allow; 0 if the system does not tell.
int64_t MemoryLimitBytes();

// Gives memory that the allocator keeps without use back to the system, where the
// allocator can. Takes some 60 ms for each GB; threads that share its arenas wait.
void ReleaseFreeMemory();

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_MEMORY_H_
