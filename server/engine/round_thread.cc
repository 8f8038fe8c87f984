// SPDX-License-Identifier: Apache-2.0
#include "server/engine/round_thread.h"

#include <utility>

namespace negatron {

RoundThread::RoundThread(absl::Duration interval, std::function<void()> round)
    : interval_(interval), round_(std::move(round)) {
  thread_ = std::thread([this] { Run(); });
}

RoundThread::~RoundThread() { Stop(); }

void RoundThread::Wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  wake_.NotifyOne();
}

void RoundThread::RunRound() {
  MutexLock lock(mutex_);
  const int64_t round = ++rounds_asked_;
  wake_.NotifyOne();
  while (rounds_done_ < round && !stopped_) round_done_.Wait(mutex_);
}

bool RoundThread::stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

void RoundThread::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

void RoundThread::Run() {
  while (true) {
    int64_t round = 0;
    {
      MutexLock lock(mutex_);
      if (!stopping_ && !woken_ && rounds_asked_ == rounds_done_) {
        wake_.WaitFor(mutex_, interval_);
      }
      if (stopping_) break;
      woken_ = false;
      round = rounds_asked_;
    }
    round_();
    MutexLock lock(mutex_);
    rounds_done_ = round;
    round_done_.NotifyAll();
  }
  MutexLock lock(mutex_);
  stopped_ = true;
  round_done_.NotifyAll();
}

}  // namespace negatron
