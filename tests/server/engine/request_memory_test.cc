// SPDX-License-Identifier: Apache-2.0
#include "server/engine/request_memory.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/model/limits.h"

namespace negatron {
namespace {

RequestRecord Record(std::string id, int64_t sequence, Micros time) {
  RequestRecord record;
  record.request_id = std::move(id);
  record.commit_sequence = sequence;
  record.time = time;
  return record;
}

TEST(RequestMemoryTest, ForgetsByAge) {
  RequestMemory memory;
  memory.Add(Record("a", 1, 0));
  memory.Add(Record("b", 2, 10));
  EXPECT_NE(memory.Find("a", kRememberRequestMicros - 1), nullptr);
  EXPECT_EQ(memory.Find("a", kRememberRequestMicros), nullptr);
  EXPECT_THAT(memory.Expired(kRememberRequestMicros - 1, 9), testing::IsEmpty());
  EXPECT_THAT(memory.Expired(kRememberRequestMicros, 9), testing::ElementsAre("a"));
  EXPECT_THAT(memory.Expired(kRememberRequestMicros + 10, 9), testing::ElementsAre("a", "b"));
  EXPECT_THAT(memory.Expired(kRememberRequestMicros + 10, 1), testing::ElementsAre("a"));
  memory.Remove("a");
  EXPECT_THAT(memory.Expired(kRememberRequestMicros + 10, 9), testing::ElementsAre("b"));
}

TEST(RequestMemoryTest, ForgetsTheOldestBeyondItsSize) {
  RequestMemory memory;
  for (int64_t i = 0; i < kMaxRememberedRequests + 2; ++i) {
    memory.Add(Record(absl::StrCat("r", i), i, 0));
  }
  EXPECT_THAT(memory.Expired(1, 9), testing::ElementsAre("r0", "r1"));
}

TEST(RequestMemoryTest, ARepeatedIdReplaces) {
  RequestMemory memory;
  memory.Add(Record("a", 1, 0));
  memory.Add(Record("a", 5, 7));
  EXPECT_EQ(memory.Find("a", 7)->commit_sequence, 5);
  EXPECT_THAT(memory.Expired(kRememberRequestMicros + 7, 9), testing::ElementsAre("a"));
}

}  // namespace
}  // namespace negatron
