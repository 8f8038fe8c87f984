// SPDX-License-Identifier: Apache-2.0
// Catalogues and rows at the edge of what the sources are made for.
#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/sampling/shared_block.h"
#include "tests/server/sampling/plain_pool.h"
#include "tests/support/law_test_util.h"

namespace negatron {
namespace {

constexpr Ordinal kWriter = 0;
constexpr Ordinal kReader = 1;
constexpr Micros kNow = 20 * kTestHour;

// Law tests of a source in this file, at most.
constexpr int kLawTests = 40;

double FalseAlarm() {
  return kFalseAlarmBudget / kLawTestPrograms / kLawTests /
         static_cast<double>(EverySource().size());
}

class ExtremesTest : public testing::TestWithParam<NamedSource> {
 protected:
  static const PolicyComponent& component() { return GetParam().component; }
  static Policy Only(bool unique = false) { return {{component()}, unique}; }

  // Draws for the row and holds them against its law; against its status if it has none.
  static void ExpectLaw(const PlainPool& plain, const PoolView& pool, const PlainRow& row,
                        int draws) {
    SCOPED_TRACE(row.as_of);
    const OracleLaw law = LawOf(plain, component(), row);
    const DrawnRows drawn = DrawRows(pool, Only(), {row}, draws, 1);
    ASSERT_TRUE(drawn.status.ok());
    if (law.empty()) {
      EXPECT_NE(drawn.StatusOf(0), RowStatus::kOk);
      EXPECT_THAT(drawn.items, testing::Each(kNoOrdinal));
      return;
    }
    ASSERT_EQ(drawn.StatusOf(0), RowStatus::kOk);
    EXPECT_TRUE(FitsLaw(drawn.Count(0, 1), law, FalseAlarm()));
    for (size_t i = 0; i < drawn.items.size(); ++i) {
      ASSERT_TRUE(LogQAgrees(drawn.log_q[i], law, drawn.items[i]));
    }
  }
};

std::string NameOf(const testing::TestParamInfo<NamedSource>& source) {
  return std::string(source.param.name);
}

INSTANTIATE_TEST_SUITE_P(Sources, ExtremesTest, testing::ValuesIn(EverySource()), NameOf);

TEST_P(ExtremesTest, TheOneItemThatIsLeftOfManyIsCertain) {
  const Ordinal count = GetParam().is_of_user() ? 4000 : 20000;
  PlainPool plain;
  plain.AddItems(static_cast<int>(count));
  for (Ordinal item = 0; item < count; ++item) {
    plain.AddOfEachKind(kWriter, GetParam().is_of_user() ? kReader : kWriter, item, item);
  }
  const Ordinal left = count - 1;  // The newest.
  for (Ordinal item = 0; item < left; ++item) {
    plain.Add(EventKind::kPositive, kReader, item, kTestHour + item % 1000);
  }
  const auto pool = plain.Build();
  for (const bool unique : {false, true}) {
    const DrawnRows drawn =
        DrawRows(*pool, Only(unique), {{kNow, kReader}, {kNow, kReader}}, 300, 1);
    const int64_t expected = unique ? 1 : 300;
    for (int r = 0; r < 2; ++r) {
      EXPECT_EQ(drawn.StatusOf(r), unique ? RowStatus::kShort : RowStatus::kOk);
      EXPECT_EQ(drawn.Count(r, r + 1), (std::map<int64_t, int64_t>{{left, expected}}));
      for (int i = 0; i < expected; ++i) ASSERT_EQ(drawn.log_q[r * 300 + i], 0.0f);
    }
  }
  // A named exclusion takes that as well.
  const DrawnRows none = DrawRows(*pool, Only(), {{kNow, kReader, kNoOrdinal, {left}}}, 300, 1);
  EXPECT_EQ(none.StatusOf(0), RowStatus::kExhausted);
}

// 5,000 items live one after another, 50 at a time; every one has events all the time.
TEST_P(ExtremesTest, OnePercentOfTheCatalogueIsAlive) {
  const int count = GetParam().is_of_user() ? 2000 : 5000;
  const Micros step = kNow / count;
  PlainPool plain;
  for (int i = 0; i < count; ++i) {
    plain.AddItem({{i * step, (i + count / 100) * step}}, i % 2 == 0 ? 1.0f : 0.5f);
    const auto item = static_cast<Ordinal>(i);
    plain.AddOfEachKind(kWriter, kReader, item, 0);
    plain.AddOfEachKind(kWriter, kReader, item, i * step + 1, 1.0f + static_cast<float>(i % 3));
  }
  const auto pool = plain.Build();
  for (const Micros t : {kNow / 2 + 1, kNow - step, kNow / 3}) {
    ExpectLaw(plain, *pool, {t, kReader}, count / 100 * 150);
  }
  // Long after the last death: nobody.
  ExpectLaw(plain, *pool, {2 * kNow, kReader}, 10);
}

// An item of nearly all the mass dies at one instant, at which it has an event too. What
// is left is 2^-20 of what was.
TEST_P(ExtremesTest, TheHeaviestItemDiesAtOneInstant) {
  constexpr Micros kDeath = kNow;
  PlainPool plain;
  const Ordinal heavy = plain.AddItem({{kAlways, kDeath}, {kDeath + kTestHour, kNever}}, 16);
  for (int i = 0; i < 8; ++i) plain.AddItem({Interval{}}, 1.0f / 16);
  for (int i = 0; i < 200; ++i)
    plain.AddOfEachKind(kWriter, kReader, heavy, kDeath - 1000 + i, 4096);
  plain.AddOfEachKind(kWriter, kReader, heavy, kDeath - 1, 4096);
  plain.AddOfEachKind(kWriter, kReader, heavy, kDeath, 4096);
  plain.AddOfEachKind(kWriter, kReader, heavy, kDeath + 1, 4096);  // While dead.
  for (Ordinal item = 1; item <= 8; ++item) {
    plain.AddOfEachKind(kWriter, kReader, item, 10 * item, static_cast<float>(item));
  }
  const auto pool = plain.Build(50);
  for (const Micros t : {kDeath - 1, kDeath, kDeath + 1, kDeath + 2, kDeath + kTestHour - 1,
                         kDeath + kTestHour, kDeath + kTestHour + 1}) {
    ExpectLaw(plain, *pool, {t, kReader}, 4000);
    PlainRow excluding{t, kReader, 3, {heavy}};
    ExpectLaw(plain, *pool, excluding, 4000);
  }
}

TEST_P(ExtremesTest, AnEmptyCollectionHasNoLivingItem) {
  const PlainPool plain;
  const auto pool = plain.Build();
  const DrawnRows drawn = DrawRows(*pool, Only(), {{kNow}, {kMinTime}, {kMaxTime}}, 5, 1);
  ASSERT_TRUE(drawn.status.ok());
  for (int r = 0; r < 3; ++r) EXPECT_EQ(drawn.StatusOf(r), RowStatus::kNoLivingItem);
  EXPECT_THAT(drawn.items, testing::Each(kNoOrdinal));
}

// Before the first event `uniform` has all and the others nothing; at it, still nothing,
// but that mined negatives count at their own time.
TEST_P(ExtremesTest, RowsBeforeTheFirstEventHaveNoEvent) {
  PlainPool plain;
  plain.AddItems(5);
  for (Ordinal item = 0; item < 5; ++item) plain.AddOfEachKind(kWriter, kReader, item, kNow);
  const auto pool = plain.Build();
  const bool needs_events = component().kind() != SourceKind::kUniform;
  const RowStatus expected = needs_events ? RowStatus::kNoEvent : RowStatus::kOk;
  const bool counts_now = component().kind() == SourceKind::kMined;
  const DrawnRows drawn =
      DrawRows(*pool, Only(), {{kMinTime, kReader}, {kNow - 1, kReader}, {kNow, kReader}}, 50, 1);
  EXPECT_EQ(drawn.StatusOf(0), expected);
  EXPECT_EQ(drawn.StatusOf(1), expected);
  EXPECT_EQ(drawn.StatusOf(2), counts_now ? RowStatus::kOk : expected);
  ExpectLaw(plain, *pool, {kNow + 1000 * kTestHour, kReader}, 2000);
}

// Weights matter up to a factor: however long ago the last event was, the law is as it
// was then. 1,100 half-lives of 13 hours are more than a double holds.
TEST_P(ExtremesTest, RowsLongAfterTheLastEventKeepItsLaw) {
  PlainPool plain;
  plain.AddItems(5);
  for (Ordinal item = 0; item < 5; ++item) {
    plain.AddOfEachKind(kWriter, kReader, item, item * kTestHour, static_cast<float>(1 + item));
  }
  const auto pool = plain.Build();
  for (const int64_t half_lives : {100, 1000, 1060, 1100, 10000}) {
    ExpectLaw(plain, *pool, {half_lives * 13 * kTestHour, kReader}, 2000);
  }
  ExpectLaw(plain, *pool, {kMaxTime, kReader}, 2000);
}

TEST_P(ExtremesTest, EverythingNamedIsExhausted) {
  PlainPool plain;
  plain.AddItems(300);
  PlainRow row{kNow, kReader};
  for (Ordinal item = 0; item < 300; ++item) {
    plain.AddOfEachKind(kWriter, kReader, item, 0);
    row.exclusions.push_back(item);
    row.exclusions.push_back(299 - item);  // Twice, and not in order.
  }
  const auto pool = plain.Build();
  EXPECT_EQ(DrawRows(*pool, Only(), {row}, 10, 1).StatusOf(0), RowStatus::kExhausted);
  EXPECT_EQ(DrawRows(*pool, Only(true), {row}, 10, 1).StatusOf(0), RowStatus::kExhausted);
}

TEST_P(ExtremesTest, WorkThatNobodyWaitsForDoesNotStart) {
  PlainPool plain;
  plain.AddItems(10);
  for (Ordinal item = 0; item < 10; ++item) plain.AddOfEachKind(kWriter, kReader, item, 0);
  const auto pool = plain.Build();
  const Cancellation late(absl::InfinitePast());
  EXPECT_EQ(DrawRows(*pool, Only(), {{kNow, kReader}}, 5, 1, 1, late).status.code(),
            absl::StatusCode::kDeadlineExceeded);
  Cancellation cancelled;
  cancelled.Cancel();
  EXPECT_EQ(DrawRows(*pool, Only(true), {{kNow, kReader}}, 5, 1, 1, cancelled).status.code(),
            absl::StatusCode::kCancelled);
}

// A catalogue whose enumeration takes long, by a source without an index.
class EnumerationTest : public testing::Test {
 protected:
  static constexpr int kItems = 60000;

  EnumerationTest() {
    PlainPool plain;
    plain.AddItems(kItems);
    for (Ordinal item = 0; item < kItems; ++item) {
      for (int i = 0; i < 4; ++i) plain.Add(EventKind::kPositive, kWriter, item, item + i);
    }
    pool_ = plain.Build();
    PopularitySource unlisted;
    unlisted.half_life_micros = 11 * kTestHour;
    policy_.components = {{1, "", unlisted}};
  }

  std::shared_ptr<const PoolView> pool_;
  Policy policy_;
};

// Rows of 20,000 times need an enumeration each: minutes, if nobody ended them.
TEST_F(EnumerationTest, ACallerThatGoesAwayEndsIt) {
  std::vector<PlainRow> rows;
  for (int r = 0; r < 20000; ++r) rows.push_back({kNow + r, kReader});
  Cancellation cancellation;
  absl::Status status;
  std::thread worker(
      [&] { status = DrawRows(*pool_, policy_, rows, 1, 1, 1, cancellation).status; });
  cancellation.Cancel();
  worker.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  const Cancellation deadline(absl::Now() + absl::Milliseconds(100));
  EXPECT_EQ(DrawRows(*pool_, policy_, rows, 1, 1, 1, deadline).status.code(),
            absl::StatusCode::kDeadlineExceeded);
}

// A deadline ends a single enumeration, not only the call behind it: the fastest of ten
// that are cut off takes less than half of the fastest of five that are not.
TEST_F(EnumerationTest, ADeadlineEndsASingleOne) {
  const auto time_of = [&](const Cancellation& cancellation, absl::StatusCode expected) {
    const auto start = std::chrono::steady_clock::now();
    const DrawnRows drawn = DrawRows(*pool_, policy_, {{kNow, kReader}}, 1, 1, 1, cancellation);
    EXPECT_EQ(drawn.status.code(), expected);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double whole = 1e9;
  for (int i = 0; i < 5; ++i) {
    whole = std::min(whole, time_of(Cancellation(), absl::StatusCode::kOk));
  }
  double cut_off = 1e9;
  for (int i = 0; i < 10; ++i) {
    const Cancellation deadline(absl::Now() + absl::Seconds(whole / 20));
    cut_off = std::min(cut_off, time_of(deadline, absl::StatusCode::kDeadlineExceeded));
  }
  EXPECT_LT(cut_off, whole / 2);
}

TEST_F(EnumerationTest, ASharedBlockIsCutOffToo) {
  const Micros now = kNow;
  SampleBatch batch;
  batch.row_count = 1;
  batch.negative_count = 8;
  batch.as_of = {&now, 1};
  std::vector<Ordinal> items(8);
  std::vector<float> log_q(8), log_remaining(1);
  std::vector<uint8_t> components(8), mask(1);
  const SharedColumns columns{items, log_q, components, mask, log_remaining};
  SampleTotals totals;
  const Cancellation late(absl::InfinitePast());
  EXPECT_EQ(SampleSharedBlock(policy_, {pool_.get(), nullptr, Philox(1), &late}, batch, now, 5,
                              columns, &totals)
                .code(),
            absl::StatusCode::kDeadlineExceeded);
  Cancellation cancelled;
  cancelled.Cancel();
  EXPECT_EQ(SampleSharedBlock(policy_, {pool_.get(), nullptr, Philox(1), &cancelled}, batch, now, 5,
                              columns, &totals)
                .code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace negatron
