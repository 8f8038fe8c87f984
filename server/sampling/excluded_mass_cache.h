// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_EXCLUDED_MASS_CACHE_H_
#define NEGATRON_SERVER_SAMPLING_EXCLUDED_MASS_CACHE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "storage/base/philox.h"
#include "storage/model/time.h"

namespace negatron {

// Remembers what the history of a user weighs under a law, over calls and
// snapshots. A key names all that the sum is made of but the time; a sum holds
// for an interval of time. It is the same, to the bit, as if it were summed up
// again, so what is drawn does not depend on what is remembered.
//
// A table of fixed size; a new sum takes the place of an old one. Readers and
// writers never wait: each slot has a version that is odd while it is written
// (a sequence lock, after Boehm, "Can seqlocks get along with programming
// language memory models?", MSPC 2012), and who meets another there goes
// without.
//
// Thread-safety: thread-safe.
class ExcludedMassCache {
 public:
  // 128 bits of hash: a table of 2^32 keys confuses two of them with a chance below 2^-64.
  struct Key {
    uint64_t first = 0;
    uint64_t second = 0;

    // The key of this and a further value.
    Key With(uint64_t value) const { return {MixHash(first, value), MixHash(second, value + 1)}; }
  };
  struct Sum {
    double weight = 0;
    Interval valid;
  };

  // As many slots as fit, a power of two; none if there is no room for two.
  explicit ExcludedMassCache(int64_t bytes);

  int64_t bytes() const {
    return slots_ == nullptr ? 0 : static_cast<int64_t>((mask_ + 1) * sizeof(Slot));
  }

  void Prefetch(const Key& key) const {
    if (slots_ != nullptr) __builtin_prefetch(&slots_[key.first & mask_]);
  }
  std::optional<double> Find(const Key& key, Micros time) const;
  void Store(const Key& key, const Sum& sum);

 private:
  enum Word { kFirst, kSecond, kWeight, kFrom, kUntil, kWordCount };

  struct alignas(64) Slot {
    std::atomic<uint64_t> version{0};
    std::array<std::atomic<uint64_t>, kWordCount> words{};
  };

  uint64_t mask_ = 0;
  std::unique_ptr<Slot[]> slots_;  // Null: remembers nothing.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_EXCLUDED_MASS_CACHE_H_
