// SPDX-License-Identifier: Apache-2.0
#include "storage/base/histogram.h"

#include <cstdint>
#include <vector>

#include <gmock/gmock.h>

namespace negatron {
namespace {

using testing::ElementsAre;

constexpr double kBounds[] = {1, 2, 4};

std::vector<int64_t> CountsOf(const Histogram& histogram) {
  return {histogram.counts().begin(), histogram.counts().end()};
}

TEST(HistogramTest, ABoundBelongsToTheRangeThatItEnds) {
  Histogram histogram(kBounds);
  for (const double value : {0.5, 1.0, 1.5, 2.0, 4.0, 4.5, 1000.0}) histogram.Add(value);
  EXPECT_THAT(CountsOf(histogram), ElementsAre(2, 2, 1, 2));
  EXPECT_EQ(histogram.sum(), 1013.5);
}

TEST(HistogramTest, MergesCountsAndSums) {
  Histogram one(kBounds);
  Histogram other(kBounds);
  one.Add(1);
  other.Add(3);
  other.Add(9);
  one.Merge(other);
  EXPECT_THAT(CountsOf(one), ElementsAre(1, 0, 1, 1));
  EXPECT_EQ(one.sum(), 13);
}

}  // namespace
}  // namespace negatron
