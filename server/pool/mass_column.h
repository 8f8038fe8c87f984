// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_MASS_COLUMN_H_
#define NEGATRON_SERVER_POOL_MASS_COLUMN_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "server/pool/byte_block.h"
#include "server/pool/decay.h"
#include "server/pool/time_guide.h"
#include "storage/model/records.h"

namespace negatron {

// An event of one item: what its mass is made of.
struct WeightedTime {
  Micros time;
  float weight;  // Without the item's base weight.

  // NOLINTNEXTLINE(modernize-use-nullptr): version 14 takes the default for a pointer.
  friend auto operator<=>(const WeightedTime&, const WeightedTime&) = default;
};

// The events of one item in order of (time, weight), with the mass of the item
// up to each of them. Copies share storage: a copy is a snapshot, as for
// GrowingArray, and the newest may be appended to by one thread.
//
// One block of memory holds a guide by time, times with masses, and weights, if any
// is not 1; the guide covers what was there when the block was made, at least eight ninths of
// the events.
//
// A cache line that also tells the common item's life, since draws look into
// columns at random.
//
// Thread-safety: thread-compatible; snapshots are immutable.
class alignas(64) MassColumn {
 public:
  uint32_t size() const { return size_; }
  WeightedTime at(uint32_t i) const {
    return {points()[i].time, has_weights() ? weights()[i] : 1.0f};
  }

  // When the item is alive, as far as the line can say: `first` if that is all, or
  // look_further() if it has more lives.
  void SetLife(const Interval& first, bool only) { life_ = only ? first : kFurther; }
  bool look_further() const { return life_.until < life_.from; }
  // Whether the item is alive, unless look_further().
  bool LivesAt(Micros time) const { return life_.Contains(time); }

  // Mass of the events strictly before `time`, in units of segment `to`, which
  // is not before any of theirs.
  double MassBefore(Micros time, const Decay& decay, int32_t to) const {
    if (size_ == 0) return 0;
    if (last_.time < time) return Decay::Carry(last_.mass, decay.Segment(last_.time, to), to);
    return MassOfFirst(CountBefore(time), decay, to);
  }
  // Events strictly before `time`.
  uint32_t CountBefore(Micros time) const;
  double MassOfFirst(uint32_t count, const Decay& decay, int32_t to) const;

  // Fetch, one after the other, what MassBefore(time) will read.
  void PrefetchGuide(Micros time) const;
  void PrefetchPoint(Micros time) const;

  // Whether appending `event` keeps the order.
  bool Follows(const WeightedTime& event) const {
    return size_ == 0 || last_.time < event.time ||
           (last_.time == event.time && at(size_ - 1) <= event);
  }
  void Append(const WeightedTime& event, double base_weight, const Decay& decay);

  // The column of other events, sorted.
  static MassColumn Of(std::span<const WeightedTime> events, double base_weight,
                       const Decay& decay);

  int64_t bytes() const;

 private:
  struct Point {
    Micros time;
    double mass;  // Up to this event, in units of the segment of `time`.
  };

  // Below this, a search is as fast without a guide.
  static constexpr uint32_t kGuidedSize = 24;
  static constexpr uint32_t kEventsPerBucket = 4;

  static constexpr Interval kFurther{1, 0};

  static constexpr uint32_t kWeightsBit = uint32_t{1} << 31;

  uint32_t capacity() const { return block_.number() & ~kWeightsBit; }
  bool has_weights() const { return (block_.number() & kWeightsBit) != 0; }
  uint32_t guide_size() const { return covered_ < kGuidedSize ? 0 : covered_ / kEventsPerBucket; }
  // Of the guide, which ends at the alignment of points.
  size_t guide_bytes() const {
    const size_t entries = guide_size() == 0 ? 0 : (guide_size() + 2) / 2 * 2;
    return entries * sizeof(uint32_t);
  }
  const uint32_t* guide() const { return reinterpret_cast<const uint32_t*>(block_.data()); }
  const Point* points() const {
    return reinterpret_cast<const Point*>(block_.data() + guide_bytes());
  }
  const float* weights() const { return reinterpret_cast<const float*>(points() + capacity()); }
  uint32_t BucketOf(Micros time) const { return scale_.Bucket(time, guide_size()); }
  void Grow(uint32_t capacity, bool with_weights);

  ByteBlock block_;  // Knows its capacity, in events, and whether it has weights.
  uint32_t size_ = 0;
  uint32_t covered_ = 0;    // Events that the guide knows.
  Point last_{kAlways, 0};  // A copy: spares a look into the block.
  TimeScale scale_;         // Of the guide.
  Interval life_{0, 0};
};
static_assert(sizeof(MassColumn) == 64);

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_MASS_COLUMN_H_
