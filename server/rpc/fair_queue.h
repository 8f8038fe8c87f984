// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_FAIR_QUEUE_H_
#define NEGATRON_SERVER_RPC_FAIR_QUEUE_H_

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace negatron {

// Where work waits: calls on one collection that do the same to it.
struct QueueLine {
  std::string collection;  // Its id; empty: of none, or not known.
  bool is_write = false;
};

// A call, or a message of a stream, that waits for a thread.
struct QueuedWork {
  absl::string_view method;  // Lives for ever.
  QueueLine line;
  absl::Time deadline = absl::InfiniteFuture();
  std::function<void()> run;
  std::function<void(const absl::Status&)> refuse;  // Instead of `run`.
  double cost = 0;  // Seconds of a thread that it is expected to take, >= 0.
};

// Shares threads between collections, and in each between reads and writes, by the time that they
// take: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) in two levels, of equal
// weights. Whoever has been charged least is next; one that had nothing to do is charged as if it
// had kept up, so that nobody saves time up. In a line the first is first.
//
// A task is charged what it is expected to cost when it leaves the queue, and the difference when
// it is done. What a share has had too much of is never remembered beyond kMaxDebt, so that a
// single very long task does not shut its collection out for as long.
//
// Cost: all methods are linear in the number of collections that have work here.
// Thread-safety: thread-compatible.
class FairQueue {
 public:
  static constexpr double kMaxDebt = 1;  // Seconds of a thread.

  void Push(QueuedWork work);

  // Takes what is next, and charges its cost; `Finish` must follow. Nothing if all is done.
  std::optional<QueuedWork> Pop();

  // A task is done that cost `excess` seconds more than expected, or less.
  void Finish(const QueueLine& line, double excess);

  // Takes the newest task of the longest line, if that is longer by two than `line`, for which
  // there would be no room. Nothing else.
  std::optional<QueuedWork> Displace(const QueueLine& line);

  // Seconds of a thread that what is here will take before a newcomer in `line` is next, if tasks
  // cost what they are expected to and no more of them come.
  double SecondsAhead(const QueueLine& line) const;

  int size() const { return size_; }

 private:
  struct Line {
    std::deque<QueuedWork> waiting;
    double seconds = 0;  // Cost of all that waits.
    double charged = 0;  // On the clock of the share.
  };
  struct Share {
    std::array<Line, 2> lines;  // Reads, writes.
    int waiting_count = 0;
    int running_count = 0;
    double now = 0;      // The share's own virtual clock.
    double charged = 0;  // On the clock of the queue.

    double seconds() const { return lines[0].seconds + lines[1].seconds; }
  };

  void ForgetIdleShares();
  static void Remove(Line* line, const QueuedWork& work);

  // By collection. Those that are idle are kept while there are few, for what they were charged.
  std::map<std::string, Share> shares_;
  double now_ = 0;  // Virtual time: what the share that was served last had been charged before.
  int size_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_FAIR_QUEUE_H_
