// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/excluded_mass_cache.h"

#include <bit>

namespace negatron {

ExcludedMassCache::ExcludedMassCache(int64_t bytes) {
  const uint64_t count =
      std::bit_floor(static_cast<uint64_t>(bytes < 0 ? 0 : bytes) / sizeof(Slot));
  if (count < 2) return;
  mask_ = count - 1;
  slots_ = std::make_unique<Slot[]>(count);
}

// A key has two slots, side by side.
std::optional<double> ExcludedMassCache::Find(const Key& key, Micros time) const {
  if (slots_ == nullptr) return std::nullopt;
  for (const uint64_t side : {0, 1}) {
    const Slot& slot = slots_[(key.first & mask_) ^ side];
    const uint64_t version = slot.version.load(std::memory_order_acquire);
    std::array<uint64_t, kWordCount> words;
    // Acquire, so that the second look at the version comes after them.
    for (size_t i = 0; i < kWordCount; ++i) {
      words[i] = slot.words[i].load(std::memory_order_acquire);
    }
    if (version == 0 || version % 2 == 1 ||
        slot.version.load(std::memory_order_relaxed) != version) {
      continue;
    }
    const Interval valid{std::bit_cast<Micros>(words[kFrom]), std::bit_cast<Micros>(words[kUntil])};
    if (words[kFirst] == key.first && words[kSecond] == key.second && valid.Contains(time)) {
      return std::bit_cast<double>(words[kWeight]);
    }
  }
  return std::nullopt;
}

void ExcludedMassCache::Store(const Key& key, const Sum& sum) {
  if (slots_ == nullptr) return;
  const uint64_t home = key.first & mask_;
  const auto version_of = [this](uint64_t i) {
    return slots_[i].version.load(std::memory_order_relaxed);
  };
  // The one that was written less often: free slots first.
  Slot& slot = slots_[version_of(home) <= version_of(home ^ 1) ? home : home ^ 1];
  uint64_t version = slot.version.load(std::memory_order_relaxed);
  if (version % 2 == 1 ||
      !slot.version.compare_exchange_strong(version, version + 1, std::memory_order_acquire)) {
    return;
  }
  const std::array<uint64_t, kWordCount> words = {
      key.first, key.second, std::bit_cast<uint64_t>(sum.weight),
      std::bit_cast<uint64_t>(sum.valid.from), std::bit_cast<uint64_t>(sum.valid.until)};
  // Release, so that the odd version comes before them.
  for (size_t i = 0; i < kWordCount; ++i) {
    slot.words[i].store(words[i], std::memory_order_release);
  }
  slot.version.store(version + 2, std::memory_order_release);
}

}  // namespace negatron
