// SPDX-License-Identifier: Apache-2.0
// Shared blocks in the audit log.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/engine/audit_codec.h"
#include "tests/server/engine/engine_harness.h"

namespace negatron {
namespace {

using ::testing::IsEmpty;

constexpr int64_t kDay = 24LL * 3600 * 1000000;

TEST(AuditBlocksTest, KeepsBlocksWithTheirMasks) {
  EngineHarness harness;
  ASSERT_TRUE(harness.Open().ok());
  CollectionRecord settings = Settings("c");
  settings.audit = AuditSettings{1, 7 * kDay, kMinAuditBytes};
  ASSERT_TRUE(harness.Create(settings).ok());
  ASSERT_TRUE(harness.Items("c", ItemsAlways({1, 2, 3, 4})).ok());
  const auto kept_calls = [&] {
    harness.engine().RunHousekeeping();
    const auto page = harness.engine().ListAudits("c", {.limit = 100});
    EXPECT_TRUE(page.ok()) << page.status();
    return page->records;
  };
  SharedRequest request;
  request.rows = SampleOf(UniformSource{}, 3, 20, 1000);
  request.rows.seed = 6;
  request.rows.default_as_of.reset();
  request.rows.users = IdBatch{std::vector<int64_t>{7, 8, 9}};
  request.rows.positives = IdBatch{std::vector<int64_t>{1, 2, 99}};
  request.block_key = 12;
  const auto drawn = harness.engine().SampleShared("c", request, Cancellation());
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  const std::vector<AuditRecord> kept = kept_calls();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0].shared);
  EXPECT_FALSE(kept[0].candidates);
  EXPECT_EQ(kept[0].row_count, 3);
  EXPECT_EQ(kept[0].negative_count, 20);
  const auto call = harness.engine().GetAudit("c", kept[0].time);
  ASSERT_TRUE(call.ok()) << call.status();
  const SharedRequest told = call->call.shared_request();
  EXPECT_EQ(told.block_key, 12u);
  EXPECT_EQ(told.negatives_time, drawn->negatives_time);
  EXPECT_EQ(told.rows.users->numbers(), request.rows.users->numbers());
  const SharedResult result = call->call.shared_result();
  EXPECT_TRUE(
      std::equal(result.ids.begin(), result.ids.end(), drawn->ids.begin(), drawn->ids.end()));
  EXPECT_EQ(result.log_q, drawn->log_q);
  EXPECT_EQ(result.components, drawn->components);
  EXPECT_EQ(result.false_mask, drawn->false_mask);
  EXPECT_NE(result.false_mask, std::vector<uint8_t>(drawn->false_mask.size(), 0));
  EXPECT_EQ(result.log_remaining, drawn->log_remaining);
  EXPECT_EQ(result.drawn_by_component, drawn->drawn_by_component);
  EXPECT_EQ(result.snapshot.commit_sequence, drawn->snapshot.commit_sequence);
  const auto replay = harness.engine().ReplayAudit("c", kept[0].time, Cancellation());
  ASSERT_TRUE(replay.ok()) << replay.status();
  EXPECT_FALSE(replay->difference.has_value()) << replay->difference->column;
  // Another key is another call.
  request.block_key = 13;
  ASSERT_TRUE(harness.engine().SampleShared("c", request, Cancellation()).ok());
  EXPECT_EQ(kept_calls().size(), 2u);
  // Users of its rows are named by it.
  EraseUsersRequest erasure;
  erasure.users.values = std::vector<int64_t>{8};
  ASSERT_TRUE(harness.Erase("c", erasure).ok());
  EXPECT_THAT(kept_calls(), IsEmpty());
}

TEST(AuditBlocksTest, ADifferenceIsNamedByColumnAndEntry) {
  AuditedCall kept;
  AuditedCall drawn;
  kept.false_mask = {3, 0};
  drawn.false_mask = {3, 4};
  const auto mask = FirstDifference(kept, drawn);
  ASSERT_TRUE(mask.has_value());
  EXPECT_EQ(mask->column, "false_mask");
  EXPECT_EQ(mask->index, 1);
  drawn = kept;
  kept.log_remaining = {-1};
  drawn.log_remaining = {-2};
  EXPECT_EQ(FirstDifference(kept, drawn)->column, "log_remaining");
}

}  // namespace
}  // namespace negatron
