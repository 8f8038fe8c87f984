// SPDX-License-Identifier: Apache-2.0
#include "storage/base/slab_allocator.h"

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace negatron {
namespace {

struct alignas(64) Line {
  uint64_t value = 0;
};

std::shared_ptr<Line> MakeLine(uint64_t value) {
  return std::allocate_shared<Line>(SlabAllocator<Line>(), Line{value});
}

TEST(SlabAllocatorTest, PlacesAreAlignedAndApart) {
  std::vector<std::shared_ptr<Line>> lines;
  for (uint64_t i = 0; i < 50000; ++i) {
    lines.push_back(MakeLine(i));
    ASSERT_EQ(reinterpret_cast<uintptr_t>(lines.back().get()) % 64, 0u);
  }
  for (uint64_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i]->value, i);
}

TEST(SlabAllocatorTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (uint64_t round = 0; round < 20; ++round) {
        std::vector<std::shared_ptr<Line>> lines;
        for (uint64_t i = 0; i < 500; ++i) lines.push_back(MakeLine(t * 1000 + i));
        for (uint64_t i = 0; i < 500; ++i) ASSERT_EQ(lines[i]->value, t * 1000 + i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(SlabPoolTest, GivesBackWhatWasGiven) {
  auto& pool = SlabPool<48, 16>::Get();
  void* const place = pool.Take();
  pool.Give(place);
  EXPECT_EQ(pool.Take(), place);
  pool.Give(place);
}
#endif

}  // namespace
}  // namespace negatron
