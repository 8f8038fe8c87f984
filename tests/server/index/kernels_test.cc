// SPDX-License-Identifier: Apache-2.0
#include "server/index/kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"

#include "server/index/bfloat16.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

std::vector<float> RandomFloats(SplitMix& random, int count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.Unit() * 2 - 1);
  return values;
}

// Rows of bfloat16, and the same in float32.
struct Rows {
  std::vector<Bfloat16> narrow;
  std::vector<float> wide;
};

Rows RandomRows(SplitMix& random, int count, int dimension) {
  Rows rows{std::vector<Bfloat16>(count * dimension), RandomFloats(random, count * dimension)};
  for (int i = 0; i < count * dimension; ++i) {
    const Bfloat16 number = ToBfloat16(rows.wide[i]);
    rows.narrow[i / dimension * dimension + Bfloat16Place(i % dimension, dimension)] = number;
    rows.wide[i] = ToFloat(number);
  }
  return rows;
}

std::vector<int> Dimensions() {
  std::vector<int> dimensions(130);
  std::iota(dimensions.begin(), dimensions.end(), 1);
  dimensions.insert(dimensions.end(), {768, 1000, 4096});
  return dimensions;
}

TEST(KernelsTest, EveryVariantGivesTheSameBitsForBothElementTypes) {
  constexpr int kRows = 5;
  SplitMix random(1);
  const Kernels& portable = PortableKernels();
  EXPECT_EQ(portable.instructions, "portable");
  for (const int dimension : Dimensions()) {
    const std::vector<float> query = RandomFloats(random, dimension);
    const Rows rows = RandomRows(random, kRows, dimension);
    const auto run = [&](Kernels::Kernel kernel, const void* of) {
      std::array<uint32_t, kRows> bits;
      std::array<float, kRows> scores;
      kernel(query.data(), of, kRows, dimension, scores.data());
      std::transform(scores.begin(), scores.end(), bits.begin(), std::bit_cast<uint32_t, float>);
      return bits;
    };
    const auto products = run(portable.inner_products, rows.wide.data());
    const auto distances = run(portable.negative_distances, rows.wide.data());
    for (const Kernels& kernels : SupportedKernels()) {
      SCOPED_TRACE(testing::Message() << kernels.instructions << ", dimension " << dimension);
      ASSERT_EQ(run(kernels.inner_products, rows.wide.data()), products);
      ASSERT_EQ(run(kernels.bfloat16_inner_products, rows.narrow.data()), products);
      ASSERT_EQ(run(kernels.negative_distances, rows.wide.data()), distances);
      ASSERT_EQ(run(kernels.bfloat16_negative_distances, rows.narrow.data()), distances);
    }
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
