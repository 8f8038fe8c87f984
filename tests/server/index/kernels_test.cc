// SPDX-License-Identifier: Apache-2.0
#include "server/index/kernels.h"

#include <cstring>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

std::vector<float> RandomFloats(SplitMix& random, int count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.Unit() * 2 - 1);
  return values;
}

TEST(KernelsTest, EveryVariantGivesTheSameBits) {
  SplitMix random(1);
  for (const int dimension : {1, 7, 15, 16, 17, 31, 32, 64, 100, 4096}) {
    const std::vector<float> query = RandomFloats(random, dimension);
    const std::vector<float> rows = RandomFloats(random, dimension * 5);
    float portable[5], best[5];
    PortableKernels().inner_products(query.data(), rows.data(), 5, dimension, portable);
    BestKernels().inner_products(query.data(), rows.data(), 5, dimension, best);
    EXPECT_EQ(std::memcmp(portable, best, sizeof(best)), 0) << dimension;
    PortableKernels().negative_distances(query.data(), rows.data(), 5, dimension, portable);
    BestKernels().negative_distances(query.data(), rows.data(), 5, dimension, best);
    EXPECT_EQ(std::memcmp(portable, best, sizeof(best)), 0) << dimension;
  }
}

TEST(KernelsTest, AgreeWithSumsInDouble) {
  SplitMix random(2);
  for (const int dimension : {1, 16, 33, 500}) {
    const std::vector<float> query = RandomFloats(random, dimension);
    const std::vector<float> row = RandomFloats(random, dimension);
    double product = 0, distance = 0;
    for (int i = 0; i < dimension; ++i) {
      product += double{query[i]} * row[i];
      distance += (double{query[i]} - row[i]) * (double{query[i]} - row[i]);
    }
    float score;
    BestKernels().inner_products(query.data(), row.data(), 1, dimension, &score);
    EXPECT_NEAR(score, product, 1e-6 * dimension);
    BestKernels().negative_distances(query.data(), row.data(), 1, dimension, &score);
    EXPECT_NEAR(score, -distance, 1e-6 * dimension);
  }
}

TEST(KernelsTest, SumInTheDocumentedOrder) {
  // Lane 0 holds 1e8 - 1e8 + 1; lane 8 holds 1. Any other order loses a 1.
  std::vector<float> row(40, 0.0f);
  row[0] = 1e8f;
  row[16] = -1e8f;
  row[32] = 1.0f;
  row[8] = 1.0f;
  const std::vector<float> ones(40, 1.0f);
  float score;
  BestKernels().inner_products(ones.data(), row.data(), 1, 40, &score);
  EXPECT_EQ(score, 2.0f);
}

}  // namespace
}  // namespace negatron
