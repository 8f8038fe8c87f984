// SPDX-License-Identifier: Apache-2.0
#include "server/pool/user_history.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/pool/time_guide.h"

namespace negatron {
namespace {

// A tail this long is sorted in: a scan of it costs as much as the search.
constexpr uint32_t kMinTail = 8;

// Longest history that is compared as a whole.
constexpr uint32_t kCompared = 256;

[[gnu::always_inline]] inline bool AnyEqualIn(const Ordinal* values, uint32_t n, Ordinal value) {
  uint32_t equal = 0;
  for (uint32_t i = 0; i < n; ++i) equal |= static_cast<uint32_t>(values[i] == value);
  return equal != 0;
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] bool AnyEqualAvx2(const Ordinal* values, uint32_t n, Ordinal value) {
  return AnyEqualIn(values, n, value);
}
#endif

bool AnyEqual(const Ordinal* values, uint32_t n, Ordinal value) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return AnyEqualAvx2(values, n, value);
#endif
  return AnyEqualIn(values, n, value);
}

}  // namespace

// Compares with all of a short history at once: the steps of a binary search wait for
// each other.
bool UserHistory::Has(Ordinal item) const {
  if (size_ > kCompared) return Find(item) < size_;
  return AnyEqual(items(), size_, item);
}

uint32_t UserHistory::Find(Ordinal item) const {
  const Ordinal* const all = items();
  const uint32_t begin = CountPrefix(all, sorted_, [item](Ordinal other) { return other < item; });
  if (begin < sorted_ && all[begin] == item) return begin;
  for (uint32_t i = sorted_; i < size_; ++i) {
    if (all[i] == item) return i;
  }
  return size_;
}

void UserHistory::Append(const UserPositive& positive) {
  const bool in_order = size_ == sorted_ && (size_ == 0 || items()[size_ - 1] < positive.item);
  if (size_ == capacity_ || (!in_order && size_ - sorted_ >= kMinTail + sorted_ / 16)) {
    std::vector<UserPositive> all;
    all.reserve(size_ + 1);
    for (uint32_t i = 0; i < size_; ++i) all.push_back(at(i));
    all.push_back(positive);
    return Reset(all);
  }
  const_cast<Ordinal*>(items())[size_] = positive.item;
  const_cast<Micros*>(times())[size_] = positive.time;
  last_time_ = std::max(last_time_, positive.time);
  ++size_;
  if (in_order) sorted_ = size_;
}

void UserHistory::Reset(std::span<const UserPositive> positives) {
  std::vector<UserPositive> sorted(positives.begin(), positives.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const UserPositive& a, const UserPositive& b) { return a.item < b.item; });
  *this = {};
  size_ = sorted_ = static_cast<uint32_t>(sorted.size());
  if (size_ == 0) return;
  capacity_ = size_ + size_ / 8 + 4;
  block_ = std::make_shared_for_overwrite<std::byte[]>(static_cast<size_t>(bytes()));
  for (uint32_t i = 0; i < size_; ++i) {
    const_cast<Ordinal*>(items())[i] = sorted[i].item;
    const_cast<Micros*>(times())[i] = sorted[i].time;
    last_time_ = std::max(last_time_, sorted[i].time);
  }
}

}  // namespace negatron
