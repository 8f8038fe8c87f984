// SPDX-License-Identifier: Apache-2.0
#include "server/pool/step_function.h"

#include <algorithm>
#include <utility>

namespace negatron {
namespace {

// Copying a leaf costs microseconds; the root has an entry for each.
constexpr size_t kMaxLeafSteps = 512;

// Buckets of the guide for each leaf.
constexpr uint32_t kGuidePerLeaf = 4;

}  // namespace

StepFunction::Spot StepFunction::Find(Micros time) const {
  if (empty()) return {};
  const Root& root = *root_;
  const uint32_t bucket = root.buckets.Bucket(time);
  const auto first = root.first_times.begin();
  const auto after =
      std::upper_bound(first + root.guide[bucket], first + root.guide[bucket + 1], time);
  if (after == first) return {};
  const auto leaf = static_cast<size_t>(after - first) - 1;
  // As if the leaf's times were spread evenly up to the next leaf.
  const uint32_t count = root.entries[leaf].count;
  const Micros last = after == root.first_times.end() ? root.last_time : *after;
  return {&root.entries[leaf],
          TimeScale(root.first_times[leaf], std::max(last, time), count).Bucket(time, count)};
}

void StepFunction::Prefetch(Micros time) const {
  const Spot spot = Find(time);
  if (spot.entry == nullptr) return;
  __builtin_prefetch(&spot.entry->times[spot.guess]);
  __builtin_prefetch(&spot.entry->sums[spot.guess]);
}

absl::int128 StepFunction::Value(Micros time) const {
  const Spot spot = Find(time);
  if (spot.entry == nullptr) return 0;
  const Entry& entry = *spot.entry;
  const uint32_t count =
      SearchFrom(spot.guess, 0, entry.count, [&](uint32_t i) { return entry.times[i] <= time; });
  return entry.before + entry.sums[count - 1];
}

// Appends to `out` the leaves that hold the deltas of `leaf` (may be null) and
// the sorted [begin, end).
void StepFunction::MergeLeaf(const Leaf* leaf, const Delta* begin, const Delta* end,
                             std::vector<Entry>* out) {
  std::vector<Delta> merged;
  merged.reserve((leaf == nullptr ? 0 : leaf->times.size()) + (end - begin));
  absl::int128 previous = 0;
  if (leaf != nullptr) {
    for (size_t i = 0; i < leaf->times.size(); ++i) {
      merged.push_back({leaf->times[i], leaf->sums[i] - previous});
      previous = leaf->sums[i];
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
    steps->times.reserve(last - first);
    steps->sums.reserve(last - first);
    absl::int128 sum = 0;
    for (size_t i = first; i < last; ++i) {
      steps->times.push_back(merged[i].time);
      steps->sums.push_back(sum += merged[i].change);
    }
    out->emplace_back(std::move(steps));
  }
}

StepFunction StepFunction::With(std::vector<Delta> deltas) const {
  std::sort(deltas.begin(), deltas.end(),
            [](const Delta& a, const Delta& b) { return a.time < b.time; });
  auto root = std::make_shared<Root>();
  const Delta* next = deltas.data();
  const Delta* const end = next + deltas.size();
  const size_t old_count = root_ == nullptr ? 0 : root_->entries.size();
  if (old_count == 0) MergeLeaf(nullptr, next, end, &root->entries);
  for (size_t i = 0; i < old_count; ++i) {
    const Entry& entry = root_->entries[i];
    const Delta* region_end = end;
    if (i + 1 < old_count) {
      region_end = std::lower_bound(next, end, root_->first_times[i + 1],
                                    [](const Delta& d, Micros t) { return d.time < t; });
    }
    if (next == region_end) {
      root->entries.push_back(entry);
    } else {
      MergeLeaf(entry.leaf.get(), next, region_end, &root->entries);
    }
    next = region_end;
  }
  absl::int128 before = 0;
  for (Entry& entry : root->entries) {
    entry.before = before;
    before += entry.leaf->sums.back();
    root->first_times.push_back(entry.leaf->times.front());
  }
  if (!root->entries.empty()) {
    const auto count = static_cast<uint32_t>(root->entries.size());
    root->last_time = root->entries.back().leaf->times.back();
    root->buckets =
        TimeBuckets(root->first_times.front(), root->first_times.back(), count * kGuidePerLeaf);
    root->guide.resize(root->buckets.count() + 1);
    root->buckets.CountBefore(
        count, [&](uint32_t i) { return root->first_times[i]; }, root->guide.data());
  }
  StepFunction result;
  result.root_ = std::move(root);
  return result;
}

int64_t StepFunction::bytes() const {
  if (root_ == nullptr) return 0;
  int64_t bytes = static_cast<int64_t>(root_->entries.capacity() * sizeof(Entry) +
                                       root_->first_times.capacity() * sizeof(Micros) +
                                       root_->guide.capacity() * sizeof(uint32_t));
  for (const Entry& entry : root_->entries) {
    bytes += static_cast<int64_t>(entry.leaf->times.capacity() *
                                  (sizeof(Micros) + sizeof(absl::int128)));
  }
  return bytes;
}

}  // namespace negatron
