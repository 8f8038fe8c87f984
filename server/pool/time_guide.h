// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_TIME_GUIDE_H_
#define NEGATRON_SERVER_POOL_TIME_GUIDE_H_

#include <algorithm>
#include <cstdint>

#include "storage/model/time.h"

namespace negatron {

// Cuts the time between two instants into `count` buckets of equal width. Never
// falls as time rises, whatever rounding does, so that counting sorted times by
// bucket narrows a search: what lies before t has a bucket at or before t's.
//
// Thread-safety: immutable.
class TimeScale {
 public:
  TimeScale() = default;
  TimeScale(Micros first, Micros last, uint32_t count)
      : origin_(static_cast<double>(first)),
        scale_(static_cast<double>(count) /
               (static_cast<double>(last) - static_cast<double>(first) + 1.0)) {}

  // Below `count`, the one of the constructor.
  uint32_t Bucket(Micros time, uint32_t count) const {
    const double position = (static_cast<double>(time) - origin_) * scale_;
    return position <= 0 ? 0 : position >= count - 1 ? count - 1 : static_cast<uint32_t>(position);
  }

 private:
  double origin_ = 0;
  double scale_ = 0;
};

// A scale with its number of buckets.
//
// Thread-safety: immutable.
class TimeBuckets {
 public:
  TimeBuckets() = default;
  TimeBuckets(const TimeScale& scale, uint32_t count) : scale_(scale), count_(count) {}
  TimeBuckets(Micros first, Micros last, uint32_t count)
      : TimeBuckets(TimeScale(first, last, count), count) {}

  uint32_t Bucket(Micros time) const { return scale_.Bucket(time, count_); }
  uint32_t count() const { return count_; }

  // Fills firsts[b], for b in [0, count()], with the number of the sorted times
  // that are in buckets before b; time_of(i) is the i-th of n.
  template <typename TimeOf>
  void CountBefore(uint32_t n, TimeOf time_of, uint32_t* firsts) const {
    uint32_t bucket = 0;
    for (uint32_t i = 0; i < n; ++i) {
      for (const uint32_t end = Bucket(time_of(i)); bucket <= end; ++bucket) firsts[bucket] = i;
    }
    for (; bucket <= count(); ++bucket) firsts[bucket] = n;
  }

 private:
  TimeScale scale_;
  uint32_t count_ = 1;
};

// How many of n sorted values come before: `before` holds for a prefix. Without
// branches on what is compared, which can not be foreseen.
template <typename T, typename Before>
uint32_t CountPrefix(const T* values, uint32_t n, Before before) {
  if (n == 0) return 0;
  const T* first = values;
  while (n > 1) {
    const uint32_t half = n / 2;
    first += half & -static_cast<uint32_t>(before(first[half - 1]));
    n -= half;
  }
  return static_cast<uint32_t>(first - values) + static_cast<uint32_t>(before(*first));
}

// First position in [begin, end) that `before` does not hold for; it holds for
// a prefix. Starts at `guess`, so that a good guess costs a look or two.
template <typename Before>
uint32_t SearchFrom(uint32_t guess, uint32_t begin, uint32_t end, Before before) {
  if (begin == end) return begin;
  guess = std::clamp(guess, begin, end - 1);
  uint32_t step = 1;
  if (before(guess)) {
    begin = guess + 1;
    while (begin < end && step < end - begin && before(begin + step - 1)) {
      begin += step;
      step *= 2;
    }
    end = std::min(end, begin + step);
  } else {
    end = guess;
    while (end > begin && step < end - begin && !before(end - step)) {
      end -= step;
      step *= 2;
    }
    begin = end - begin > step ? end - step : begin;
  }
  while (begin < end) {
    const uint32_t middle = begin + (end - begin) / 2;
    if (before(middle)) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_TIME_GUIDE_H_
