// SPDX-License-Identifier: Apache-2.0
#include "tests/support/law_test_util.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

using testing::HasSubstr;

constexpr double kRate = 1e-9;  // Of false alarms, here.

// A law over items 0, 10, 20, ... with weights 1, 2, ..., rising.
OracleLaw RisingLaw(int items) {
  OracleLaw law;
  for (int i = 0; i < items; ++i) law[i * 10] = 2.0 * (i + 1) / (items * (items + 1.0));
  return law;
}

// A law over items 0 to items - 1 in shuffled order, falling as 1 / rank.
OracleLaw ZipfLaw(int items, SplitMix* random) {
  std::vector<double> weights;
  double total = 0;
  for (int i = 0; i < items; ++i) {
    weights.push_back(1.0 / (i + 1));
    total += weights.back();
  }
  OracleLaw law;
  for (int i = 0; i < items; ++i) {
    std::swap(weights[static_cast<size_t>(i)],
              weights[static_cast<size_t>(random->Between(i, items - 1))]);
    law[i] = weights[static_cast<size_t>(i)] / total;
  }
  return law;
}

// Draws from `law` by inverse CDF; a law that sums to less than 1 is scaled.
std::vector<int64_t> Draw(const OracleLaw& law, int64_t count, SplitMix* random) {
  std::map<double, int64_t> by_end;
  double total = 0;
  for (const auto& [id, q] : law) {
    if (q > 0) by_end[total += q] = id;
  }
  std::vector<int64_t> draws;
  for (int64_t i = 0; i < count; ++i) {
    const auto found = by_end.upper_bound(random->Unit() * total);
    draws.push_back(found == by_end.end() ? by_end.rbegin()->second : found->second);
  }
  return draws;
}

std::map<int64_t, int64_t> CountsOf(const OracleLaw& law, int64_t count, uint64_t seed) {
  SplitMix random(seed);
  return CountDraws(Draw(law, count, &random));
}

// Moves probability: the first half of the items is off by `part`, up, and the
// other half loses as much.
OracleLaw Tilted(OracleLaw law, double part) {
  double upper = 0;
  size_t index = 0;
  for (const auto& [id, q] : law) upper += 2 * index++ < law.size() ? q : 0;
  index = 0;
  for (auto& [id, q] : law) {
    q *= 2 * index++ < law.size() ? 1 + part : 1 - part * upper / (1 - upper);
  }
  return law;
}

TEST(GammaTest, AgreesWithClosedForms) {
  for (double x : {0.01, 0.5, 1.0, 2.5, 7.0, 30.0, 300.0}) {
    EXPECT_NEAR(UpperGamma(1, x) / std::exp(-x), 1, 1e-12) << x;
    EXPECT_NEAR(UpperGamma(3, x) / (std::exp(-x) * (1 + x + x * x / 2)), 1, 1e-12) << x;
    EXPECT_NEAR(UpperGamma(0.5, x) / std::erfc(std::sqrt(x)), 1, 1e-11) << x;
    EXPECT_NEAR(LowerGamma(1, x) / -std::expm1(-x), 1, 1e-12) << x;
    EXPECT_NEAR(LowerGamma(40, x) + UpperGamma(40, x), 1, 1e-12) << x;
  }
  EXPECT_EQ(UpperGamma(2, 0), 1);
  EXPECT_EQ(LowerGamma(2, 0), 0);
}

TEST(ChiSquareTest, HasTheTabulatedQuantiles) {
  EXPECT_NEAR(ChiSquareQuantile(0.05, 1), 3.841459, 1e-6);
  EXPECT_NEAR(ChiSquareQuantile(0.05, 10), 18.307038, 1e-6);
  EXPECT_NEAR(ChiSquareQuantile(0.01, 5), 15.086272, 1e-6);
  EXPECT_NEAR(ChiSquareQuantile(0.001, 100), 149.449253, 1e-6);
  EXPECT_NEAR(ChiSquareQuantile(0.95, 10), 3.940299, 1e-6);
  EXPECT_NEAR(ChiSquareQuantile(1e-9, 2), -2 * std::log(1e-9), 1e-9);
  EXPECT_NEAR(ChiSquareTail(ChiSquareQuantile(1e-12, 1999), 1999) / 1e-12, 1, 1e-6);
}

TEST(PoissonTest, HasTheSumsOfItsTerms) {
  EXPECT_EQ(PoissonTail(3, 0), 1);
  EXPECT_NEAR(PoissonTail(3, 1), 1 - std::exp(-3), 1e-14);
  EXPECT_NEAR(PoissonTail(3, 3), 1 - std::exp(-3) * (1 + 3 + 4.5), 1e-14);
  EXPECT_NEAR(PoissonTail(1e-6, 2) / 0.5e-12, 1, 1e-5);
}

TEST(FalseAlarmBudgetTest, IsSplitEvenlyAndNotOverdrawn) {
  FalseAlarmBudget budget(4, 1e-6);
  double spent = 0;
  for (int i = 0; i < 4; ++i) spent += budget.Next();
  EXPECT_DOUBLE_EQ(spent, 1e-6);
  EXPECT_NONFATAL_FAILURE(budget.Next(), "too few tests");
  EXPECT_DOUBLE_EQ(FalseAlarmBudget(10).Next(), kFalseAlarmBudget / kLawTestPrograms / 10);
}

TEST(FitsLawTest, PassesTheRightSampler) {
  SplitMix random(1);
  for (int items : {1, 2, 3, 50, 200, 2000}) {
    EXPECT_TRUE(FitsLaw(CountsOf(RisingLaw(items), 50000, 2), RisingLaw(items), kRate)) << items;
    const OracleLaw zipf = ZipfLaw(items, &random);
    EXPECT_TRUE(FitsLaw(CountsOf(zipf, 50000, 3), zipf, kRate)) << items;
  }
}

TEST(FitsLawTest, KeepsItsRateOfFalseAlarms) {
  // 16 items expected 25 to 390 times, and rare ones; at 5%, 3,000 runs give 150
  // alarms at most on average. Both statistics and the Poisson tails are on the
  // safe side, hence a floor of a third. Six standard deviations are 72.
  OracleLaw law;
  for (int i = 0; i < 16; ++i) law[i] = 0.011 + i * 0.0068;
  for (int i = 16; i < 26; ++i) law[i] = 0.0008;
  int alarms = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    alarms += !FitsLaw(CountsOf(law, 2500, seed), law, 0.05);
  }
  EXPECT_LE(alarms, 150 + 72);
  EXPECT_GE(alarms, 50);
}

TEST(FitsLawTest, FailsIfAnItemIsNeverDrawn) {
  const OracleLaw law = RisingLaw(200);
  OracleLaw wrong = law;
  wrong[70] = 0;  // Expected 20 times in 50,000: too rare to be missed.
  EXPECT_TRUE(FitsLaw(CountsOf(wrong, 50000, 4), law, kRate));
  wrong = law;
  wrong[130] = 0;  // Expected 35 times: chi-square over 200 cells would pass it.
  const testing::AssertionResult result = FitsLaw(CountsOf(wrong, 50000, 4), law, kRate);
  EXPECT_FALSE(result);
  EXPECT_THAT(result.message(), HasSubstr("item 130 was never drawn"));
  wrong = law;
  wrong.erase(1990);  // The last one.
  EXPECT_FALSE(FitsLaw(CountsOf(wrong, 50000, 4), law, kRate));
}

TEST(FitsLawTest, FailsIfItemsWithoutProbabilityAreDrawn) {
  OracleLaw law = RisingLaw(50);
  const std::map<int64_t, int64_t> right = CountsOf(law, 50000, 5);
  std::map<int64_t, int64_t> counts = right;
  counts[55] = 1;
  EXPECT_THAT(FitsLaw(counts, law, kRate).message(), HasSubstr("item 55 was drawn 1 times"));
  law[60 * 10] = 0;
  counts = right;
  counts[600] = 1;
  EXPECT_THAT(FitsLaw(counts, law, kRate).message(), HasSubstr("item 600 was drawn 1 times"));
  counts[600] = 0;
  EXPECT_TRUE(FitsLaw(counts, law, kRate));
}

TEST(FitsLawTest, FailsIfLawIsOffByThreePercent) {
  const OracleLaw law = RisingLaw(100);
  EXPECT_FALSE(FitsLaw(CountsOf(Tilted(law, 0.03), 1000000, 6), law, kRate));
  EXPECT_FALSE(FitsLaw(CountsOf(Tilted(law, -0.03), 1000000, 6), law, kRate));
  EXPECT_TRUE(FitsLaw(CountsOf(Tilted(law, 0), 1000000, 6), law, kRate));
}

TEST(FitsLawTest, FailsIfItemsAreSwapped) {
  const OracleLaw law = RisingLaw(200);
  OracleLaw wrong = law;
  std::swap(wrong[500], wrong[1500]);
  const testing::AssertionResult result = FitsLaw(CountsOf(wrong, 50000, 7), law, kRate);
  EXPECT_FALSE(result);
  EXPECT_THAT(result.message(), HasSubstr("item 500: drawn"));
}

TEST(FitsLawTest, FailsIfARareItemIsDrawnTooOften) {
  OracleLaw law = RisingLaw(100);
  for (auto& [id, q] : law) q *= 1 - 1e-5;
  law[5] = 1e-5;  // Half a time in 50,000; hidden in a pooled cell.
  std::map<int64_t, int64_t> counts = CountsOf(law, 50000, 8);
  EXPECT_TRUE(FitsLaw(counts, law, kRate));
  counts[5] = 15;
  EXPECT_THAT(FitsLaw(counts, law, kRate).message(), HasSubstr("item 5 drawn too often"));
}

TEST(FitsLawTest, FailsIfManyRareItemsAreDrawnTooOften) {
  OracleLaw law = {{-1, 1 - 1e-4}};
  for (int i = 0; i < 1000; ++i) law[i] = 1e-7;
  std::map<int64_t, int64_t> counts = {{-1, 50000}};
  EXPECT_TRUE(FitsLaw(counts, law, kRate));
  for (int i = 0; i < 40; ++i) counts[i] = 1;  // 5 are expected, over all.
  EXPECT_THAT(FitsLaw(counts, law, kRate).message(), HasSubstr("all rare items"));
}

TEST(FitsLawTest, FailsIfNothingIsTested) {
  const OracleLaw law = RisingLaw(100);
  EXPECT_THAT(FitsLaw(CountsOf(law, 40, 9), law, kRate).message(), HasSubstr("too few"));
  EXPECT_THAT(FitsLaw({}, law, kRate).message(), HasSubstr("too few"));
  EXPECT_THAT(FitsLaw({}, {}, kRate).message(), HasSubstr("not a law"));
  EXPECT_THAT(FitsLaw({{1, 5000}}, {{1, 0.999}}, kRate).message(), HasSubstr("not a law"));
  EXPECT_FALSE(FitsLaw({{1, 5000}}, {{1, std::nan("")}}, kRate));
}

// Runs TransformTest over rows with laws of their own, drawn as `wrong` says.
testing::AssertionResult Transformed(int rows,
                                     const std::function<OracleLaw(const OracleLaw&)>& wrong) {
  SplitMix random(10);
  TransformTest test(11);
  for (int row = 0; row < rows; ++row) {
    const OracleLaw law = ZipfLaw(100, &random);
    test.Add(law, Draw(wrong(law), 4, &random));
  }
  return test.Verdict(kRate);
}

TEST(TransformTest, PassesTheRightSampler) {
  EXPECT_TRUE(Transformed(5000, [](const OracleLaw& law) { return law; }));
}

TEST(TransformTest, KeepsItsRateOfFalseAlarms) {
  SplitMix random(12);
  const OracleLaw law = ZipfLaw(10, &random);
  int alarms = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    TransformTest test(seed);
    test.Add(law, Draw(law, 1000, &random));
    alarms += !test.Verdict(0.1);
  }
  EXPECT_LE(alarms, 100 + 57);  // Six standard deviations above what is allowed.
  EXPECT_GE(alarms, 20);        // Union bounds cost less than this.
}

TEST(TransformTest, FailsIfAnItemIsNeverDrawn) {
  const testing::AssertionResult result = Transformed(5000, [](OracleLaw law) {
    law[42] = 0;
    return law;
  });
  EXPECT_FALSE(result);
  EXPECT_THAT(result.message(), HasSubstr("item 42 was never drawn"));
}

TEST(TransformTest, FailsIfLawIsOffByThreePercent) {
  EXPECT_FALSE(Transformed(50000, [](const OracleLaw& law) { return Tilted(law, 0.03); }));
}

TEST(TransformTest, FailsIfItemsAreSwapped) {
  // Of each pair of neighbours: a shift that hardly shows in the order by id.
  const testing::AssertionResult result = Transformed(5000, [](OracleLaw law) {
    for (int64_t i = 0; i < 100; i += 2) std::swap(law[i], law[i + 1]);
    return law;
  });
  EXPECT_FALSE(result);
  EXPECT_THAT(result.message(), HasSubstr("items in order"));
}

TEST(TransformTest, FailsIfTheLawOfAnotherRowIsUsed) {
  OracleLaw previous;
  EXPECT_FALSE(Transformed(5000, [&previous](const OracleLaw& law) {
    const OracleLaw stale = previous.empty() ? law : previous;
    previous = law;
    return stale;
  }));
}

TEST(TransformTest, FailsIfItemsWithoutProbabilityAreDrawn) {
  TransformTest test(13);
  SplitMix random(14);
  const OracleLaw law = RisingLaw(50);
  test.Add(law, Draw(law, 5000, &random));
  EXPECT_TRUE(test.Verdict(kRate));
  test.Add({{10, 1.0}}, {20});  // Fine in another row.
  EXPECT_THAT(test.Verdict(kRate).message(), HasSubstr("item 20 was drawn"));
}

TEST(TransformTest, FailsIfNothingIsTested) {
  TransformTest test(15);
  EXPECT_THAT(test.Verdict(kRate).message(), HasSubstr("too few"));
  test.Add({{1, 0.5}}, {});
  EXPECT_THAT(test.Verdict(kRate).message(), HasSubstr("not a law"));
}

TEST(LogQAgreesTest, HoldsTheStatedTolerance) {
  EXPECT_TRUE(LogQAgrees(-3.000009, -3));
  EXPECT_FALSE(LogQAgrees(-3.000011, -3));
  EXPECT_TRUE(LogQAgrees(-320.00009, -320));
  EXPECT_FALSE(LogQAgrees(-320.00011, -320));
  const double nan = std::nan("");
  EXPECT_TRUE(LogQAgrees(nan, nan));
  EXPECT_FALSE(LogQAgrees(nan, -1));
  EXPECT_FALSE(LogQAgrees(-1, nan));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(LogQAgrees(-infinity, -infinity));
  EXPECT_FALSE(LogQAgrees(-infinity, -5));
}

TEST(LogQAgreesTest, LooksUpTheItem) {
  const OracleLaw law = {{1, 0.25}, {2, 0.75}, {3, 0}};
  EXPECT_TRUE(LogQAgrees(std::log(0.25), law, 1));
  EXPECT_THAT(LogQAgrees(std::log(0.25), law, 2).message(), HasSubstr("item 2"));
  EXPECT_FALSE(LogQAgrees(-std::numeric_limits<double>::infinity(), law, 3));
  EXPECT_FALSE(LogQAgrees(std::log(0.25), law, 4));
}

TEST(SlotsAreSystematicTest, AcceptsWhatSomeOffsetGives) {
  const std::vector<double> shares = {0.25, 0.35, 0, 0.4};
  for (double u = 0; u < 1; u += 1.0 / 64) {
    std::vector<int64_t> counts;
    double cumulated = 0;
    double before = std::floor(u);
    for (double share : shares) {
      cumulated += share;
      const double after = std::floor(10 * cumulated + u + 1e-12);
      counts.push_back(static_cast<int64_t>(after - before));
      before = after;
    }
    EXPECT_TRUE(SlotsAreSystematic(shares, counts)) << u;
  }
}

TEST(SlotsAreSystematicTest, RefusesOthers) {
  EXPECT_FALSE(SlotsAreSystematic({0.5, 0.5}, {6, 4}));
  EXPECT_FALSE(SlotsAreSystematic({0.5, 0.5}, {4, 6}));
  // Each count is a rounding of its part, and yet no offset gives all of them.
  EXPECT_TRUE(SlotsAreSystematic({0.25, 0.25, 0.25, 0.25}, {1, 0, 1, 0}));
  EXPECT_FALSE(SlotsAreSystematic({0.25, 0.25, 0.25, 0.25}, {1, 1, 0, 0}));
  EXPECT_FALSE(SlotsAreSystematic({1, 0}, {1, 1}));
  EXPECT_FALSE(SlotsAreSystematic({0.5, 0.4}, {5, 4}));
  EXPECT_FALSE(SlotsAreSystematic({1}, {1, 0}));
}

}  // namespace
}  // namespace negatron
