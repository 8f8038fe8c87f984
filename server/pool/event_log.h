// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_EVENT_LOG_H_
#define NEGATRON_SERVER_POOL_EVENT_LOG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/numeric/int128.h"

#include "server/pool/decay.h"
#include "storage/model/records.h"

namespace negatron {

// An event as the log keeps it.
struct LogEvent {
  Micros time;
  Ordinal item;
  uint64_t units;  // Decay::Units of its weight.
};

// All events of a collection in order of (time, arrival), as leaves that copies
// share, each within one segment of time, with exact prefix sums of units. An
// event in the past is merged into its leaf: there is no overlay, and what is
// drawn does not depend on how the log came to be.
//
// Cost: Before and Draw O(log n); With copies the touched leaves and one entry
//   a leaf.
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

  // A segment of time that holds events.
  struct Segment {
    int32_t number;
    int first_leaf;
    absl::uint128 units;  // Of all its events.
    double older;         // Mass of all earlier segments, in units of this one.
  };

  Cut Before(Micros time) const;

  // The item of an event of `cut`, which is not empty, drawn in proportion to
  // mass from 128 random bits.
  Ordinal Draw(const Cut& cut, absl::uint128 bits) const;

  // The log with further events, sorted by time; among equal times, in order
  // of arrival, behind those that are there.
  EventLog With(const std::vector<LogEvent>& events) const;

  const std::vector<Segment>& segments() const { return segments_; }
  int64_t size() const;
  std::optional<Micros> first_time() const;
  std::optional<Micros> last_time() const;
  int64_t bytes() const;

 private:
  struct Leaf {
    std::vector<Micros> times;
    std::vector<Ordinal> items;
    std::vector<uint64_t> sums;  // Units up to and including each event.
  };
  struct Entry {
    std::shared_ptr<const Leaf> leaf;  // Not empty.
    Micros first_time;
    int32_t segment;
    int64_t events_before;
    absl::uint128 units_before;  // Within the segment.
  };

  void AppendLeaves(const std::vector<LogEvent>& events, bool appended);
  void AppendMerged(const Leaf& leaf, const LogEvent* begin, const LogEvent* end);
  void FinishEntries();

  Decay decay_;
  std::vector<Entry> entries_;
  std::vector<Segment> segments_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_EVENT_LOG_H_
