// SPDX-License-Identifier: Apache-2.0
#include "storage/model/time.h"

#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TimeTest, EventTimesAreTheYears1To9999) {
  EXPECT_EQ(kMinTime,
            absl::ToUnixMicros(absl::FromCivil(absl::CivilSecond(1), absl::UTCTimeZone())));
  EXPECT_EQ(kMaxTime + 1,
            absl::ToUnixMicros(absl::FromCivil(absl::CivilSecond(10000), absl::UTCTimeZone())));
  EXPECT_TRUE(IsEventTime(kMinTime));
  EXPECT_TRUE(IsEventTime(kMaxTime));
  EXPECT_FALSE(IsEventTime(kMinTime - 1));
  EXPECT_FALSE(IsEventTime(kMaxTime + 1));
  EXPECT_FALSE(IsEventTime(kAlways));
  EXPECT_FALSE(IsEventTime(kNever));
}

TEST(IntervalTest, ContainsItsStartAndNotItsEnd) {
  const Interval interval{-5, 10};
  EXPECT_FALSE(interval.Contains(-6));
  EXPECT_TRUE(interval.Contains(-5));
  EXPECT_TRUE(interval.Contains(9));
  EXPECT_FALSE(interval.Contains(10));
  EXPECT_TRUE(Interval().Contains(kAlways));
  EXPECT_TRUE(Interval().Contains(kMaxTime));
}

TEST(IntervalsProblemTest, WantsOrderGapsAndLength) {
  EXPECT_THAT(IntervalsProblem({}), IsEmpty());
  EXPECT_THAT(IntervalsProblem({{kAlways, kNever}}), IsEmpty());
  EXPECT_THAT(IntervalsProblem({{0, 1}, {2, 3}}), IsEmpty());
  EXPECT_FALSE(IntervalsProblem({{1, 1}}).empty());
  EXPECT_FALSE(IntervalsProblem({{2, 1}}).empty());
  EXPECT_FALSE(IntervalsProblem({{0, 1}, {1, 2}}).empty());
  EXPECT_FALSE(IntervalsProblem({{2, 3}, {0, 1}}).empty());
  EXPECT_FALSE(IntervalsProblem({{0, 5}, {3, 8}}).empty());
}

TEST(DeadIntervalsTest, AreTheGaps) {
  EXPECT_THAT(DeadIntervals({}), ElementsAre(Interval{kAlways, kNever}));
  EXPECT_THAT(DeadIntervals({{kAlways, kNever}}), IsEmpty());
  EXPECT_THAT(DeadIntervals({{0, kNever}}), ElementsAre(Interval{kAlways, 0}));
  EXPECT_THAT(DeadIntervals({{kAlways, 7}}), ElementsAre(Interval{7, kNever}));
  EXPECT_THAT(DeadIntervals({{0, 1}, {5, 9}}),
              ElementsAre(Interval{kAlways, 0}, Interval{1, 5}, Interval{9, kNever}));
}

}  // namespace
}  // namespace negatron
