// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_POOL_VIEW_H_
#define NEGATRON_SERVER_POOL_POOL_VIEW_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/pool/decay.h"
#include "server/pool/event_log.h"
#include "server/pool/growing_array.h"
#include "server/pool/id_index.h"
#include "server/pool/step_function.h"
#include "storage/base/cow_array.h"
#include "storage/model/records.h"

namespace negatron {

// When an item is alive. The common case, one interval, is inline.
struct ItemLife {
  Interval first{0, 0};                               // Empty: never alive.
  std::shared_ptr<const std::vector<Interval>> more;  // Further ones; null: none.
  bool implicit = false;                              // See ItemRecord.

  bool Contains(Micros time) const {
    if (first.Contains(time)) return true;
    if (more == nullptr) return false;
    for (const Interval& interval : *more) {
      if (interval.Contains(time)) return true;
    }
    return false;
  }
  std::vector<Interval> Intervals() const;
};

// An event as its item keeps it, in order of (time, arrival).
struct ItemEvent {
  Micros time;
  double mass;  // Of the item's events up to this one, in units of `segment`.
  float weight;
  int32_t segment;  // Of `time`.
};

// A user's first positive of an item, in order of (time, arrival).
struct UserPositive {
  Micros time;
  Ordinal item;
};

// The pool of a collection at one commit, to be asked as of any time: who is
// alive, who was chosen, and how popular. Design: server/DESIGN.md, "The pool".
//
// Masses are in units of the segment of the cut that they were asked with.
//
// Thread-safety: immutable.
class PoolView {
 public:
  // An empty pool.
  PoolView(Decay decay, IdType item_id_type, IdType user_id_type)
      : decay_(decay), items_(item_id_type), users_(user_id_type), log_(decay) {}

  const IdIndex& items() const { return items_; }
  const IdIndex& users() const { return users_; }
  const EventLog& log() const { return log_; }
  const Decay& decay() const { return decay_; }

  uint32_t item_count() const { return items_.size(); }
  const ItemLife& life(Ordinal item) const { return lives_[item]; }
  bool IsAlive(Ordinal item, Micros time) const { return lives_[item].Contains(time); }
  int64_t LivingCount(Micros time) const {
    return static_cast<int64_t>(absl::int128(living_.Value(time)));
  }

  // Mass at `time` of the events of `cut`, which is Before(time), that belong
  // to living items. 0 exactly if there are none.
  double LivingMass(const EventLog::Cut& cut, Micros time) const;

  // Mass of an item's events before `time`; `cut` is Before(time), not empty.
  double ItemMass(Ordinal item, const EventLog::Cut& cut, Micros time) const;

  // The user's positives strictly before `time`.
  std::span<const UserPositive> HistoryBefore(Ordinal user, Micros time) const;

  // Bytes by structure.
  std::vector<std::pair<std::string, int64_t>> MemoryBytes() const;

 private:
  friend class PoolBuilder;

  // Units of one segment's events that belong to dead items, over time.
  struct DeadUnits {
    int32_t segment;
    StepFunction units;
  };

  Decay decay_;
  IdIndex items_;
  IdIndex users_;
  EventLog log_;
  CowArray<ItemLife> lives_;
  CowArray<GrowingArray<ItemEvent>> item_events_;
  CowArray<GrowingArray<UserPositive>> histories_;
  StepFunction living_;          // Number of living items.
  std::vector<DeadUnits> dead_;  // By segment; only those that have any.
  int64_t item_event_bytes_ = 0;
  int64_t history_bytes_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_POOL_VIEW_H_
