// SPDX-License-Identifier: Apache-2.0
// Mistakes that other samplers made, each a test by name, for every catalogue and user
// source. Rates of false alarms are those of tests/support/law_test_util.h.
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/philox.h"
#include "tests/server/sampling/plain_pool.h"
#include "tests/support/law_test_util.h"
#include "tests/support/random_catalogue.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr Ordinal kWriter = 0;  // The user of whom all positives are.
constexpr Ordinal kReader = 1;  // The user for whom rows ask.
// On the grid of popularity and behind all events, so that every source sees them all.
constexpr Micros kNow = 20 * kTestHour;

// Law tests of a source in this file, at most.
constexpr int kLawTests = 12;

double FalseAlarm() {
  return kFalseAlarmBudget / kLawTestPrograms / kLawTests /
         static_cast<double>(EverySource().size());
}

// `count` items that all sources draw with the same probability at kNow.
PlainPool EqualItems(int count) {
  PlainPool pool;
  pool.AddItems(count);
  for (Ordinal item = 0; item < static_cast<Ordinal>(count); ++item) {
    pool.AddOfEachKind(kWriter, kReader, item, 0);
  }
  return pool;
}

class EverySourceTest : public testing::TestWithParam<NamedSource> {
 protected:
  static const PolicyComponent& component() { return GetParam().component; }
  static Policy Only(bool unique = false) { return {{component()}, unique}; }
};

std::string NameOf(const testing::TestParamInfo<NamedSource>& source) {
  return std::string(source.param.name);
}

INSTANTIATE_TEST_SUITE_P(KnownMistakes, EverySourceTest, testing::ValuesIn(EverySource()), NameOf);

// An alias table indexed by uniform_real(0, n - 1) never gives the last item. 400 draws
// an item.
TEST_P(EverySourceTest, TheLastItemIsDrawnAsOftenAsTheFirst) {
  constexpr int kItems = 257;
  const PlainPool plain = EqualItems(kItems);
  const auto pool = plain.Build(50);
  const PlainRow row{kNow, kReader};
  const DrawnRows drawn = DrawRows(*pool, Only(), {row}, kItems * 400, 1);
  const OracleLaw law = LawOf(plain, component(), row);
  ASSERT_EQ(law.size(), size_t{kItems});
  EXPECT_TRUE(FitsLaw(drawn.Count(0, 1), law, FalseAlarm()));
}

// Those whose weights can be 2^24 apart.
std::vector<NamedSource> SourcesByEvents() {
  std::vector<NamedSource> sources = EverySource();
  std::erase_if(sources, [](const NamedSource& source) {
    const auto* popularity = std::get_if<PopularitySource>(&source.component.source);
    return source.component.kind() == SourceKind::kUniform ||
           (popularity != nullptr && popularity->alpha != 1);
  });
  return sources;
}

class SourceByEventsTest : public EverySourceTest {};

INSTANTIATE_TEST_SUITE_P(KnownMistakes, SourceByEventsTest, testing::ValuesIn(SourcesByEvents()),
                         NameOf);

// What a float loses at 20 million items it loses as well where light items come behind
// a heavy one of 2^24 times their weight: every other of them is never drawn. Of 2^19
// draws, 64 are of light items; none of one half of them by chance: 1e-14.
TEST_P(SourceByEventsTest, NoBitsOfTheFractionAreLost) {
  constexpr int kLight = 2048, kHeavyEvents = 64;
  constexpr float kRatio = 1 << 18;
  PlainPool plain;
  plain.AddItems(kLight + 1);
  for (int i = 0; i < kHeavyEvents; ++i) plain.AddOfEachKind(kWriter, kReader, 0, 0, kRatio / 64);
  for (Ordinal item = 1; item <= kLight; ++item) {
    plain.AddOfEachKind(kWriter, kReader, item, 0, 1.0f / 64);
  }
  const auto pool = plain.Build();
  const DrawnRows drawn = DrawRows(*pool, Only(), {{kNow, kReader}}, 1 << 19, 1);
  std::map<int64_t, int> light_draws;  // By the lowest bit.
  for (const auto& [item, count] : drawn.Count(0, 1)) {
    if (item > 0) light_draws[item % 2] += static_cast<int>(count);
  }
  EXPECT_GT(light_draws[0], 0);
  EXPECT_GT(light_draws[1], 0);
  // Poisson of mean 64: outside of [20, 130] with 1e-9.
  EXPECT_GT(light_draws[0] + light_draws[1], 20);
  EXPECT_LT(light_draws[0] + light_draws[1], 130);
}

TEST_P(EverySourceTest, ExclusionsOfOneRowDoNotLeakIntoTheNext) {
  constexpr int kItems = 64, kDraws = kItems * 100;
  const PlainPool plain = EqualItems(kItems);
  const auto pool = plain.Build();
  const PlainRow free{kNow, kReader};
  PlainRow named = free;
  for (Ordinal item = 1; item < kItems; ++item) named.exclusions.push_back(item);
  PlainRow others = free;
  for (Ordinal item = 0; item + 1 < kItems; ++item) others.exclusions.push_back(item);
  PlainRow history = free;
  history.user = kWriter;  // Has seen everything.
  PlainRow positive = free;
  positive.positive = 7;
  const std::vector<PlainRow> rows = {named, free, others, free, history, free, positive, free};
  const DrawnRows drawn = DrawRows(*pool, Only(), rows, kDraws, 1);
  for (int r = 0; r < static_cast<int>(rows.size()); ++r) {
    const DrawnRows alone = DrawRows(*pool, Only(), {rows[r]}, kDraws, 1, 1 + r);
    EXPECT_TRUE(drawn.Bytes(r) == alone.Bytes(0)) << "row " << r;
  }
  EXPECT_EQ(drawn.Count(0, 1), (std::map<int64_t, int64_t>{{0, kDraws}}));
  EXPECT_EQ(drawn.Count(2, 3), (std::map<int64_t, int64_t>{{kItems - 1, kDraws}}));
  EXPECT_TRUE(drawn.Count(4, 5).empty());
  EXPECT_TRUE(FitsLaw(drawn.Count(6, 7), LawOf(plain, component(), positive), FalseAlarm()));
  for (const int r : {1, 3, 5, 7}) {
    EXPECT_TRUE(FitsLaw(drawn.Count(r, r + 1), LawOf(plain, component(), free), FalseAlarm() / 4));
  }
}

// No positive, not the oldest item, no endless loop.
TEST_P(EverySourceTest, AUserWhoHasSeenEverythingGetsNothing) {
  constexpr int kItems = 40;
  PlainPool plain = EqualItems(kItems);
  for (Ordinal item = 0; item < kItems; ++item) {
    plain.Add(EventKind::kPositive, kReader, item, kTestHour + item);
  }
  const auto pool = plain.Build();
  const PlainRow row{kNow, kReader};
  for (const bool unique : {false, true}) {
    for (const int cap : {0, 3}) {
      Policy policy = Only(unique);
      policy.category_cap = cap;
      const DrawnRows drawn = DrawRows(*pool, policy, {row}, 1000, 1);
      ASSERT_TRUE(drawn.status.ok());
      EXPECT_EQ(drawn.StatusOf(0), RowStatus::kExhausted);
      EXPECT_EQ(drawn.drawn[0], 0);
      EXPECT_THAT(drawn.items, testing::Each(kNoOrdinal));
    }
  }
}

// The same for a row that has one item left, in the middle, and asks for many.
TEST_P(EverySourceTest, AUserWhoHasSeenAllButOneGetsThatOne) {
  constexpr Ordinal kItems = 40, kLeft = 17;
  PlainPool plain = EqualItems(kItems);
  for (Ordinal item = 0; item < kItems; ++item) {
    if (item != kLeft) plain.Add(EventKind::kPositive, kReader, item, kTestHour);
  }
  const auto pool = plain.Build();
  for (const bool unique : {false, true}) {
    const DrawnRows drawn = DrawRows(*pool, Only(unique), {{kNow, kReader}}, 200, 1);
    const int count = unique ? 1 : 200;
    EXPECT_EQ(drawn.StatusOf(0), unique ? RowStatus::kShort : RowStatus::kOk);
    EXPECT_EQ(drawn.drawn[0], count);
    EXPECT_EQ(drawn.Count(0, 1), (std::map<int64_t, int64_t>{{kLeft, count}}));
    for (int i = 0; i < count; ++i) EXPECT_EQ(drawn.log_q[i], 0.0f);
  }
}

// "Unique" by sorting favours low ids. Simple random samples of K of N items: with c_i
// the rows of R that have item i and p = K/N, sum (c_i - R p)^2 / (R p (1 - p)) * (N-1)/N
// is chi-square with N - 1 degrees of freedom. R = 4,000; 1,000 rows an item.
TEST_P(EverySourceTest, UniqueDoesNotFavourLowIds) {
  constexpr int kItems = 40, kDraws = 10, kRows = 4000;
  const PlainPool plain = EqualItems(kItems);
  const auto pool = plain.Build();
  const DrawnRows drawn =
      DrawRows(*pool, Only(true), std::vector<PlainRow>(kRows, {kNow, kReader}), kDraws, 1);
  const std::map<int64_t, int64_t> counts = drawn.Count(0, kRows);
  ASSERT_EQ(counts.size(), size_t{kItems});
  constexpr double kPart = double{kDraws} / kItems;
  double chi_square = 0;
  for (const auto& [item, count] : counts) {
    const double off = static_cast<double>(count) - kRows * kPart;
    chi_square += off * off / (kRows * kPart * (1 - kPart)) * (kItems - 1) / kItems;
  }
  EXPECT_GT(ChiSquareTail(chi_square, kItems - 1), FalseAlarm()) << testing::PrintToString(counts);
  std::map<int64_t, int64_t> first;
  for (int r = 0; r < kRows; ++r) ++first[drawn.items[r * kDraws]];
  EXPECT_TRUE(FitsLaw(first, LawOf(plain, component(), {kNow, kReader}), FalseAlarm()));
}

// Without repetition the second draw has the law of what the first left: pairs (i, j)
// have probability q_i q_j / (1 - q_i). 40,000 rows.
TEST_P(EverySourceTest, UniqueFollowsTheLawOfSuccessiveDraws) {
  constexpr Ordinal kItems = 6;
  constexpr int kRows = 40000;
  PlainPool plain;
  for (Ordinal item = 0; item < kItems; ++item) {
    const auto weight = static_cast<float>(1 + item);
    plain.AddItem({Interval{}}, weight / 4);
    plain.AddOfEachKind(kWriter, kReader, item, kTestHour * item, weight);
  }
  const auto pool = plain.Build();
  const DrawnRows drawn =
      DrawRows(*pool, Only(true), std::vector<PlainRow>(kRows, {kNow, kReader}), 2, 1);
  std::map<int64_t, int64_t> pairs;
  for (int r = 0; r < kRows; ++r) ++pairs[drawn.items[2 * r] * kItems + drawn.items[2 * r + 1]];
  const OracleLaw law = LawOf(plain, component(), {kNow, kReader});
  OracleLaw law_of_pairs;
  for (const auto& [i, q] : law) {
    for (const auto& [j, next] : law) {
      if (i != j) law_of_pairs[i * kItems + j] = q * next / (1 - q);
    }
  }
  EXPECT_TRUE(FitsLaw(pairs, law_of_pairs, FalseAlarm()));
}

// Popularity counted over train, validation and test: for rows as of t, events from t on
// change nothing, to the bit, in whatever order they were written; but for rows at the very
// end of the log, which are drawn in another way, where no probability changes.
TEST_P(EverySourceTest, TheFutureDoesNotLeak) {
  constexpr Micros kEnd = 30 * kTestHour;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    PlainPool all = RandomPlainPool(TestSeed(seed));
    PlainPool ended = all;
    std::erase_if(ended.events, [](const EventRecord& event) {
      // A trainer hands back mined negatives for a row with the row's own time.
      return event.kind == EventKind::kMined ? event.time > kEnd : event.time >= kEnd;
    });
    PlainPool past = ended;
    std::set<int> cohorts;  // One event of each shows that the log goes on.
    for (const EventRecord& event : all.events) {
      const bool later = event.kind == EventKind::kPositive && event.time >= kEnd;
      if (later && cohorts.insert(event.cohort).second) past.events.push_back(event);
    }
    PlainPool late = past;  // The future first, then the past.
    late.events.clear();
    for (const EventRecord& event : all.events) {
      if (event.time > kEnd) late.events.push_back(event);
    }
    for (const EventRecord& event : all.events) {
      if (event.time <= kEnd) late.events.push_back(event);
    }
    SplitMix random(seed);
    std::vector<PlainRow> rows = RandomPlainRows(random, 40, kEnd);
    for (size_t r = 0; r < rows.size(); r += 4) rows[r].as_of = kEnd;
    for (const bool unique : {false, true}) {
      const DrawnRows expected = DrawRows(*past.Build(), Only(unique), rows, 12, seed);
      const DrawnRows with_future = DrawRows(*all.Build(37), Only(unique), rows, 12, seed);
      const DrawnRows future_first = DrawRows(*late.Build(101), Only(unique), rows, 12, seed);
      const DrawnRows at_the_end = DrawRows(*ended.Build(), Only(unique), rows, 12, seed);
      int served = 0;
      int compared = 0;
      for (int r = 0; r < static_cast<int>(rows.size()); ++r) {
        ASSERT_TRUE(expected.Bytes(r) == with_future.Bytes(r)) << "seed " << seed << " row " << r;
        ASSERT_TRUE(expected.Bytes(r) == future_first.Bytes(r)) << "seed " << seed << " row " << r;
        served += static_cast<int>(expected.drawn[r] > 0);
        std::map<Ordinal, float> log_q;
        for (int k = 12 * r; k < 12 * (r + 1); ++k) log_q[expected.items[k]] = expected.log_q[k];
        for (int k = 12 * r; k < 12 * (r + 1); ++k) {
          const auto known = log_q.find(at_the_end.items[k]);
          if (known == log_q.end() || known->first == kNoOrdinal) continue;
          ASSERT_EQ(at_the_end.log_q[k], known->second) << "seed " << seed << " row " << r;
          ++compared;
        }
      }
      EXPECT_GT(served, 5);
      EXPECT_GT(compared, 5);
    }
  }
}

// Filtered samples weighted by unfiltered sizes: the newest segment of time has a thousand
// events of other items and one of the category, cohort and living; an older one
// has most of theirs. 40,000 draws for each of three filters.
TEST_P(EverySourceTest, FiltersWeighSegmentsByWhatPassesThem) {
  constexpr Micros kOld = -80 * kTestHour;  // More than eight half-lives of 9 h before.
  PlainPool plain;
  const Ordinal crowd = plain.AddItem({{kAlways, 10 * kTestHour}}, 1, {"crowd"});
  for (int i = 0; i < 6; ++i) plain.AddItem({Interval{}}, 1, {"all", "rare"});
  for (int i = 0; i < 1000; ++i) {
    plain.AddOfEachKind(kWriter, kReader, crowd, kTestHour * 5 + i);
    plain.events[plain.events.size() - 3].cohort = 2;
  }
  plain.AddOfEachKind(kWriter, kReader, 1, kTestHour * 6);
  for (Ordinal item = 2; item <= 6; ++item) {
    for (Ordinal i = 0; i < 40 * item; ++i) {
      plain.AddOfEachKind(kWriter, kReader, item, kOld + kTestHour * item, 4);
    }
  }
  const auto pool = plain.Build(333);
  PolicyComponent of_category = component();
  of_category.category = "rare";
  PlainRow early{9 * kTestHour, kReader};  // While the crowd lives.
  PlainRow without_crowd = early;
  without_crowd.exclusions = {crowd};
  const PlainRow after_crowd{12 * kTestHour, kReader};
  const std::vector<std::pair<PolicyComponent, PlainRow>> cases = {
      {of_category, early}, {component(), without_crowd}, {component(), after_crowd}};
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto& [filtered, row] = cases[i];
    const OracleLaw law = LawOf(plain, filtered, row);
    ASSERT_GT(law.size(), 0u);
    const DrawnRows drawn = DrawRows(*pool, {{filtered}}, {row}, 40000, i);
    EXPECT_TRUE(FitsLaw(drawn.Count(0, 1), law, FalseAlarm() / 3)) << "case " << i;
    for (size_t d = 0; d < drawn.items.size(); ++d) {
      ASSERT_TRUE(LogQAgrees(drawn.log_q[d], law, drawn.items[d])) << "case " << i;
    }
  }
}

// A tolerance so loose that an item which is never drawn passes: the tests above must
// fail for a sampler that leaves out one of 257 items, at 50 draws an item.
TEST_P(EverySourceTest, AnItemThatIsNeverDrawnFailsATest) {
  constexpr int kItems = 257, kRows = 50;
  const PlainPool plain = EqualItems(kItems);
  const auto pool = plain.Build();
  const PlainRow row{kNow, kReader};
  PlainRow broken = row;
  broken.exclusions = {kItems - 1};
  const OracleLaw law = LawOf(plain, component(), row);
  const DrawnRows drawn = DrawRows(*pool, Only(), std::vector<PlainRow>(kRows, broken), kItems, 1);
  EXPECT_FALSE(FitsLaw(drawn.Count(0, kRows), law, FalseAlarm()));
  TransformTest transform(1);
  for (int r = 0; r < kRows; ++r) {
    const auto first = drawn.items.begin() + r * kItems;
    transform.Add(law, {first, first + kItems});
  }
  EXPECT_FALSE(transform.Verdict(FalseAlarm()));
}

// Of 20 million items each index is as likely as any other, the last is reached, and low
// bits are as random as high ones: 160,000 draws over 16 residues.
TEST(KnownMistakesTest, IndicesOfTwentyMillionItemsKeepAllTheirBits) {
  constexpr uint64_t kItems = 20000003;
  EXPECT_EQ(BelowBound(~uint64_t{0}, kItems), kItems - 1);
  EXPECT_EQ(BelowBound(0, kItems), 0u);
  // The least fraction of a draw by inverse CDF is far below one item of as many.
  EXPECT_LT(UnitDouble(uint64_t{1} << 11) * 1e8, 1.0 / kItems);
  EXPECT_LT(UnitDouble(~uint64_t{0}), 1.0);
  EXPECT_EQ(static_cast<uint64_t>(UnitDouble(~uint64_t{0}) * kItems), kItems - 1);
  const Philox random(7);
  std::map<int64_t, int64_t> bounded, scaled;
  for (uint32_t i = 0; i < 160000; ++i) {
    const uint64_t bits = absl::Uint128High64(random.Bits(1, i, RandomPurpose::kCatalogue, 0));
    ++bounded[static_cast<int64_t>(BelowBound(bits, kItems) % 16)];
    ++scaled[static_cast<int64_t>(UnitDouble(bits) * kItems) % 16];
  }
  OracleLaw law;
  for (int64_t residue = 0; residue < 16; ++residue) law[residue] = 1.0 / 16;
  EXPECT_TRUE(FitsLaw(bounded, law, FalseAlarm()));
  EXPECT_TRUE(FitsLaw(scaled, law, FalseAlarm()));
}

}  // namespace
}  // namespace negatron
