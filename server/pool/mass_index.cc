// SPDX-License-Identifier: Apache-2.0
#include "server/pool/mass_index.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "storage/base/status.h"

namespace negatron {
namespace {

// Bounds the memory that waits while a start reads events.
constexpr size_t kMaxWaitingEvents = 1 << 20;

std::vector<WeightedTime> EventsOf(const MassColumn& column) {
  std::vector<WeightedTime> events(column.size());
  for (uint32_t i = 0; i < column.size(); ++i) events[i] = column.at(i);
  return events;
}

}  // namespace

MassIndex::MassIndex(Decay decay, const std::vector<int64_t>& windows, bool with_columns)
    : decay_(decay), with_columns_(with_columns), log_(decay), windows_(1) {
  for (const int64_t window : windows) windows_.push_back({window, {}});
}

bool MassIndex::ListsWindow(int64_t window) const {
  return std::any_of(windows_.begin(), windows_.end(),
                     [window](const WindowDead& listed) { return listed.window == window; });
}

MassIndex::AsOf MassIndex::SpanAt(Micros time, int64_t window) const {
  AsOf as_of;
  as_of.time = time;
  EventLog::Cut begin;
  if (window != 0) {
    as_of.begin_time = time - window;
    begin = log_.Before(as_of.begin_time);
  }
  as_of.span = log_.Between(begin, log_.Before(time));
  return as_of;
}

MassIndex::AsOf MassIndex::At(Micros time, int64_t window) const {
  AsOf as_of = SpanAt(time, window);
  for (const WindowDead& listed : windows_) {
    if (listed.window == window) as_of.living = LivingMass(as_of, listed.dead);
  }
  return as_of;
}

void MassIndex::PrefetchAt(Micros time, int64_t window) const {
  log_.PrefetchBefore(time);
  if (window != 0) log_.PrefetchBefore(time - window);
  for (const WindowDead& listed : windows_) {
    if (listed.window != window) continue;
    // The newest segments are most of the mass.
    const auto end = std::upper_bound(listed.dead.begin(), listed.dead.end(), decay_.Segment(time),
                                      [](int32_t s, const DeadUnits& d) { return s < d.segment; });
    for (auto dead = end; dead != listed.dead.begin() && end - dead < 2;) {
      (--dead)->units.Prefetch(time);
    }
  }
}

double MassIndex::LivingMass(const AsOf& as_of, const std::vector<DeadUnits>& all) const {
  const EventLog::Cut& end = as_of.span.end;
  if (end.leaf < 0) return 0;
  if (all.empty()) return as_of.span.mass;
  double mass = 0;
  auto dead = std::upper_bound(all.begin(), all.end(), end.segment,
                               [](int32_t s, const DeadUnits& d) { return s < d.segment; });
  for (int i = end.segment_index; i >= std::max(as_of.span.begin.segment_index, 0); --i) {
    const EventLog::Segment& segment = log_.segments()[i];
    absl::int128 units(log_.UnitsOf(as_of.span, i));
    while (dead != all.begin() && (dead - 1)->segment > segment.number) --dead;
    if (dead != all.begin() && (dead - 1)->segment == segment.number) {
      units -= (dead - 1)->units.Value(as_of.time);
    }
    mass += Decay::Carry(static_cast<double>(units), segment.number, end.segment);
    // Older segments cannot add to the sum any more.
    if (Decay::Carry(segment.older, segment.number, end.segment) < mass * 0x1p-60) break;
  }
  return mass;
}

absl::StatusOr<MassIndex::Parts> MassIndex::PartsAt(const AsOf& as_of,
                                                    const Cancellation& cancellation) const {
  Parts parts;
  NEGATRON_ASSIGN_OR_RETURN(parts.table, base_->Table(*this, cancellation));
  parts.newer = log_.Between(log_.Before(base_->boundary()), as_of.span.end);
  parts.newer_share = parts.newer.mass / as_of.span.mass;
  return parts;
}

// Far enough back that an event which comes a little late does not end the base, so
// near that few draws miss it: the last but one boundary of a grid of a sixteenth of
// the half-life. Without decay, of a grid of events.
Micros MassIndex::BaseBoundary() const {
  constexpr int64_t kCellsPerHalfLife = 16;
  constexpr int64_t kCellsOfEvents = 16;
  if (decay_.half_life_micros() > 0) {
    const int64_t cell = decay_.half_life_micros() / kCellsPerHalfLife;
    const Micros last = *log_.last_time();
    const int64_t number = last / cell - (last % cell < 0 ? 1 : 0);
    return (number - 1) * cell;
  }
  const int64_t count = log_.size();
  const int64_t cell = std::max<int64_t>(
      static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(count))) / kCellsOfEvents, 1);
  return log_.TimeOf(std::max<int64_t>((count - 1) / cell - 1, 0) * cell);
}

// A difference of running sums: its rounding shows only where a window holds less
// than 1e-10 of what the item had before it.
double MassIndex::WindowMass(const MassColumn& column, const AsOf& as_of) const {
  const int32_t to = as_of.span.end.segment;
  const uint32_t end = column.CountBefore(as_of.time);
  const uint32_t begin = column.CountBefore(as_of.begin_time);
  if (end == begin) return 0;
  return column.MassOfFirst(end, decay_, to) - column.MassOfFirst(begin, decay_, to);
}

int64_t MassIndex::dead_bytes() const {
  int64_t bytes = 0;
  for (const WindowDead& window : windows_) {
    bytes += static_cast<int64_t>(window.dead.capacity() * sizeof(DeadUnits));
    for (const DeadUnits& segment : window.dead) bytes += segment.units.bytes();
  }
  return bytes;
}

MassIndexEditor::MassIndexEditor(const MassIndex& base)
    : index_(base), columns_(base.columns_), deltas_(base.windows_.size()) {}

const MassColumn& MassIndexEditor::column(Ordinal item) const {
  static const MassColumn kNone;
  return item < columns_.size() ? columns_[item] : kNone;
}

void MassIndexEditor::Change(Ordinal item, double base_weight, const std::vector<Interval>& dead,
                             std::span<const WeightedTime> events, bool added) {
  ChangeLog(item, base_weight, dead, events, added);
  ChangeColumn(item, base_weight, events, added);
}

void MassIndexEditor::ChangeLog(Ordinal item, double base_weight, const std::vector<Interval>& dead,
                                std::span<const WeightedTime> events, bool added) {
  for (const WeightedTime& event : events) {
    first_changed_ = std::min(first_changed_, event.time);
    (added ? added_ : removed_)
        .push_back({event.time, item, index_.decay_.Units(base_weight * event.weight, event.time)});
  }
  ChangeDead(base_weight, dead, events, added ? 1 : -1);
  if (added_.size() + removed_.size() >= kMaxWaitingEvents) FlushLog();
}

void MassIndexEditor::ChangeColumn(Ordinal item, double base_weight,
                                   std::span<const WeightedTime> events, bool added) {
  columns_.Grow(item + 1);
  MassColumn& column = columns_.Mutable(item);
  index_.column_bytes_ -= column.bytes();
  if (added && column.Follows(events.front())) {
    for (const WeightedTime& event : events) {
      column.Append(event, base_weight, index_.decay_);
    }
  } else {
    const std::vector<WeightedTime> old = EventsOf(column);
    std::vector<WeightedTime> merged;
    if (added) {
      std::merge(old.begin(), old.end(), events.begin(), events.end(), std::back_inserter(merged));
    } else {
      std::set_difference(old.begin(), old.end(), events.begin(), events.end(),
                          std::back_inserter(merged));
    }
    column = MassColumn::Of(merged, base_weight, index_.decay_);
  }
  index_.column_bytes_ += column.bytes();
}

void MassIndexEditor::SetLife(Ordinal item, const Interval& first, bool only) {
  if (item < columns_.size() && columns_[item].size() > 0) {
    columns_.Mutable(item).SetLife(first, only);
  }
}

// An event at e that belongs to an item dead in [d, r) is missing from the
// living mass as of t for max(d, e + 1) <= t < r: it counts from e + 1 on. With
// a window W it counts until e + W.
void MassIndexEditor::ChangeDead(double base_weight, const std::vector<Interval>& dead,
                                 std::span<const WeightedTime> events, int sign) {
  if (dead.empty()) return;
  for (const WeightedTime& event : events) {
    const int32_t segment = index_.decay_.Segment(event.time);
    const absl::int128 change =
        absl::int128(index_.decay_.Units(base_weight * event.weight, event.time)) * sign;
    for (size_t w = 0; w < deltas_.size(); ++w) {
      const int64_t window = index_.windows_[w].window;
      const Micros last = window == 0 ? kNever : event.time + window + 1;
      for (const Interval& gap : dead) {
        const Micros from = std::max(gap.from, event.time + 1);
        const Micros until = std::min(gap.until, last);
        if (from >= until) continue;
        std::vector<StepFunction::Delta>& deltas = deltas_[w][segment];
        deltas.push_back({from, change});
        if (until != kNever) deltas.push_back({until, -change});
      }
    }
  }
}

void MassIndexEditor::FlushLog() {
  if (added_.empty() && removed_.empty()) return;
  std::sort(added_.begin(), added_.end());
  std::sort(removed_.begin(), removed_.end());
  // What came and went leaves no trace.
  std::vector<LogEvent> added;
  std::vector<LogEvent> removed;
  std::set_difference(added_.begin(), added_.end(), removed_.begin(), removed_.end(),
                      std::back_inserter(added));
  std::set_difference(removed_.begin(), removed_.end(), added_.begin(), added_.end(),
                      std::back_inserter(removed));
  index_.log_ = index_.log_.With(added, removed);
  added_.clear();
  removed_.clear();
}

std::shared_ptr<const MassIndex> MassIndexEditor::Finish() && {
  FlushLog();
  for (size_t w = 0; w < deltas_.size(); ++w) {
    std::vector<MassIndex::DeadUnits>& all = index_.windows_[w].dead;
    for (auto& [segment, deltas] : deltas_[w]) {
      auto position =
          std::lower_bound(all.begin(), all.end(), segment,
                           [](const MassIndex::DeadUnits& d, int32_t s) { return d.segment < s; });
      if (position == all.end() || position->segment != segment) {
        position = all.insert(position, {segment, {}});
      }
      position->units = position->units.With(std::move(deltas));
      if (position->units.empty()) all.erase(position);
    }
  }
  index_.columns_ = std::move(columns_).Finish();
  if (!index_.with_columns_ || index_.log_.size() == 0) {
    index_.base_ = nullptr;
  } else {
    const Micros boundary = index_.BaseBoundary();
    const bool lasts = index_.base_ != nullptr && index_.base_->boundary() == boundary &&
                       first_changed_ >= boundary;
    if (!lasts) index_.base_ = std::make_shared<const MassBase>(boundary);
  }
  return std::make_shared<const MassIndex>(std::move(index_));
}

}  // namespace negatron
