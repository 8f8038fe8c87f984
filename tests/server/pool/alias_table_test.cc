// SPDX-License-Identifier: Apache-2.0
#include "server/pool/alias_table.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

AliasTable TableOf(const std::vector<double>& weights) {
  const Cancellation cancellation;
  return *AliasTable::Of(weights, cancellation);
}

// The probability that the table gives to each position: for each slot, the fraction at which
// what it stands for changes, found by bisection.
std::vector<double> ImpliedLaw(const AliasTable& table) {
  const auto n = static_cast<uint32_t>(table.size());
  std::vector<double> law(n, 0.0);
  for (uint32_t slot = 0; slot < n; ++slot) {
    const uint32_t first = table.Resolve(slot, 0);
    const uint32_t last = table.Resolve(slot, 1 - 0x1p-53);
    double low = 0;
    double high = 1;
    for (int step = 0; first != last && step < 60; ++step) {
      const double middle = (low + high) / 2;
      (table.Resolve(slot, middle) == first ? low : high) = middle;
    }
    law[first] += first == last ? 1 : low;
    if (first != last) law[last] += 1 - low;
  }
  for (double& q : law) q /= n;
  return law;
}

TEST(AliasTableTest, EveryPositionHasItsProbabilityHoweverRare) {
  SplitMix random(3);
  for (const size_t n : {1, 2, 3, 100, 2000}) {
    std::vector<double> weights(n);
    for (double& weight : weights) weight = std::exp2(random.Unit() * 60 - 30);
    weights[n / 2] = std::exp2(40);  // Nearly all of it.
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    const std::vector<double> law = ImpliedLaw(TableOf(weights));
    for (size_t i = 0; i < n; ++i) {
      const double q = weights[i] / total;
      // Below 2^-53 a fraction of a slot can not be told from 0 by bisection.
      ASSERT_NEAR(law[i], q, q * 0x1p-22 + 0x1p-53) << i << " of " << n;
    }
  }
}

TEST(AliasTableTest, PositionsWithoutWeightAreNeverDrawn) {
  std::vector<double> weights(257, 0.0);
  weights[3] = 0.1;
  weights[200] = 1e-9;
  weights[255] = 7;
  const std::vector<double> law = ImpliedLaw(TableOf(weights));
  for (size_t i = 0; i < weights.size(); ++i) EXPECT_EQ(law[i] > 0, weights[i] > 0) << i;
}

// Others drew the slot from [0, n - 1) in float: the last item never came, and at 20 million items
// most fractions did not either.
TEST(AliasTableTest, LastSlotAndAllFractionsAreReached) {
  const AliasTable table = TableOf(std::vector<double>(1000, 1.0));
  EXPECT_EQ(table.SlotAt(0), 0u);
  EXPECT_EQ(table.SlotAt(std::numeric_limits<uint64_t>::max()), 999u);
  EXPECT_EQ(table.Resolve(999, 0), 999u);
  EXPECT_EQ(table.Resolve(999, 1 - 0x1p-53), 999u);
}

TEST(AliasTableTest, IsTheSameForTheSameWeights) {
  SplitMix random(4);
  std::vector<double> weights(500);
  for (double& weight : weights) weight = random.Unit();
  const AliasTable a = TableOf(weights);
  const AliasTable b = TableOf(weights);
  for (uint32_t slot = 0; slot < 500; ++slot) {
    const double fraction = random.Unit();
    ASSERT_EQ(a.Resolve(slot, fraction), b.Resolve(slot, fraction));
  }
}

TEST(AliasTableTest, EndsWhenCancelled) {
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_EQ(AliasTable::Of(std::vector<double>{1, 2, 4}, cancellation).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace negatron
