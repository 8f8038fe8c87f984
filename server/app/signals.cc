// SPDX-License-Identifier: Apache-2.0
#include "server/app/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <utility>

namespace negatron {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

void BlockStopSignals() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

SignalWatcher::SignalWatcher(std::function<void(int)> on_first)
    : on_first_(std::move(on_first)), thread_([this] { Watch(); }) {}

SignalWatcher::~SignalWatcher() {
  ending_.store(true);
  // Wakes the thread; being blocked, the signal does nothing else.
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void SignalWatcher::Watch() {
  const sigset_t set = StopSignals();
  for (bool first = true;; first = false) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0 || ending_.load()) return;
    if (!first) _exit(1);
    on_first_(signal);
  }
}

}  // namespace negatron
