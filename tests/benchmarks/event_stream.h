// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_BENCHMARKS_EVENT_STREAM_H_
#define NEGATRON_TESTS_BENCHMARKS_EVENT_STREAM_H_

#include <cstdint>
#include <random>
#include <vector>

#include "absl/time/time.h"

#include "server/pool/pool_view.h"
#include "storage/model/records.h"

namespace negatron::bench {

// A shuffle of 0, 1, ..., count - 1 by multiplication, without a table. `number`
// tells shuffles apart.
class Shuffle {
 public:
  // `count` in [1, 2^31].
  Shuffle(int64_t count, uint64_t number);

  int64_t At(int64_t i) const { return (factor_ * i + offset_) % count_; }

 private:
  int64_t count_;
  int64_t factor_;  // Has no divisor in common with `count_`.
  int64_t offset_;
};

// A catalogue by the laws of GeneratedCatalogue that is made as it is written, so
// that a big one takes no memory beside the pool. Items and users are ordinals.
//
// Thread-safety: thread-compatible.
class EventStream {
 public:
  // Arguments as for GenerateCatalogue.
  EventStream(int64_t item_count, int64_t event_count, absl::Time end);

  // When an item is alive.
  Interval LifeOf(int64_t item) const;

  // Replaces `events` by the next `count` ones in order of time, or as many as there
  // are. `pool` has those before: a user chooses what the user has not chosen.
  void Next(int64_t count, const PoolView& pool, std::vector<EventRecord>* events);

  int64_t user_count() const { return user_count_; }

 private:
  Ordinal Pick(Micros time, double progress);

  const int64_t item_count_;
  const int64_t event_count_;
  const int64_t user_count_;
  const Micros begin_;
  const Shuffle order_;  // Of items by popularity.
  Shuffle users_{1, 0};  // Of the round.
  int64_t next_ = 0;     // Event.
  std::mt19937_64 random_;
};

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_EVENT_STREAM_H_
