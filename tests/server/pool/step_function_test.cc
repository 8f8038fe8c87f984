// SPDX-License-Identifier: Apache-2.0
#include "server/pool/step_function.h"

#include <map>

#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

absl::int128 ModelValue(const std::map<Micros, absl::int128>& model, Micros time) {
  absl::int128 sum = 0;
  for (const auto& [at, change] : model) {
    if (at <= time) sum += change;
  }
  return sum;
}

TEST(StepFunctionTest, AgreesWithAModelUnderRandomDeltas) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SplitMix random(seed);
    StepFunction function;
    std::map<Micros, absl::int128> model;
    for (int round = 0; round < 30; ++round) {
      std::vector<StepFunction::Delta> deltas;
      for (int64_t i = random.Between(0, 200); i > 0; --i) {
        const Micros time = random.Between(-1000, 1000);
        const absl::int128 change = random.Between(-5, 5);
        deltas.push_back({time, change});
        model[time] += change;
      }
      function = function.With(deltas);
    }
    for (Micros time = -1001; time <= 1001; time += 7) {
      ASSERT_EQ(function.Value(time), ModelValue(model, time)) << "seed " << seed;
    }
    EXPECT_EQ(function.Value(kAlways), 0);
  }
}

TEST(StepFunctionTest, DeltasThatCancelLeaveNothing) {
  const StepFunction function = StepFunction().With({{5, 3}, {kAlways, 1}});
  EXPECT_EQ(function.Value(kAlways), 1);
  EXPECT_FALSE(function.empty());
  EXPECT_TRUE(function.With({{kAlways, -1}, {5, -3}}).empty());
  EXPECT_EQ(function.Value(5), 4);  // The original stays.
}

TEST(StepFunctionTest, HoldsSumsBeyond64Bits) {
  const absl::int128 big = absl::MakeInt128(7, 9);
  EXPECT_EQ(StepFunction().With({{0, big}, {1, big}}).Value(1), big + big);
}

}  // namespace
}  // namespace negatron
