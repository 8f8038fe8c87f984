// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_ROW_H_
#define NEGATRON_SERVER_SAMPLING_ROW_H_

#include <cstdint>
#include <span>
#include <vector>

#include "server/pool/pool_view.h"
#include "storage/model/records.h"

namespace negatron {

// The distinct items that a row must not get: the history of its user strictly
// before its time, what the user chooses within a horizon from then on, its
// positive, the items that it names. Nothing is copied from the history.
//
// Thread-safety: thread-compatible.
class Exclusions {
 public:
  // Replaces the set. `history` stays where it is. The positive and named items
  // may be kNoOrdinal (no such item) or repeat. `horizon`, in microseconds: first
  // positives in [as_of, as_of + horizon] belong to the set; 0: none from as_of on does.
  void Reset(const UserHistory& history, Micros as_of, Ordinal positive,
             std::span<const Ordinal> named, int64_t horizon = 0);

  bool Contains(Ordinal item) const {
    return (history_->size() > 0 && history_->Contains(item, end_)) ||
           (extra_count_ > 0 && IsExtra(item));
  }
  bool empty() const { return history_->size() == 0 && extra_count_ == 0; }

  // Of an item of the set: whether it is there for the horizon alone.
  bool IsUncertain(Ordinal item) const;
  int64_t horizon() const { return end_ == as_of_ ? 0 : end_ - as_of_ - 1; }

  // The items are those of the history, which may reach beyond the row's horizon,
  // and `extra`, sorted; none is in both.
  uint32_t history_size() const { return history_->size(); }
  std::span<const Ordinal> extra() const { return {extra_.data(), extra_count_}; }

  // Appends what the set has of the history, in rising order. Narrows `valid` to the
  // times of a row, with this horizon, for which that would be the same.
  void AppendHistoryTo(std::vector<Ordinal>* items, Interval* valid) const;
  // Appends the items, each once.
  void AppendTo(std::vector<Ordinal>* items) const;

 private:
  bool IsExtra(Ordinal item) const;

  // Small, and what draws ask for first: rows are read at random.
  const UserHistory* history_ = nullptr;
  Micros end_ = 0;  // What the history has before it is in the set.
  uint32_t extra_count_ = 0;
  // That many that are not in the history before end_, sorted; then those that are within the
  // horizon, but positive or named.
  std::vector<Ordinal> extra_;
  Micros as_of_ = 0;
};

// Whether the first positive of an item is in [as_of, as_of + horizon], horizon > 0.
bool IsInHorizon(const UserHistory& history, Ordinal item, Micros as_of, int64_t horizon);

// A row of a batch, resolved against a snapshot.
struct Row {
  Micros as_of = 0;
  uint64_t key = 0;  // Row key: the counter of the generator.
  Ordinal user = kNoOrdinal;
  Ordinal positive = kNoOrdinal;
  uint8_t cohort = 0;
  const float* query = nullptr;  // [dimension], as stored; null if none.
  Exclusions excluded;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_ROW_H_
