// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_SIGNALS_H_
#define NEGATRON_SERVER_APP_SIGNALS_H_

#include <atomic>
#include <functional>
#include <thread>

namespace negatron {

// Blocks SIGINT and SIGTERM, for a SignalWatcher to take, and ignores SIGPIPE. Call it before any
// thread is started: threads inherit it.
void BlockStopSignals();

// Takes SIGINT and SIGTERM on a thread of its own, where any function may be called. The first
// calls `on_first` with the signal; the second ends the process at once with exit status 1.
class SignalWatcher {
 public:
  explicit SignalWatcher(std::function<void(int)> on_first);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  void Watch();

  const std::function<void(int)> on_first_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_SIGNALS_H_
