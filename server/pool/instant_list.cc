// SPDX-License-Identifier: Apache-2.0
#include "server/pool/instant_list.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace negatron {
namespace {

// Instants that storage has room for. Most items have few, so little to spare.
uint32_t RoomFor(uint32_t count) { return count + count / 8 + 1; }

}  // namespace

void InstantList::Change(std::span<const Micros> added, std::span<const Micros> removed) {
  const bool follows = added.empty() || times_.empty() || times_.back() <= added.front();
  if (removed.empty() && follows) {
    const auto size = static_cast<uint32_t>(times_.size() + added.size());
    if (size > times_.capacity()) times_.Reserve(RoomFor(size));
    for (const Micros time : added) times_.Append(time);
    return;
  }
  const std::span<const Micros> old = times_.view();
  std::vector<Micros> merged;
  merged.reserve(old.size() + added.size());
  std::merge(old.begin(), old.end(), added.begin(), added.end(), std::back_inserter(merged));
  std::vector<Micros> kept;
  kept.reserve(merged.size());
  std::set_difference(merged.begin(), merged.end(), removed.begin(), removed.end(),
                      std::back_inserter(kept));
  times_ = {};
  if (kept.empty()) return;
  times_.Reserve(RoomFor(static_cast<uint32_t>(kept.size())));
  for (const Micros time : kept) times_.Append(time);
}

}  // namespace negatron
