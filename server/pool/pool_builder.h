// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_POOL_BUILDER_H_
#define NEGATRON_SERVER_POOL_POOL_BUILDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"

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
  const CategoryNames& categories() const { return view_.category_names_; }

  // Adds an item that is not there; its ordinal is the next. The intervals have no
  // problem (IntervalsProblem).
  Ordinal AddItem(const ItemRecord& item);
  // Replaces all of an item but its id and ordinal.
  void SetItem(Ordinal item, const ItemRecord& record);
  // As a record, with commit sequence 0.
  ItemRecord Item(Ordinal item) const;

  Ordinal AddUser(const ExternalId& id);
  // Drops the user's id and history; a later write of the id makes a new user. Its
  // events stay until they are removed.
  void EraseUser(Ordinal user);

  // Takes events in order of arrival, or at a start in order of time; user and
  // item exist.
  void AddEvent(const EventRecord& event);
  // Takes back an event, exactly as it was added.
  void RemoveEvent(const EventRecord& event);
  // Drops what the user's history knows of the item's later positives before the
  // watermark: if the first is removed, they do not take its place.
  void ForgetRepeats(Ordinal user, Ordinal item);
  // Entries of `mined` and `exposure` that had to make room since the last
  // call: their events count for nothing any more.
  std::vector<EventRecord> TakeEvicted();

  // Events before it have no mass. Never goes back.
  void SetWatermark(Micros watermark);

  // The next view. The builder is spent.
  std::shared_ptr<const PoolView> Build() &&;

 private:
  // Of what ExposuresBefore counts.
  struct ExposureChange {
    Ordinal item;
    Micros time;
    bool added;
  };
  using Pending = std::span<const uint32_t>;  // Indices into pending_.

  void ApplyEvents();
  void ApplyExposures();
  void ApplyMasses(const std::vector<EventRecord>& events, bool added);
  void ChangeItemEvents(Ordinal item, const std::vector<EventRecord>& all, Pending run, bool added);
  void AddHistory(Ordinal user, Pending events);
  void AddToRing(const EventRecord& event);
  void CountExposure(Ordinal item, Micros time, bool added);
  void KeepRepeats(Ordinal user, absl::FunctionRef<bool(const UserPositive&)> keep);
  void RemoveFromHistory(const EventRecord& event);
  ItemState MakeState(const ItemRecord& record);
  void ChangeAlive(Ordinal item, const ItemState& state, bool added);
  void ChangeMasses(Ordinal item, const ItemState& state, MassScope::Kind kind,
                    std::span<const WeightedTime> events, int cohort, bool added);
  void MoveMasses(Ordinal item, const ItemState& old_state, const ItemState& state);
  void MoveDead(Ordinal item, MassScope scope, const ItemState& old_state, const ItemState& state,
                std::span<const WeightedTime> events);
  MassIndexEditor& Masses(int half_life, MassScope scope);
  std::vector<WeightedTime> EventsOf(Ordinal item, MassScope scope) const;

  PoolView view_;
  CowEditor<ItemState> states_;
  CowEditor<UserHistory> histories_;
  CowEditor<UserEvents> user_events_;
  CowEditor<InstantList> item_exposures_;
  std::map<PoolView::MassKey, MassIndexEditor> masses_;  // Those that are touched.
  std::vector<EventRecord> pending_;                     // Positives, as they came.
  std::vector<EventRecord> removed_;                     // Their masses are still there.
  std::vector<ExposureChange> exposure_changes_;         // As they came.
  // By category; the last is of all items.
  std::map<CategoryNumber, std::vector<AliveIndex::Change>> alive_changes_;
  std::vector<EventRecord> evicted_;
  bool edits_ = false;  // See PoolView::edit_number.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_POOL_BUILDER_H_
