// SPDX-License-Identifier: Apache-2.0
// Writes after which memory and what a start makes of the same records could differ.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

constexpr Micros kHour = 3600LL * 1000000;

class RepeatabilityEdgesTest : public testing::Test {
 protected:
  RepeatabilityEdgesTest() { EXPECT_TRUE(harness_.Open().ok()); }

  // Draws for the user of 64 rows as of `as_of`, before and after a restart, and
  // expects the same token and bytes. Returns what was drawn before it.
  std::vector<int64_t> DrawTwice(int64_t user, Micros as_of) {
    SampleRequest request = SampleOf(UniformSource{}, 64, 20, as_of);
    request.users = IdBatch{std::vector<int64_t>(64, user)};
    const auto before = harness_.Sample("c", request);
    EXPECT_TRUE(before.ok()) << before.status();
    harness_.Close();
    EXPECT_TRUE(harness_.Open().ok());
    const auto after = harness_.Sample("c", request);
    EXPECT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(before->snapshot.commit_sequence, after->snapshot.commit_sequence);
    EXPECT_EQ(before->snapshot.incarnation, after->snapshot.incarnation);
    EXPECT_TRUE(before->ids == after->ids);
    EXPECT_TRUE(before->log_q == after->log_q);
    return {before->ids.begin(), before->ids.end()};
  }

  EngineHarness harness_;
};

// Items that one write creates by a later and an earlier event are one item each.
TEST_F(RepeatabilityEdgesTest, AnItemThatStartsWithTwoEventsOfAWriteIsOne) {
  CollectionRecord settings = Settings("c");
  settings.missing_item_rule = MissingItemRule::kCreate;
  ASSERT_TRUE(harness_.Create(settings).ok());
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({1})).ok());
  ASSERT_TRUE(harness_.Events("c", EventsOf({7, 7}, {2, 2}, {100, 50})).ok());
  EXPECT_EQ(harness_.engine().GetStatistics("c", kHour)->living_item_count, 2);
  DrawTwice(8, kHour);
}

// Writes of an item that wait for the commit thread together.
TEST_F(RepeatabilityEdgesTest, AnItemThatIsWrittenManyTimesInACommitIsOne) {
  ASSERT_TRUE(harness_.Create(Settings("c")).ok());
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({1, 2})).ok());
  for (int i = 1; i <= 200; ++i) {
    WriteItemsRequest request = ItemsAlways({2});
    request.alive = {{{-i, kNever}}};
    request.options.level = AckLevel::kApplied;
    harness_.engine().WriteItems("c", request, [](const auto&) {});
  }
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({3})).ok());  // Behind all of them.
  EXPECT_EQ(harness_.engine().GetStatistics("c", kHour)->living_item_count, 3);
  DrawTwice(8, kHour);
}

// The watermark has passed the second positive of the pair, and its record is gone; then
// the first is retracted. "Later positives of the pair that were deleted are gone with
// it" (server/DESIGN.md, "Retention"): also before the next start.
TEST_F(RepeatabilityEdgesTest, ARetractedFirstPositiveTakesExpiredOnesWithIt) {
  CollectionRecord settings = Settings("c");
  settings.event_retention_micros = 64 * kHour;
  ASSERT_TRUE(harness_.Create(settings).ok());
  ASSERT_TRUE(harness_.Items("c", ItemsAlways({1, 2, 3})).ok());
  ASSERT_TRUE(harness_.Events("c", EventsOf({7, 7, 7}, {1, 1, 2}, {kHour, 2 * kHour, kHour})).ok());
  harness_.clock().Set(74 * kHour);
  harness_.engine().RunHousekeeping();
  ASSERT_EQ(harness_.engine().GetCollection("c")->watermark, 10 * kHour);
  RetractEventsRequest request;
  request.users.values = std::vector<int64_t>{7};
  request.items.values = std::vector<int64_t>{1};
  request.times = {kHour};
  ASSERT_THAT(harness_.Retract("c", request)->found, testing::ElementsAre(1));
  EXPECT_THAT(DrawTwice(7, 80 * kHour), testing::Contains(1));
}

}  // namespace
}  // namespace negatron
