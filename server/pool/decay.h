// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_DECAY_H_
#define NEGATRON_SERVER_POOL_DECAY_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "storage/model/time.h"

namespace negatron {

// Forward decay in whole numbers (after Cormode, Shkapenyuk, Srivastava and Xu,
// "Forward decay: a practical time decay model for streaming systems", ICDE
// 2009).
//
// Time is cut into segments of eight half-lives. An event of weight w at time e
// in the segment that starts at r has
//
//   round(w * 2^((e - r) / half_life) * 2^28)
//
// units of that segment. Its mass at t >= e is units * 2^-28 *
// 2^(-(t - r) / half_life), so that the relative mass of two past events never
// changes. A unit of a segment is 2^-8 units of the segment before.
//
// Whole numbers make every sum of units exact: the sums of one log are the same
// whatever order or layout they were built in, before and after a restart, and
// a difference of sums cancels without error. The rounding is below 2^-18 of a
// weight and belongs to the law: events are drawn by their units.
//
// Thread-safety: immutable.
class Decay {
 public:
  static constexpr int kUnitBits = 28;
  static constexpr int kSegmentHalfLives = 8;

  // 0: no decay; there is one segment, number 0.
  explicit Decay(int64_t half_life_micros)
      : half_life_(half_life_micros), segment_micros_(half_life_micros * kSegmentHalfLives) {}

  int64_t half_life_micros() const { return half_life_; }

  // Number of the segment that holds `time`. Fits since half-lives have a
  // minimum (kMinHalfLifeMicros).
  int32_t Segment(Micros time) const {
    if (half_life_ == 0) return 0;
    const int64_t quotient = time / segment_micros_;
    return static_cast<int32_t>(time % segment_micros_ < 0 ? quotient - 1 : quotient);
  }

  // The same, cheaper where `near` is it.
  int32_t Segment(Micros time, int32_t near) const {
    const int64_t offset = time - near * segment_micros_;
    return half_life_ == 0 || (offset >= 0 && offset < segment_micros_) ? near : Segment(time);
  }

  // Units, in its own segment, of an event at `time` of a weight (times base
  // weight) in [kMinWeight * kMinBaseWeight, kMaxWeight * kMaxBaseWeight]: in
  // [2^18, 2^52]. The same on every machine.
  uint64_t Units(double weight, Micros time) const;

  // Turns units of segment `from` into units of the later or same segment `to`.
  static double Carry(double units, int32_t from, int32_t to) {
    // Nothing is left long before the number of halvings no longer fits.
    const int halvings = kSegmentHalfLives * std::min(to - from, 1000);
    if (halvings == 0) return units;
    if (halvings > 1000) return std::ldexp(units, -halvings);
    return units * std::bit_cast<double>(static_cast<uint64_t>(1023 - halvings) << 52);
  }

  // Mass at `time` of one unit of `segment`, in events of weight 1.
  double UnitMass(int32_t segment, Micros time) const;

 private:
  int64_t half_life_;
  int64_t segment_micros_;
};

// 2^(-age / half-life), of lengths in microseconds; 1 without decay (half-life 0).
inline double DecayOver(double age, int64_t half_life) {
  return half_life == 0 ? 1 : std::exp2(-age / static_cast<double>(half_life));
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_DECAY_H_
