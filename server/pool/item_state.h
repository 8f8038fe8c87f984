// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_ITEM_STATE_H_
#define NEGATRON_SERVER_POOL_ITEM_STATE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/model/records.h"

namespace negatron {

// Number of a category in a pool, in the order in which items named them.
// Numbers differ from start to start; nothing is drawn by them.
using CategoryNumber = uint16_t;
inline constexpr CategoryNumber kNoCategory = 0xFFFF;

// When an item is alive, and what else is known of it. The common case, one
// interval and nothing else, is inline.
//
// Thread-safety: thread-compatible.
struct ItemState {
  struct More {
    std::vector<Interval> further;  // Behind `first`.
    std::vector<CategoryNumber> categories;
    std::string attributes;
  };

  Interval first{0, 0};              // Empty: never alive.
  std::shared_ptr<const More> more;  // Null: nothing of it.
  float base_weight = 1;
  bool implicit = false;  // See ItemRecord.

  bool IsAlive(Micros time) const {
    if (first.Contains(time)) return true;
    if (more == nullptr) return false;
    return std::any_of(more->further.begin(), more->further.end(),
                       [time](const Interval& interval) { return interval.Contains(time); });
  }

  // `first` is all of it.
  bool has_one_life() const { return more == nullptr || more->further.empty(); }

  // The time around `time` in which it is alive, or dead, all along.
  Interval SpanAround(Micros time) const {
    Interval span;
    const auto narrow = [&](Micros edge) {
      if (edge <= time) {
        span.from = std::max(span.from, edge);
      } else {
        span.until = std::min(span.until, edge);
      }
    };
    if (first.from < first.until) {
      narrow(first.from);
      narrow(first.until);
    }
    if (more == nullptr) return span;
    for (const Interval& life : more->further) {
      narrow(life.from);
      narrow(life.until);
    }
    return span;
  }

  std::vector<Interval> Intervals() const {
    std::vector<Interval> intervals;
    if (first.from < first.until) intervals.push_back(first);
    if (more != nullptr) {
      intervals.insert(intervals.end(), more->further.begin(), more->further.end());
    }
    return intervals;
  }

  const std::vector<CategoryNumber>& categories() const {
    static const std::vector<CategoryNumber> kNone;
    return more == nullptr ? kNone : more->categories;
  }
  bool Has(CategoryNumber category) const {
    const std::vector<CategoryNumber>& all = categories();
    return std::find(all.begin(), all.end(), category) != all.end();
  }
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_ITEM_STATE_H_
