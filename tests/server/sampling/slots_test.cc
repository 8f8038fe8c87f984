// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/slots.h"

#include <array>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace negatron {
namespace {

std::vector<int> Counts(const std::vector<double>& shares, int slots, double u) {
  std::vector<int> counts(shares.size());
  SystematicCounts(shares, slots, u, counts);
  return counts;
}

TEST(SystematicCountsTest, GivesWholeSharesExactly) {
  for (const double u : {0.0, 0.3, 0.999}) {
    EXPECT_THAT(Counts({1, 1, 2}, 8, u), testing::ElementsAre(2, 2, 4));
  }
}

TEST(SystematicCountsTest, FollowsTheFormula) {
  EXPECT_THAT(Counts({0.3, 0.7}, 4, 0.0), testing::ElementsAre(1, 3));
  EXPECT_THAT(Counts({0.3, 0.7}, 4, 0.79), testing::ElementsAre(1, 3));
  EXPECT_THAT(Counts({0.3, 0.7}, 4, 0.81), testing::ElementsAre(2, 2));
}

TEST(SystematicCountsTest, AddUpAndHaveTheRightMeanOverU) {
  const std::vector<double> shares = {0.05, 0.0, 0.25, 0.4, 0.3};
  constexpr int kSteps = 1000, kSlots = 7;
  std::array<double, 5> sums{};
  for (int step = 0; step < kSteps; ++step) {
    const std::vector<int> counts = Counts(shares, kSlots, (step + 0.5) / kSteps);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), kSlots);
    EXPECT_EQ(counts[1], 0);
    for (size_t k = 0; k < 5; ++k) sums[k] += counts[k];
  }
  for (size_t k = 0; k < 5; ++k) EXPECT_NEAR(sums[k] / kSteps, kSlots * shares[k], 2e-3);
}

TEST(SystematicCountsTest, NothingGoesToATrailingZeroShare) {
  for (const double u : {0.0, 0.5, 0.9999999999}) {
    EXPECT_THAT(Counts({0.1, 0.2, 0.0}, 131072, u)[2], 0);
  }
}

}  // namespace
}  // namespace negatron
