// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_POOL_BUILDER_H_
#define NEGATRON_SERVER_POOL_POOL_BUILDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "server/pool/pool_view.h"
#include "storage/model/records.h"

namespace negatron {

// Makes the next PoolView from one: takes changes, then publishes them at once.
//
// At most one builder per lineage of views may be in use, and views must be
// built from the newest one that was published (see GrowingArray); a builder
// that is dropped leaves the view that it started from as it was.
//
// Cost: each change O(log n) amortised, plus a page of each touched item and
//   user; Build copies one pointer a page.
// Thread-safety: confined to the thread that writes.
class PoolBuilder {
 public:
  explicit PoolBuilder(const PoolView& base);

  const IdIndex& items() const { return view_.items_; }
  const IdIndex& users() const { return view_.users_; }
  const ItemLife& life(Ordinal item) const { return lives_[item]; }

  // Adds an item that is not there. `alive` has no problem (IntervalsProblem).
  Ordinal AddItem(const ExternalId& id, const std::vector<Interval>& alive, bool implicit);
  void SetLife(Ordinal item, const std::vector<Interval>& alive, bool implicit);
  Ordinal AddUser(const ExternalId& id);

  // Takes events in order of arrival; user and item exist.
  void AddEvent(const EventRecord& event);

  // The next view. The builder is spent.
  std::shared_ptr<const PoolView> Build() &&;

 private:
  using Pending = std::span<const uint32_t>;  // Indices into pending_.

  void ApplyEvents();
  void FlushLog();
  void FlushDeadUnits();
  void AddItemEvents(Ordinal item, Pending events);
  void AddHistory(Ordinal user, Pending events);
  void AppendItemEvent(GrowingArray<ItemEvent>* events, Micros time, float weight);
  void AddDeadUnits(const std::vector<Interval>& dead, Micros time, int32_t segment, uint64_t units,
                    int sign);
  void AddLiving(const std::vector<Interval>& alive, int sign);
  static ItemLife MakeLife(const std::vector<Interval>& alive, bool implicit);

  PoolView view_;
  CowEditor<ItemLife> lives_;
  CowEditor<GrowingArray<ItemEvent>> item_events_;
  CowEditor<GrowingArray<UserPositive>> histories_;
  std::vector<EventRecord> pending_;  // In order of arrival.
  std::vector<LogEvent> log_events_;  // Applied to items, not yet to the log.
  std::vector<StepFunction::Delta> living_deltas_;
  std::map<int32_t, std::vector<StepFunction::Delta>> dead_deltas_;  // By segment.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_POOL_BUILDER_H_
