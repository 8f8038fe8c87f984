// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_PROGRESS_H_
#define NEGATRON_CLIENT_CLI_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "absl/time/time.h"

namespace negatron::client {

// Tells how far a long job is: on a terminal a bar in one line that is drawn again, at most ten
// times a second; elsewhere a plain line each five seconds.
//
// Thread-safety: thread-compatible. Ownership: borrows the stream.
class Progress {
 public:
  struct Options {
    std::ostream* stream = nullptr;
    bool terminal = false;
    std::string unit;   // "events"
    int64_t total = 0;  // Of `done` in Update; 0: not known.
    std::function<absl::Time()> now;
  };
  explicit Progress(Options options);

  // Takes the bar away, should Finish not have been called.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of `total`, and `count` units so far. Prints if it is time to.
  void Update(int64_t done, int64_t count);

  // Rate and time left count from here on: what was `done`, and the `count`, were so before.
  void StartAt(int64_t done, int64_t count);

  // Takes the bar away; what follows on the stream starts on an empty line.
  void Finish();

 private:
  std::string Describe(int64_t done, int64_t count, absl::Duration elapsed) const;

  const Options options_;
  absl::Time start_;
  int64_t start_done_ = 0;
  int64_t start_count_ = 0;
  absl::Time last_;  // When something was last printed.
  bool drawn_ = false;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_PROGRESS_H_
