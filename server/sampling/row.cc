// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/row.h"

#include <algorithm>

namespace negatron {

void Exclusions::Reset(const UserHistory& history, Micros as_of, Ordinal positive,
                       std::span<const Ordinal> named) {
  history_ = &history;
  as_of_ = as_of;
  extra_.clear();
  const auto add = [&](Ordinal item) {
    if (item == kNoOrdinal) return;
    if (history.size() == 0 || !history.Contains(item, as_of)) extra_.push_back(item);
  };
  add(positive);
  for (const Ordinal item : named) add(item);
  if (extra_.size() < 2) return;
  std::sort(extra_.begin(), extra_.end());
  extra_.erase(std::unique(extra_.begin(), extra_.end()), extra_.end());
}

bool Exclusions::IsExtra(Ordinal item) const {
  return std::binary_search(extra_.begin(), extra_.end(), item);
}

void Exclusions::AppendHistoryTo(std::vector<Ordinal>* items, Interval* valid) const {
  const size_t first = items->size();
  for (uint32_t i = 0; i < history_->size(); ++i) {
    const UserPositive positive = history_->at(i);
    if (positive.time < as_of_) {
      items->push_back(positive.item);
      valid->from = std::max(valid->from, positive.time + 1);
    } else {
      valid->until = std::min(valid->until, positive.time + 1);
    }
  }
  const auto begin = items->begin() + static_cast<std::ptrdiff_t>(first);
  if (!std::is_sorted(begin, items->end())) std::sort(begin, items->end());
}

void Exclusions::AppendTo(std::vector<Ordinal>* items) const {
  Interval valid;
  AppendHistoryTo(items, &valid);
  items->insert(items->end(), extra_.begin(), extra_.end());
}

}  // namespace negatron
