// SPDX-License-Identifier: Apache-2.0
#include "server/pool/step_function.h"

#include <algorithm>
#include <utility>

#include "server/pool/time_guide.h"

namespace negatron {
namespace {

// Copying a leaf costs microseconds; the root has an entry for each.
constexpr size_t kMaxLeafSteps = 512;

// Where `time` would be among n > 0 sorted times if they were spread evenly.
template <typename TimeOf>
uint32_t Guess(Micros time, uint32_t n, TimeOf time_of) {
  return TimeScale(time_of(0), time_of(n - 1), n).Bucket(time, n);
}

// How many of n > 0 sorted times are not after `time`.
template <typename TimeOf>
uint32_t CountUpTo(Micros time, uint32_t n, TimeOf time_of) {
  return SearchFrom(Guess(time, n, time_of), 0, n, [&](uint32_t i) { return time_of(i) <= time; });
}

}  // namespace

const StepFunction::Entry* StepFunction::Find(Micros time) const {
  if (empty()) return nullptr;
  const auto time_of = [this](uint32_t i) { return (*root_)[i].first_time; };
  const uint32_t count = CountUpTo(time, static_cast<uint32_t>(root_->size()), time_of);
  return count == 0 ? nullptr : &(*root_)[count - 1];
}

void StepFunction::Prefetch(Micros time) const {
  const Entry* const entry = Find(time);
  if (entry == nullptr) return;
  const Leaf& leaf = *entry->leaf;
  const auto time_of = [&](uint32_t i) { return leaf[i].time; };
  __builtin_prefetch(&leaf.front());
  __builtin_prefetch(&leaf.back());
  __builtin_prefetch(&leaf[Guess(time, static_cast<uint32_t>(leaf.size()), time_of)]);
}

absl::int128 StepFunction::Value(Micros time) const {
  const Entry* const entry = Find(time);
  if (entry == nullptr) return 0;
  const Leaf& leaf = *entry->leaf;
  const auto time_of = [&](uint32_t i) { return leaf[i].time; };
  const uint32_t count = CountUpTo(time, static_cast<uint32_t>(leaf.size()), time_of);
  return entry->before + leaf[count - 1].sum;
}

// Appends to `out` the leaves that hold the deltas of `leaf` (may be null) and
// the sorted [begin, end).
void StepFunction::MergeLeaf(const Leaf* leaf, const Delta* begin, const Delta* end, Root* out) {
  std::vector<Delta> merged;
  merged.reserve((leaf == nullptr ? 0 : leaf->size()) + (end - begin));
  absl::int128 previous = 0;
  if (leaf != nullptr) {
    for (const Step& step : *leaf) {
      merged.push_back({step.time, step.sum - previous});
      previous = step.sum;
    }
  }
  const auto middle = merged.insert(merged.end(), begin, end);
  std::inplace_merge(merged.begin(), middle, merged.end(),
                     [](const Delta& a, const Delta& b) { return a.time < b.time; });
  size_t kept = 0;
  for (size_t i = 0; i < merged.size();) {
    Delta sum{merged[i].time, 0};
    for (; i < merged.size() && merged[i].time == sum.time; ++i) sum.change += merged[i].change;
    if (sum.change != 0) merged[kept++] = sum;
  }
  merged.resize(kept);
  const size_t leaf_count = (kept + kMaxLeafSteps - 1) / kMaxLeafSteps;
  for (size_t part = 0; part < leaf_count; ++part) {
    const size_t first = kept * part / leaf_count;
    const size_t last = kept * (part + 1) / leaf_count;
    auto steps = std::make_shared<Leaf>();
    steps->reserve(last - first);
    absl::int128 sum = 0;
    for (size_t i = first; i < last; ++i)
      steps->push_back({merged[i].time, sum += merged[i].change});
    out->push_back({std::move(steps), merged[first].time, 0});
  }
}

StepFunction StepFunction::With(std::vector<Delta> deltas) const {
  std::sort(deltas.begin(), deltas.end(),
            [](const Delta& a, const Delta& b) { return a.time < b.time; });
  auto root = std::make_shared<Root>();
  const Delta* next = deltas.data();
  const Delta* const end = next + deltas.size();
  const size_t old_count = root_ == nullptr ? 0 : root_->size();
  if (old_count == 0) MergeLeaf(nullptr, next, end, root.get());
  for (size_t i = 0; i < old_count; ++i) {
    const Entry& entry = (*root_)[i];
    const Delta* region_end = end;
    if (i + 1 < old_count) {
      region_end = std::lower_bound(next, end, (*root_)[i + 1].first_time,
                                    [](const Delta& d, Micros t) { return d.time < t; });
    }
    if (next == region_end) {
      root->push_back(entry);
    } else {
      MergeLeaf(entry.leaf.get(), next, region_end, root.get());
    }
    next = region_end;
  }
  absl::int128 before = 0;
  for (Entry& entry : *root) {
    entry.before = before;
    before += entry.leaf->back().sum;
  }
  StepFunction result;
  result.root_ = std::move(root);
  return result;
}

int64_t StepFunction::bytes() const {
  if (root_ == nullptr) return 0;
  int64_t bytes = static_cast<int64_t>(root_->capacity() * sizeof(Entry));
  for (const Entry& entry : *root_) {
    bytes += static_cast<int64_t>(entry.leaf->capacity() * sizeof(Step));
  }
  return bytes;
}

}  // namespace negatron
