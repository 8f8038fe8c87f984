// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_BASE_PRIORITY_H_
#define NEGATRON_STORAGE_BASE_PRIORITY_H_

namespace negatron {

// Has the system prefer other threads to the calling one and to those that it will
// start. Does nothing where the system has no priorities of threads.
void YieldToOtherThreads();

}  // namespace negatron

#endif  // NEGATRON_STORAGE_BASE_PRIORITY_H_
