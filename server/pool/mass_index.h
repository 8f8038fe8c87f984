// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_MASS_INDEX_H_
#define NEGATRON_SERVER_POOL_MASS_INDEX_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "server/pool/decay.h"
#include "server/pool/event_log.h"
#include "server/pool/mass_base.h"
#include "server/pool/mass_column.h"
#include "server/pool/step_function.h"
#include "storage/base/cow_array.h"
#include "storage/model/records.h"

namespace negatron {

// Masses under one decay, of all positive events or of those of one cohort or
// category, to be asked as of any time.
//
// Thread-safety: immutable.
class MassIndex {
 public:
  // `windows`: for which the mass of dead items is kept, in microseconds.
  // `with_columns`: an index of a category has none; its items' masses are
  // those of the index of all events.
  MassIndex(Decay decay, const std::vector<int64_t>& windows, bool with_columns);

  // What counts as of one time: events from time - window on, strictly before
  // time. Masses are in units of `span.end.segment`.
  struct AsOf {
    Micros time = 0;
    Micros begin_time = kAlways;  // kAlways: no window.
    EventLog::Span span;
    double living = 0;  // Of span.mass, what belongs to living items; 0 exactly if nothing does.
  };

  // A way to draw as of a time after all events: an item by `table`, or with the
  // probability newer_share an event of `newer`.
  struct Parts {
    const AliasTable* table = nullptr;
    EventLog::Span newer;
    double newer_share = 0;  // In [0, 1).
  };

  const Decay& decay() const { return decay_; }
  const EventLog& log() const { return log_; }
  bool ListsWindow(int64_t window) const;
  // Whether every event is strictly before `time`.
  bool IsAfterAll(Micros time) const {
    const std::optional<Micros> last = log_.last_time();
    return !last.has_value() || *last < time;
  }
  // Null if there is no event or the index has no columns.
  const MassBase* base() const { return base_.get(); }

  // `window` is 0 (none) or listed.
  AsOf At(Micros time, int64_t window) const;
  // Fetches what At(time, window) will read.
  void PrefetchAt(Micros time, int64_t window) const;
  // `as_of` is At a time after all events, of which there are some, without a window.
  // Depends on the events alone. Errors: CANCELLED, DEADLINE_EXCEEDED.
  absl::StatusOr<Parts> PartsAt(const AsOf& as_of, const Cancellation& cancellation) const;
  // Without `living`, for any window.
  AsOf SpanAt(Micros time, int64_t window) const;

  // Mass of an item's events. `columns`: of the index itself or of all events.
  double ItemMass(const MassColumn& column, const AsOf& as_of) const {
    const int32_t to = as_of.span.end.segment;
    if (as_of.begin_time == kAlways) return column.MassBefore(as_of.time, decay_, to);
    return WindowMass(column, as_of);
  }

  const MassColumn& column(Ordinal item) const {
    static const MassColumn kNone;
    return item < columns_.size() ? columns_[item] : kNone;
  }

  void PrefetchColumn(Ordinal item) const {
    if (item < columns_.size()) __builtin_prefetch(&columns_[item]);
  }

  int64_t log_bytes() const { return log_.bytes(); }
  int64_t column_bytes() const { return columns_.bytes() + column_bytes_; }
  int64_t dead_bytes() const;
  int64_t table_bytes() const { return base_ == nullptr ? 0 : base_->bytes(); }

 private:
  friend class MassIndexEditor;
  friend class MassBase;

  // Units of one segment's events that belong to dead items, over time.
  struct DeadUnits {
    int32_t segment;
    StepFunction units;
  };
  struct WindowDead {
    int64_t window;               // 0: none.
    std::vector<DeadUnits> dead;  // By segment; only those that have any.
  };

  Micros BaseBoundary() const;
  double LivingMass(const AsOf& as_of, const std::vector<DeadUnits>& dead) const;
  double WindowMass(const MassColumn& column, const AsOf& as_of) const;

  Decay decay_;
  bool with_columns_;
  EventLog log_;
  CowArray<MassColumn> columns_;
  int64_t column_bytes_ = 0;
  std::vector<WindowDead> windows_;  // The first has no window.
  std::shared_ptr<const MassBase> base_;
};

// Changes a copy of a MassIndex.
//
// Thread-safety: thread-compatible.
class MassIndexEditor {
 public:
  explicit MassIndexEditor(const MassIndex& base);

  // Adds (or takes out) events of an item, sorted; `dead` are the gaps of its
  // life.
  void Change(Ordinal item, double base_weight, const std::vector<Interval>& dead,
              std::span<const WeightedTime> events, bool added);
  // The same for what the log and the living masses know; the column stays.
  void ChangeLog(Ordinal item, double base_weight, const std::vector<Interval>& dead,
                 std::span<const WeightedTime> events, bool added);
  void ChangeColumn(Ordinal item, double base_weight, std::span<const WeightedTime> events,
                    bool added);
  // An item's life changed: its events count as dead elsewhere.
  void ChangeDead(double base_weight, const std::vector<Interval>& dead,
                  std::span<const WeightedTime> events, int sign);

  // Tells the item's column, if it has one, about its life.
  void SetLife(Ordinal item, const Interval& first, bool only);

  const MassColumn& column(Ordinal item) const;
  std::shared_ptr<const MassIndex> Finish() &&;

 private:
  void FlushLog();

  MassIndex index_;
  CowEditor<MassColumn> columns_;
  std::vector<LogEvent> added_;
  std::vector<LogEvent> removed_;
  Micros first_changed_ = kNever;  // Time of the earliest event that came or went.
  // By window and segment.
  std::vector<std::map<int32_t, std::vector<StepFunction::Delta>>> deltas_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_MASS_INDEX_H_
