// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/log_probability.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

TEST(LogProbabilitiesTest, AreTheLogarithmsToTheRoundingOfFloat) {
  SplitMix random(6);
  std::vector<double> q(4099);
  for (double& each : q) each = std::exp2(-random.Unit() * 1000);
  q[0] = 1;
  q[1] = 1 - 0x1p-53;
  q[2] = std::sqrt(0.5);
  q[3] = std::numeric_limits<double>::min();
  std::vector<float> logs(q.size());
  LogProbabilities(q, logs);
  for (size_t i = 0; i < q.size(); ++i) {
    const double expected = std::log(q[i]);
    ASSERT_NEAR(logs[i], expected, std::max(std::abs(expected) * 0x1p-23, 1e-9)) << q[i];
  }
}

TEST(LogProbabilitiesTest, KnowsWhatIsNoOrdinaryProbability) {
  const std::vector<double> q = {0, std::nan(""), std::numeric_limits<double>::denorm_min(), 0.5};
  std::vector<float> logs(q.size());
  LogProbabilities(q, logs);
  EXPECT_EQ(logs[0], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(logs[1]));
  EXPECT_NEAR(logs[2], -744.44, 0.01);
  EXPECT_NEAR(logs[3], std::log(0.5), 1e-7);
}

// Which are computed together, by which instructions, does not show: of a column or one by one.
TEST(LogProbabilitiesTest, DependsOnNothingButTheProbability) {
  SplitMix random(7);
  std::vector<double> q(1000);
  for (double& each : q) each = std::exp2(-random.Unit() * 60);
  std::vector<float> logs(q.size());
  LogProbabilities(q, logs);
  for (size_t i = 0; i < q.size(); ++i) {
    float alone = 0;
    LogProbabilities({&q[i], 1}, {&alone, 1});
    ASSERT_EQ(logs[i], alone);
  }
}

}  // namespace
}  // namespace negatron
