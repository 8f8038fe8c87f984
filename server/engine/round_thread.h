// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_ROUND_THREAD_H_
#define NEGATRON_SERVER_ENGINE_ROUND_THREAD_H_

#include <cstdint>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "storage/base/mutex.h"

namespace negatron {

// A thread that does rounds of work in the background.
//
// Thread-safety: thread-safe.
class RoundThread {
 public:
  // `round` is called at least every `interval`, on the thread. It should end soon once
  // stopping() is true.
  RoundThread(absl::Duration interval, std::function<void()> round);
  // As `Stop`.
  ~RoundThread();
  RoundThread(const RoundThread&) = delete;
  RoundThread& operator=(const RoundThread&) = delete;

  // A round is to come soon.
  void Wake();

  // Does a round now and waits until it is done (or `Stop` is called).
  void RunRound();

  bool stopping() const;

  // Returns when the thread has ended. Idempotent; must not be called by a round.
  void Stop();

 private:
  void Run();

  const absl::Duration interval_;
  const std::function<void()> round_;

  mutable Mutex mutex_;
  CondVar wake_;
  CondVar round_done_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t rounds_asked_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t rounds_done_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_ROUND_THREAD_H_
