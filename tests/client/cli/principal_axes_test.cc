// SPDX-License-Identifier: Apache-2.0
#include "client/cli/principal_axes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace negatron::client {
namespace {

// Points whose variance along direction k is deviations[k]^2, in a frame turned at random.
std::vector<float> Cloud(size_t count, const std::vector<double>& deviations, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  const size_t dimension = deviations.size();
  std::vector<std::vector<double>> frame(dimension, std::vector<double>(dimension));
  for (auto& row : frame) {
    for (double& value : row) value = normal(generator) / std::sqrt(static_cast<double>(dimension));
  }
  std::vector<float> rows;
  rows.reserve(count * dimension);
  for (size_t i = 0; i < count; ++i) {
    std::vector<double> point(dimension, 3);  // The mean is not at the origin.
    for (size_t k = 0; k < dimension; ++k) {
      const double along = deviations[k] * normal(generator);
      for (size_t d = 0; d < dimension; ++d) point[d] += along * frame[k][d];
    }
    for (const double value : point) rows.push_back(static_cast<float>(value));
  }
  return rows;
}

// Eigenvalue and eigenvector of the covariance, by power iteration on the explicit matrix until it
// stands still, and deflation: an algorithm of its own.
class Oracle {
 public:
  Oracle(const std::vector<float>& rows, size_t dimension)
      : covariance_(dimension, std::vector<double>(dimension, 0)) {
    const size_t count = rows.size() / dimension;
    std::vector<double> mean(dimension, 0);
    for (size_t i = 0; i < rows.size(); ++i) mean[i % dimension] += rows[i];
    for (double& value : mean) value /= static_cast<double>(count);
    for (size_t i = 0; i < count; ++i) {
      for (size_t a = 0; a < dimension; ++a) {
        for (size_t b = 0; b < dimension; ++b) {
          covariance_[a][b] += (rows[i * dimension + a] - mean[a]) *
                               (rows[i * dimension + b] - mean[b]) / static_cast<double>(count - 1);
        }
      }
    }
  }

  double Trace() const {
    double trace = 0;
    for (size_t k = 0; k < covariance_.size(); ++k) trace += covariance_[k][k];
    return trace;
  }

  // The largest, which is then taken out of the matrix.
  std::pair<double, std::vector<double>> Next() {
    const size_t dimension = covariance_.size();
    std::vector<double> vector(dimension);
    for (size_t d = 0; d < dimension; ++d) vector[d] = 1 + 0.1 * static_cast<double>(d);
    double value = 0;
    for (int step = 0; step < 20'000; ++step) {
      std::vector<double> next(dimension, 0);
      for (size_t a = 0; a < dimension; ++a) {
        for (size_t b = 0; b < dimension; ++b) next[a] += covariance_[a][b] * vector[b];
      }
      double norm = 0;
      for (const double x : next) norm += x * x;
      value = std::sqrt(norm);
      for (size_t d = 0; d < dimension; ++d) vector[d] = next[d] / value;
    }
    for (size_t a = 0; a < dimension; ++a) {
      for (size_t b = 0; b < dimension; ++b) covariance_[a][b] -= value * vector[a] * vector[b];
    }
    return {value, vector};
  }

 private:
  std::vector<std::vector<double>> covariance_;
};

double AbsoluteDot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return std::abs(sum);
}

TEST(PrincipalAxesTest, AgreesWithPowerIterationOnTheCovariance) {
  for (const size_t dimension : {2U, 3U, 9U, 24U}) {
    std::vector<double> deviations;
    for (size_t k = 0; k < dimension; ++k) deviations.push_back(std::pow(0.8, k) * 2);
    const std::vector<float> rows = Cloud(400, deviations, 20 + dimension);
    const PrincipalAxes axes = FindPrincipalAxes(rows, dimension);
    Oracle oracle(rows, dimension);
    EXPECT_NEAR(axes.total_variance, oracle.Trace(), 1e-9 * oracle.Trace());
    for (size_t k = 0; k < 2; ++k) {
      const auto [value, vector] = oracle.Next();
      EXPECT_NEAR(axes.variances[k], value, 1e-9 * value) << dimension << ", axis " << k;
      EXPECT_NEAR(AbsoluteDot(axes.axes[k], vector), 1, 1e-6) << dimension << ", axis " << k;
    }
    EXPECT_NEAR(AbsoluteDot(axes.axes[0], axes.axes[1]), 0, 1e-9);
  }
}

TEST(PrincipalAxesTest, ProjectionsHaveTheVariancesThatItTells) {
  const size_t dimension = 12;
  const std::vector<float> rows = Cloud(300, std::vector<double>(dimension, 1), 3);
  const PrincipalAxes axes = FindPrincipalAxes(rows, dimension);
  std::array<double, 2> sums = {};
  std::array<double, 2> squares = {};
  for (size_t i = 0; i < 300; ++i) {
    const auto place = Project(axes, std::span(rows).subspan(i * dimension, dimension));
    for (size_t k = 0; k < 2; ++k) {
      sums[k] += place[k];
      squares[k] += place[k] * place[k];
    }
  }
  for (size_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(sums[k], 0, 1e-8);
    EXPECT_NEAR(squares[k] / 299, axes.variances[k], 1e-8 * axes.variances[k]);
  }
}

TEST(PrincipalAxesTest, TheLargestComponentIsPositiveAndRepeats) {
  const std::vector<float> rows = Cloud(200, {2, 1.5, 1, 0.5, 0.2}, 7);
  const PrincipalAxes axes = FindPrincipalAxes(rows, 5);
  for (const std::vector<double>& axis : axes.axes) {
    const auto largest = std::max_element(
        axis.begin(), axis.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    EXPECT_GT(*largest, 0);
  }
  // The mirror image has the same axes.
  std::vector<float> mirrored = rows;
  for (float& value : mirrored) value = -value;
  const PrincipalAxes again = FindPrincipalAxes(mirrored, 5);
  for (size_t k = 0; k < 2; ++k) {
    for (size_t d = 0; d < 5; ++d) EXPECT_NEAR(again.axes[k][d], axes.axes[k][d], 1e-9);
  }
  EXPECT_EQ(FindPrincipalAxes(rows, 5).axes, axes.axes);
}

TEST(PrincipalAxesTest, PointsOnALineHaveOneAxis) {
  std::vector<float> rows;
  for (int i = 0; i < 10; ++i) {
    const auto t = static_cast<float>(i);
    rows.insert(rows.end(), {3 * t, 1, -4 * t});
  }
  const PrincipalAxes axes = FindPrincipalAxes(rows, 3);
  EXPECT_NEAR(axes.axes[0][0], -0.6, 1e-9);
  EXPECT_NEAR(axes.axes[0][1], 0, 1e-9);
  EXPECT_NEAR(axes.axes[0][2], 0.8, 1e-9);
  EXPECT_NEAR(axes.variances[0], axes.total_variance, 1e-9 * axes.total_variance);
  EXPECT_NEAR(axes.variances[1], 0, 1e-9);
  for (int i = 0; i < 10; ++i) {
    EXPECT_NEAR(Project(axes, std::span(rows).subspan(static_cast<size_t>(i) * 3, 3))[1], 0, 1e-6);
  }
}

TEST(PrincipalAxesTest, OneDimensionAndNothingToSpread) {
  const std::vector<float> line = {1, 2, 3};
  const PrincipalAxes axes = FindPrincipalAxes(line, 1);
  EXPECT_DOUBLE_EQ(axes.axes[0][0], 1);
  EXPECT_DOUBLE_EQ(axes.variances[0], 1);
  EXPECT_DOUBLE_EQ(Project(axes, std::span(line).first(1))[0], -1);
  EXPECT_DOUBLE_EQ(Project(axes, std::span(line).first(1))[1], 0);
  for (const std::vector<float>& same : {std::vector<float>{}, {5, 6}, {5, 6, 5, 6, 5, 6}}) {
    const PrincipalAxes none = FindPrincipalAxes(same, 2);
    EXPECT_EQ(none.total_variance, 0);
    EXPECT_EQ(none.variances[0], 0);
    if (!same.empty()) {
      EXPECT_EQ(Project(none, std::span(same).first(2))[0], 0);
    }
  }
}

}  // namespace
}  // namespace negatron::client
