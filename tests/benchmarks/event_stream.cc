// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/event_stream.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "storage/base/philox.h"
#include "tests/benchmarks/bench_data.h"

namespace negatron::bench {
namespace {

constexpr uint64_t kSeed = 7602;

}  // namespace

Shuffle::Shuffle(int64_t count, uint64_t number)
    : count_(count),
      factor_(static_cast<int64_t>(MixHash(kSeed, number) % static_cast<uint64_t>(count)) | 1),
      offset_(static_cast<int64_t>(number) % count) {
  while (std::gcd(factor_, count_) != 1) factor_ += 2;
}

EventStream::EventStream(int64_t item_count, int64_t event_count, absl::Time end)
    : item_count_(item_count),
      event_count_(event_count),
      user_count_(event_count / kEventsPerUser),
      begin_(absl::ToUnixMicros(end - kSpan)),
      order_(item_count, 0),
      random_(kSeed) {}

Interval EventStream::LifeOf(int64_t item) const {
  const auto i = static_cast<uint64_t>(item);
  const double kind = UnitDouble(MixHash(kSeed + 1, i));
  const Micros time =
      begin_ + static_cast<Micros>(UnitDouble(MixHash(kSeed + 2, i)) *
                                   static_cast<double>(absl::ToInt64Microseconds(kSpan)));
  Interval life;
  if (kind < 0.1) {
    life.until = time;
  } else if (kind < 0.5) {
    life.from = time;
  }
  return life;
}

Ordinal EventStream::Pick(Micros time, double progress) {
  const auto count = static_cast<double>(item_count_);
  for (;;) {
    const auto rank = static_cast<int64_t>(std::pow(count, UnitDouble(random_()))) - 1;
    const bool moves = (random_() & 1) != 0;
    const int64_t first = moves ? static_cast<int64_t>(progress * count) : 0;
    const int64_t item = order_.At((first + rank) % item_count_);
    if (LifeOf(item).Contains(time)) return static_cast<Ordinal>(item);
  }
}

void EventStream::Next(int64_t count, const PoolView& pool, std::vector<EventRecord>* events) {
  events->clear();
  const int64_t end = std::min(event_count_, next_ + count);
  for (; next_ < end; ++next_) {
    const double progress = static_cast<double>(next_) / static_cast<double>(event_count_);
    EventRecord event;
    // In every round each user has one event, in another order.
    if (next_ % user_count_ == 0) {
      users_ = Shuffle(user_count_, static_cast<uint64_t>(next_ / user_count_ + 1));
    }
    event.user = static_cast<Ordinal>(users_.At(next_ % user_count_));
    event.time = begin_ + static_cast<Micros>(
                              progress * static_cast<double>(absl::ToInt64Microseconds(kSpan)));
    const UserHistory& history = pool.history(event.user);
    do {
      event.item = Pick(event.time, progress);
    } while (history.Find(event.item) != history.size());
    events->push_back(event);
  }
}

}  // namespace negatron::bench
