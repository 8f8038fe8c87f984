// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/excluded_mass_cache.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace negatron {
namespace {

ExcludedMassCache::Key KeyOf(uint64_t number) { return ExcludedMassCache::Key().With(number); }

TEST(ExcludedMassCacheTest, KnowsWhatWasStoredWhileItHolds) {
  ExcludedMassCache cache(1 << 16);
  EXPECT_EQ(cache.Find(KeyOf(1), 50), std::nullopt);
  cache.Store(KeyOf(1), {2.5, {10, 100}});
  EXPECT_EQ(cache.Find(KeyOf(1), 10), 2.5);
  EXPECT_EQ(cache.Find(KeyOf(1), 99), 2.5);
  EXPECT_EQ(cache.Find(KeyOf(1), 9), std::nullopt);
  EXPECT_EQ(cache.Find(KeyOf(1), 100), std::nullopt);
  EXPECT_EQ(cache.Find(KeyOf(2), 50), std::nullopt);
}

TEST(ExcludedMassCacheTest, WithoutRoomRemembersNothing) {
  ExcludedMassCache cache(100);
  cache.Prefetch(KeyOf(1));
  cache.Store(KeyOf(1), {2.5, {}});
  EXPECT_EQ(cache.Find(KeyOf(1), 0), std::nullopt);
}

TEST(ExcludedMassCacheTest, KeysThatDifferInOneValueOrItsPlaceDiffer) {
  const ExcludedMassCache::Key keys[] = {ExcludedMassCache::Key(), KeyOf(0), KeyOf(1),
                                         KeyOf(0).With(1), KeyOf(1).With(0)};
  for (const auto& a : keys) {
    for (const auto& b : keys) {
      if (&a == &b) continue;
      EXPECT_FALSE(a.first == b.first && a.second == b.second);
    }
  }
}

// A full table keeps about as many sums as it has slots.
TEST(ExcludedMassCacheTest, ANewSumTakesThePlaceOfAnOldOne) {
  ExcludedMassCache cache(64 * 1024);
  for (int i = 0; i < 10'000; ++i) {
    cache.Store(KeyOf(i), {static_cast<double>(i), {}});
    EXPECT_EQ(cache.Find(KeyOf(i), 0), i);
  }
  int kept = 0;
  for (int i = 0; i < 10'000; ++i) kept += cache.Find(KeyOf(i), 0).has_value();
  EXPECT_LE(kept, 1024);
  EXPECT_GT(kept, 900);
}

// Few slots, many writers: a reader sees a sum of its key or none.
TEST(ExcludedMassCacheTest, ThreadsSeeWholeSums) {
  ExcludedMassCache cache(4 * 64);
  std::atomic<int> found = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) {
        const int number = (i * 7 + t) % 64;
        cache.Store(KeyOf(number), {static_cast<double>(number), {number, number + 1000}});
        const int other = (i * 5 + t) % 64;
        const std::optional<double> weight = cache.Find(KeyOf(other), 500);
        if (!weight.has_value()) continue;
        ++found;
        if (*weight != other) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(found, 0);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace negatron
