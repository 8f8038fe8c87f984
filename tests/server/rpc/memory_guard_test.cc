// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/memory_guard.h"

#include "gtest/gtest.h"

#include "storage/base/memory.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr const char* kAdding = "PoolService/BatchWriteEvents";
constexpr const char* kRemoving = "PoolService/EraseUsers";
constexpr const char* kReading = "SamplingService/SampleNegatives";

// Of a guard that has looked once, at `resident` of 1,000 bytes.
absl::Status Check(int64_t resident, const char* method, int waiting_count) {
  MemoryGuard guard(1000, [resident] { return resident; });
  return guard.Check(method, waiting_count);
}

TEST(MemoryGuardTest, AdditionsEndBeforeMemoryDoes) {
  EXPECT_TRUE(Check(899, kAdding, 5).ok());
  const absl::Status refused = Check(900, kAdding, 0);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), "MEMORY_LOW");
  EXPECT_TRUE(RetryDelayOf(refused).has_value());
}

TEST(MemoryGuardTest, WhatRemovesAndWhatNeedNotWaitGoesOn) {
  for (const char* method : {kRemoving, kReading}) {
    EXPECT_TRUE(Check(949, method, 5).ok()) << method;
    EXPECT_TRUE(Check(2000, method, 0).ok()) << method;
    EXPECT_EQ(ReasonOf(Check(950, method, 1)), "MEMORY_LOW") << method;
  }
}

TEST(MemoryGuardTest, LooksNowAndThen) {
  int looks = 0;
  MemoryGuard guard(1000, [&looks] {
    ++looks;
    return 0;
  });
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(guard.Check(kAdding, 0).ok());
  EXPECT_GE(looks, 1);
  EXPECT_LT(looks, 1000);
}

TEST(MemoryGuardTest, WithoutALimitNothingIsRefusedOrLookedAt) {
  MemoryGuard guard(0, nullptr);
  EXPECT_TRUE(guard.Check(kAdding, 5).ok());
}

TEST(MemoryLimitTest, IsMoreThanThisProcessUses) {
  EXPECT_GT(ResidentBytes(), 0);
  EXPECT_GT(MemoryLimitBytes(), ResidentBytes());
}

}  // namespace
}  // namespace negatron
