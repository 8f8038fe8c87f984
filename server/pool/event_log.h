// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_EVENT_LOG_H_
#define NEGATRON_SERVER_POOL_EVENT_LOG_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/numeric/int128.h"

#include "server/pool/decay.h"
#include "server/pool/time_guide.h"
#include "storage/model/records.h"

namespace negatron {

// An event as the log keeps it. Its order does not depend on when it came.
struct LogEvent {
  Micros time;
  Ordinal item;
  uint64_t units;  // Decay::Units of its weight.

  // NOLINTNEXTLINE(modernize-use-nullptr): version 14 takes the default for a pointer.
  friend auto operator<=>(const LogEvent&, const LogEvent&) = default;
};

// The events of one decay in order of (time, item, units), as leaves that
// copies share, each within one segment of time, with exact prefix sums of
// units. An event in the past is merged into its leaf: there is no overlay, and
// what is drawn depends on the events alone, not on how the log came to be.
//
// Cost: Before and Draw a few look-ups, through guides; With copies the touched
//   leaves and one entry a leaf.
// Thread-safety: immutable.
class EventLog {
 public:
  explicit EventLog(Decay decay) : decay_(decay) {}

  // The events strictly before an instant.
  struct Cut {
    int64_t event_count = 0;
    int leaf = -1;            // Holds the last of them; -1: there is none.
    uint32_t leaf_count = 0;  // Events of that leaf before the instant, >= 1.
    int segment_index = -1;   // Of that leaf; masses are in units of it.
    int32_t segment = 0;      // Its number.
    absl::uint128 units = 0;  // Of the events of that segment before the instant.
    double older = 0;         // Mass of all earlier segments.

    double mass() const { return static_cast<double>(units) + older; }
  };

  // The events from one instant on, strictly before another.
  struct Span {
    Cut end;
    Cut begin;        // Before the first instant; empty if there is none.
    double mass = 0;  // In units of end.segment; 0 exactly if there is no event.
    // Of end.segment, what is drawn most, if its units fit into 64 bits; else 0.
    uint64_t newest_units = 0;
  };

  // A segment of time that holds events.
  struct Segment {
    int32_t number;
    int first_leaf;
    absl::uint128 units;  // Of all its events.
    double older;         // Mass of all earlier segments, in units of this one.
    uint32_t guide;       // Where its part of the guide starts.
    uint32_t guide_size;
    double guide_scale;  // Entries of the guide a unit.
  };

  // Where a draw will find its event; between Aim and Resolve the memory can come.
  struct Spot {
    uint32_t leaf;
    uint32_t guess;   // Position in the leaf, about.
    uint64_t target;  // Units into the leaf.
  };

  // Fetches what Before(time) will read.
  void PrefetchBefore(Micros time) const;
  Cut Before(Micros time) const;
  // Time of the last event of a cut, which is not empty.
  Micros LastTime(const Cut& cut) const { return entries_[cut.leaf].times[cut.leaf_count - 1]; }
  Span Between(const Cut& begin, const Cut& end) const;
  // Units of a segment that a span covers; of begin.segment to end.segment.
  absl::uint128 UnitsOf(const Span& span, int segment_index) const;

  // An event of `span`, which is not empty, drawn in proportion to mass by inverse
  // CDF over the order of the log: `u` in [0, 1) chooses the segment, random bits
  // an event of it.
  Spot Aim(const Span& span, double u, uint64_t bits) const;
  Ordinal Resolve(const Spot& spot) const;

  // The log with further events and without others, each sorted; what is taken
  // out is there.
  EventLog With(const std::vector<LogEvent>& added, const std::vector<LogEvent>& removed) const;

  const std::vector<Segment>& segments() const { return segments_; }
  int64_t size() const;
  std::optional<Micros> first_time() const;
  std::optional<Micros> last_time() const;
  // Of the i-th event in order, below size().
  Micros TimeOf(int64_t i) const;
  int64_t bytes() const;

 private:
  // What a draw looks at: together, since it comes from far away in memory.
  struct [[gnu::packed]] Slot {
    uint64_t sum;  // Units of the leaf up to and including the event.
    Ordinal item;
  };
  struct Leaf {
    std::vector<Micros> times;
    std::vector<Slot> slots;
  };
  struct Entry {
    std::shared_ptr<const Leaf> leaf;  // Not empty.
    // What the leaf has, a look-up nearer.
    const Micros* times;
    const Slot* slots;
    uint32_t count;
    int32_t segment;
    int64_t events_before;
    uint64_t units;              // Of all its events.
    absl::uint128 units_before;  // Within the segment.

    LogEvent first() const { return {times[0], slots[0].item, slots[0].sum}; }
  };

  // What a draw needs to know of a leaf: half a cache line. Units are those of the
  // segment, of which only the lower 64 bits are here.
  struct Target {
    uint64_t begin;  // Units before the leaf.
    uint64_t end;    // And with it.
    const Slot* slots;
    float scale;  // Events a unit, about.
    uint32_t count;
  };

  void AddLeaf(std::shared_ptr<const Leaf> leaf);
  Spot SpotAt(uint32_t leaf, uint64_t units) const;
  Spot AimInSegment(const Span& span, int segment_index, uint64_t bits) const;
  Spot AimWide(int segment_index, absl::uint128 units, absl::uint128 skipped, uint64_t bits) const;
  void AppendLeaves(const std::vector<LogEvent>& events, bool appended);
  void AppendMerged(const Entry& entry, const LogEvent* begin, const LogEvent* end,
                    const LogEvent* removed_begin, const LogEvent* removed_end);
  int LeafBefore(Micros time) const;
  void Finish();
  void MakeGuides();

  Decay decay_;
  std::vector<Entry> entries_;
  std::vector<Target> targets_;  // By entry.
  std::vector<Segment> segments_;
  std::vector<Micros> first_times_;  // Of entries_.
  // By bucket of time, and by bucket of units within each segment: the leaves
  // that lie before.
  TimeBuckets buckets_;
  std::vector<uint32_t> by_time_;
  std::vector<uint32_t> by_units_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_EVENT_LOG_H_
