// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_ENGINE_HANDLE_H_
#define NEGATRON_SERVER_RPC_ENGINE_HANDLE_H_

#include <atomic>

#include "absl/base/thread_annotations.h"

#include "server/engine/engine.h"
#include "storage/base/mutex.h"

namespace negatron {

// Where the services find the engine, which is there only when recovery has ended. A start that is
// refused ends the process, so nobody waits here in vain.
//
// Thread-safety: thread-safe.
// Ownership: borrows the engine, which must outlive every call that is served.
class EngineHandle {
 public:
  // Null while the server recovers.
  Engine* engine() const { return engine_.load(std::memory_order_acquire); }

  // Ends recovery. Call it once.
  void Set(Engine* engine) { engine_.store(engine, std::memory_order_release); }

  void SetProgress(RecoveryProgress progress) {
    MutexLock lock(mutex_);
    progress_ = std::move(progress);
  }
  RecoveryProgress progress() const {
    MutexLock lock(mutex_);
    return progress_;
  }

 private:
  std::atomic<Engine*> engine_{nullptr};
  mutable Mutex mutex_;
  RecoveryProgress progress_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_ENGINE_HANDLE_H_
