// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/row.h"

#include <algorithm>

namespace negatron {
namespace {

// The first time behind [as_of, as_of + horizon].
Micros EndOfHorizon(Micros as_of, int64_t horizon) {
  return as_of >= kNever - horizon - 1 ? kNever : as_of + horizon + 1;
}

}  // namespace

bool IsInHorizon(const UserHistory& history, Ordinal item, Micros as_of, int64_t horizon) {
  return horizon > 0 && history.size() > 0 &&
         history.Contains(item, EndOfHorizon(as_of, horizon)) && !history.Contains(item, as_of);
}

void Exclusions::Reset(const UserHistory& history, Micros as_of, Ordinal positive,
                       std::span<const Ordinal> named, int64_t horizon) {
  history_ = &history;
  as_of_ = as_of;
  end_ = horizon == 0 ? as_of : EndOfHorizon(as_of, horizon);
  extra_.clear();
  std::vector<Ordinal> known;
  const auto add = [&](Ordinal item) {
    if (item == kNoOrdinal) return;
    if (history.size() == 0 || !history.Contains(item, end_)) {
      extra_.push_back(item);
    } else if (horizon > 0 && !history.Contains(item, as_of)) {
      known.push_back(item);
    }
  };
  add(positive);
  for (const Ordinal item : named) add(item);
  if (extra_.size() > 1) {
    std::sort(extra_.begin(), extra_.end());
    extra_.erase(std::unique(extra_.begin(), extra_.end()), extra_.end());
  }
  extra_count_ = static_cast<uint32_t>(extra_.size());
  extra_.insert(extra_.end(), known.begin(), known.end());
}

bool Exclusions::IsUncertain(Ordinal item) const {
  const auto known = extra_.begin() + extra_count_;
  return IsInHorizon(*history_, item, as_of_, horizon()) &&
         std::find(known, extra_.end(), item) == extra_.end();
}

bool Exclusions::IsExtra(Ordinal item) const {
  return std::binary_search(extra_.begin(), extra_.begin() + extra_count_, item);
}

void Exclusions::AppendHistoryTo(std::vector<Ordinal>* items, Interval* valid) const {
  const size_t first = items->size();
  for (uint32_t i = 0; i < history_->size(); ++i) {
    const UserPositive positive = history_->at(i);
    // The first time of a row that has it in its set.
    const Micros first_time = positive.time + 1 - (end_ - as_of_);
    if (positive.time < end_) {
      items->push_back(positive.item);
      valid->from = std::max(valid->from, first_time);
    } else {
      valid->until = std::min(valid->until, first_time);
    }
  }
  const auto begin = items->begin() + static_cast<std::ptrdiff_t>(first);
  if (!std::is_sorted(begin, items->end())) std::sort(begin, items->end());
}

void Exclusions::AppendTo(std::vector<Ordinal>* items) const {
  Interval valid;
  AppendHistoryTo(items, &valid);
  items->insert(items->end(), extra_.begin(), extra_.begin() + extra_count_);
}

}  // namespace negatron
