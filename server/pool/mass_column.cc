// SPDX-License-Identifier: Apache-2.0
#include "server/pool/mass_column.h"

#include <algorithm>
#include <utility>

namespace negatron {
namespace {

// Events that a block has room for. Most items have few events, so little to spare.
uint32_t RoomFor(uint32_t count) { return count + count / 8 + 2; }

}  // namespace

uint32_t MassColumn::CountBefore(Micros time) const {
  if (size_ == 0 || last_.time < time) return size_;
  const Point* const all = points();
  uint32_t begin = 0;
  uint32_t end = size_;
  if (guide_size() > 0) {
    // What came after the guide was made lies in the last bucket or behind it.
    const uint32_t bucket = BucketOf(time);
    begin = guide()[bucket];
    if (bucket + 1 < guide_size()) end = guide()[bucket + 1];
  }
  return begin + CountPrefix(all + begin, end - begin,
                             [time](const Point& point) { return point.time < time; });
}

double MassColumn::MassOfFirst(uint32_t count, const Decay& decay, int32_t to) const {
  if (count == 0) return 0;
  const Point& point = count == size_ ? last_ : points()[count - 1];
  return Decay::Carry(point.mass, decay.Segment(point.time, to), to);
}

void MassColumn::PrefetchGuide(Micros time) const {
  if (size_ == 0 || last_.time < time) return;
  if (guide_size() > 0) {
    __builtin_prefetch(guide() + BucketOf(time));
  } else {
    __builtin_prefetch(points() + size_ / 2);
  }
}

void MassColumn::PrefetchPoint(Micros time) const {
  if (size_ == 0 || last_.time < time || guide_size() == 0) return;
  const uint32_t bucket = BucketOf(time);
  const Point* const first = points() + guide()[bucket];
  __builtin_prefetch(first);
  __builtin_prefetch(first + kEventsPerBucket - 1);
}

void MassColumn::Grow(uint32_t capacity, bool with_weights) {
  MassColumn grown = *this;
  grown.covered_ = size_;
  const size_t event_bytes = sizeof(Point) + (with_weights ? sizeof(float) : 0);
  grown.block_ = ByteBlock(grown.guide_bytes() + capacity * event_bytes,
                           capacity | (with_weights ? kWeightsBit : 0));
  if (size_ > 0) {
    std::copy_n(points(), size_, const_cast<Point*>(grown.points()));
    for (uint32_t i = 0; with_weights && i < size_; ++i) {
      const_cast<float*>(grown.weights())[i] = at(i).weight;
    }
  }
  if (const uint32_t buckets = grown.guide_size(); buckets > 0) {
    grown.scale_ = TimeScale(points()[0].time, last_.time, buckets);
    TimeBuckets(grown.scale_, buckets)
        .CountBefore(
            size_, [this](uint32_t i) { return points()[i].time; },
            const_cast<uint32_t*>(grown.guide()));
  }
  *this = std::move(grown);
}

void MassColumn::Append(const WeightedTime& event, double base_weight, const Decay& decay) {
  const bool with_weights = has_weights() || event.weight != 1;
  if (size_ == capacity()) {
    Grow(RoomFor(size_), with_weights);
  } else if (with_weights != has_weights()) {
    Grow(capacity(), true);
  }
  const int32_t segment = decay.Segment(event.time);
  const double carried =
      size_ == 0 ? 0 : Decay::Carry(last_.mass, decay.Segment(last_.time, segment), segment);
  last_ = {event.time,
           carried + static_cast<double>(decay.Units(base_weight * event.weight, event.time))};
  const_cast<Point*>(points())[size_] = last_;
  if (with_weights) const_cast<float*>(weights())[size_] = event.weight;
  ++size_;
}

MassColumn MassColumn::Of(std::span<const WeightedTime> events, double base_weight,
                          const Decay& decay) {
  MassColumn column;
  const auto size = static_cast<uint32_t>(events.size());
  if (size == 0) return column;
  const bool with_weights = std::any_of(events.begin(), events.end(),
                                        [](const WeightedTime& e) { return e.weight != 1; });
  column.Grow(RoomFor(size), with_weights);
  for (const WeightedTime& event : events) column.Append(event, base_weight, decay);
  // Again with a guide, which needs the times.
  if (size >= kGuidedSize) column.Grow(column.capacity(), with_weights);
  return column;
}

int64_t MassColumn::bytes() const {
  return static_cast<int64_t>(guide_bytes() +
                              capacity() * (sizeof(Point) + (has_weights() ? sizeof(float) : 0)));
}

}  // namespace negatron
