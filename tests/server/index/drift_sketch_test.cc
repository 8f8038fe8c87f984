// SPDX-License-Identifier: Apache-2.0
#include "server/index/drift_sketch.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/split_mix.h"

namespace negatron {
namespace {

std::vector<float> Gaussian(SplitMix& random, int dimension) {
  std::vector<float> vector;
  for (int i = 0; i < dimension; ++i) {
    double sum = -6;  // Of twelve uniform numbers: near enough to a normal one.
    for (int k = 0; k < 12; ++k) sum += random.Unit();
    vector.push_back(static_cast<float>(sum));
  }
  return vector;
}

double Norm(std::span<const float> vector) {
  double squares = 0;
  for (const float v : vector) squares += double{v} * v;
  return std::sqrt(squares);
}

// Mean of 400 estimates for vectors that moved by so much of their norm, at right angles.
double MeanEstimate(int dimension, Metric metric, double moved, double positive_mean) {
  SplitMix random(static_cast<uint64_t>(dimension));
  constexpr Ordinal kItems = 400;
  VectorTableBuilder builder{VectorTable({dimension, metric})};
  std::vector<std::vector<float>> after;
  for (Ordinal item = 0; item < kItems; ++item) {
    std::vector<float> vector = Gaussian(random, dimension);
    for (float& v : vector) v += static_cast<float>(positive_mean);
    std::vector<float> step = Gaussian(random, dimension);
    double product = 0;
    for (int i = 0; i < dimension; ++i) product += double{step[i]} * vector[i];
    const double norm = Norm(vector);
    for (int i = 0; i < dimension; ++i) {
      step[i] -= static_cast<float>(product / (norm * norm) * vector[i]);
    }
    const double scale = moved * norm / Norm(step);
    std::vector<float> moved_vector = vector;
    for (int i = 0; i < dimension; ++i) moved_vector[i] += static_cast<float>(step[i] * scale);
    PrepareVector(metric, vector);
    PrepareVector(metric, moved_vector);
    builder.Set(item, vector);
    after.push_back(std::move(moved_vector));
  }
  const DriftSketch sketch(*std::move(builder).Build());
  double sum = 0;
  for (Ordinal item = 0; item < kItems; ++item) sum += sketch.Displacement(item, after[item]);
  return sum / kItems;
}

TEST(DriftSketchTest, EstimatesDisplacementOfL2Vectors) {
  for (const int dimension : {16, 64, 100, 768}) {
    for (const double moved : {0.0, 0.2, 0.5, 1.0}) {
      EXPECT_NEAR(MeanEstimate(dimension, Metric::kL2, moved, 0), moved, 0.03 + moved * 0.1)
          << dimension;
      EXPECT_NEAR(MeanEstimate(dimension, Metric::kL2, moved, 1), moved, 0.05 + moved * 0.15)
          << dimension << ", components that are mostly positive";
    }
  }
}

TEST(DriftSketchTest, EstimatesTheChordUnderCosine) {
  for (const double moved : {0.0, 0.5, 1.0}) {
    const double chord = 2 * std::sin(std::atan(moved) / 2);
    EXPECT_NEAR(MeanEstimate(64, Metric::kCosine, moved, 0), chord, 0.05);
  }
}

TEST(DriftSketchTest, SeesNorms) {
  VectorTableBuilder builder{VectorTable({2, Metric::kInnerProduct})};
  builder.Set(0, std::vector<float>{1, 2});
  builder.Set(2, std::vector<float>{0, 0});
  const DriftSketch sketch(*std::move(builder).Build());
  EXPECT_EQ(sketch.Displacement(0, std::vector<float>{1, 2}), 0);
  EXPECT_FLOAT_EQ(sketch.Displacement(0, std::vector<float>{3, 6}), 2);
  EXPECT_EQ(sketch.Displacement(2, std::vector<float>{0, 0}), 0);
  EXPECT_EQ(sketch.Displacement(2, std::vector<float>{0, 1}),
            std::numeric_limits<float>::infinity());
}

TEST(DriftSketchTest, TakesABitAComponent) {
  VectorTableBuilder builder{VectorTable({64, Metric::kCosine})};
  for (Ordinal item = 0; item < 1000; ++item) builder.Set(item, std::vector<float>(64, 0.125F));
  EXPECT_EQ(DriftSketch(*std::move(builder).Build()).bytes(), 1000 * 8);
}

}  // namespace
}  // namespace negatron
