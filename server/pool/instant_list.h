// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_INSTANT_LIST_H_
#define NEGATRON_SERVER_POOL_INSTANT_LIST_H_

#include <cstdint>
#include <span>

#include "server/pool/growing_array.h"
#include "server/pool/time_guide.h"
#include "storage/model/time.h"

namespace negatron {

// When something happened to one item, in order of time; an instant comes as often as it
// happened. Copies share storage: a copy is a snapshot, as for GrowingArray, and the newest may
// be changed by one thread.
//
// Cost: CountBefore O(log n), or one look at the end. Change O(m) for m instants that follow
//   all that are there, else O(n + m).
// Thread-safety: thread-compatible; snapshots are immutable.
class InstantList {
 public:
  uint32_t size() const { return times_.size(); }

  // Instants strictly before `time`.
  uint32_t CountBefore(Micros time) const {
    if (times_.empty() || times_.back() < time) return times_.size();
    return CountPrefix(times_.data(), times_.size(), [time](Micros each) { return each < time; });
  }

  // Adds instants and takes out others; both are sorted, and each of the latter is in the list
  // or among the former.
  void Change(std::span<const Micros> added, std::span<const Micros> removed);

  int64_t bytes() const { return times_.capacity_bytes(); }

 private:
  GrowingArray<Micros> times_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_INSTANT_LIST_H_
