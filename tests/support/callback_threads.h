// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SUPPORT_CALLBACK_THREADS_H_
#define NEGATRON_TESTS_SUPPORT_CALLBACK_THREADS_H_

namespace negatron {

// For processes that start several servers one after the other. gRPC 1.51 makes the threads of its
// callback API with the first server and ends them with the last; one that starts at that moment
// can abort the process ("prior > 0"). After this call a server that nobody reaches keeps them.
//
// Thread-safety: thread-safe; idempotent.
void KeepCallbackThreads();

}  // namespace negatron

#endif  // NEGATRON_TESTS_SUPPORT_CALLBACK_THREADS_H_
