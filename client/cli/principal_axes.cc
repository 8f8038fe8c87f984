// SPDX-License-Identifier: Apache-2.0
#include "client/cli/principal_axes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

namespace negatron::client {
namespace {

// Directions that are iterated: those beyond the two that are wanted make it converge as the
// variance of the last of them falls behind that of the second.
constexpr size_t kBlock = 8;
constexpr int kMaxSteps = 300;

// Change of the variances, relative to the first, at which they count as found. Errors of
// directions are its square root.
constexpr double kTolerance = 1e-13;

// Directions, `[count][dimension]`.
using Block = std::vector<std::vector<double>>;
// Symmetric, `[count][count]`.
using Matrix = std::vector<std::vector<double>>;

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// A fixed start without a structure that data may have: SplitMix64 (Steele, Lea, Flood, OOPSLA
// 2014) mapped to [-0.5, 0.5).
Block StartBlock(size_t count, size_t dimension) {
  Block block(count, std::vector<double>(dimension));
  uint64_t state = 0;
  for (std::vector<double>& direction : block) {
    for (double& value : direction) {
      uint64_t z = state += 0x9E3779B97F4A7C15;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
      value = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53 - 0.5;
    }
  }
  return block;
}

// Gram-Schmidt, twice for what cancels. What depends on the directions before it becomes 0.
void Orthonormalise(Block* block) {
  for (size_t k = 0; k < block->size(); ++k) {
    std::vector<double>& direction = (*block)[k];
    const double before = std::sqrt(Dot(direction, direction));
    for (int pass = 0; pass < 2; ++pass) {
      for (size_t j = 0; j < k; ++j) {
        const double along = Dot(direction, (*block)[j]);
        for (size_t d = 0; d < direction.size(); ++d) direction[d] -= along * (*block)[j][d];
      }
    }
    const double norm = std::sqrt(Dot(direction, direction));
    const double scale = norm > 1e-12 * before && norm > 0 ? 1 / norm : 0;
    for (double& value : direction) value *= scale;
  }
}

// One passage over the points: `image` becomes the covariance times the block, `along` the
// covariance within it.
void Apply(std::span<const float> rows, const std::vector<double>& mean, const Block& block,
           Block* image, Matrix* along) {
  const size_t dimension = mean.size();
  const size_t count = rows.size() / dimension;
  image->assign(block.size(), std::vector<double>(dimension, 0));
  along->assign(block.size(), std::vector<double>(block.size(), 0));
  std::vector<double> centred(dimension);
  std::vector<double> places(block.size());
  for (size_t i = 0; i < count; ++i) {
    for (size_t d = 0; d < dimension; ++d) centred[d] = rows[i * dimension + d] - mean[d];
    for (size_t k = 0; k < block.size(); ++k) places[k] = Dot(centred, block[k]);
    for (size_t k = 0; k < block.size(); ++k) {
      for (size_t d = 0; d < dimension; ++d) (*image)[k][d] += places[k] * centred[d];
      for (size_t j = 0; j < block.size(); ++j) (*along)[k][j] += places[k] * places[j];
    }
  }
  const double scale = 1 / static_cast<double>(count - 1);
  for (std::vector<double>& row : *image) {
    for (double& value : row) value *= scale;
  }
  for (std::vector<double>& row : *along) {
    for (double& value : row) value *= scale;
  }
}

// Turns rows p and q of `vectors`, and rows and columns of `matrix`, so that matrix[p][q] is 0.
void Rotate(size_t p, size_t q, Matrix* matrix, Matrix* vectors) {
  Matrix& a = *matrix;
  const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  const double s = t * c;
  const auto turn = [c, s](double* x, double* y) {
    const double old = *x;
    *x = c * old - s * *y;
    *y = s * old + c * *y;
  };
  for (size_t k = 0; k < a.size(); ++k) turn(&a[k][p], &a[k][q]);
  for (size_t k = 0; k < a.size(); ++k) turn(&a[p][k], &a[q][k]);
  for (size_t k = 0; k < a.size(); ++k) turn(&(*vectors)[p][k], &(*vectors)[q][k]);
}

// Eigenvalues, and eigenvectors as rows, the largest first: cyclic Jacobi (Golub and Van Loan,
// Matrix Computations, section 8.5).
std::pair<std::vector<double>, Matrix> Eigen(Matrix matrix) {
  const size_t size = matrix.size();
  Matrix vectors(size, std::vector<double>(size, 0));
  for (size_t k = 0; k < size; ++k) vectors[k][k] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0;
    double diagonal = 0;
    for (size_t p = 0; p < size; ++p) {
      diagonal += matrix[p][p] * matrix[p][p];
      for (size_t q = p + 1; q < size; ++q) off += matrix[p][q] * matrix[p][q];
    }
    if (off <= 1e-32 * diagonal) break;
    for (size_t p = 0; p < size; ++p) {
      for (size_t q = p + 1; q < size; ++q) {
        if (matrix[p][q] != 0) Rotate(p, q, &matrix, &vectors);
      }
    }
  }
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return matrix[a][a] > matrix[b][b]; });
  std::pair<std::vector<double>, Matrix> sorted;
  for (const size_t k : order) {
    sorted.first.push_back(matrix[k][k]);
    sorted.second.push_back(std::move(vectors[k]));
  }
  return sorted;
}

Block Combine(const Matrix& weights, const Block& block) {
  Block combined(block.size(), std::vector<double>(block[0].size(), 0));
  for (size_t k = 0; k < block.size(); ++k) {
    for (size_t j = 0; j < block.size(); ++j) {
      for (size_t d = 0; d < block[0].size(); ++d) combined[k][d] += weights[k][j] * block[j][d];
    }
  }
  return combined;
}

// So that the same points always give the same picture, not its mirror image.
void FixSign(std::vector<double>* axis) {
  const auto largest = std::max_element(
      axis->begin(), axis->end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  if (largest == axis->end() || *largest >= 0) return;
  for (double& value : *axis) value = -value;
}

void SetMean(std::span<const float> rows, PrincipalAxes* found) {
  const size_t dimension = found->mean.size();
  const size_t count = rows.size() / dimension;
  for (size_t i = 0; i < rows.size(); ++i) found->mean[i % dimension] += rows[i];
  for (double& value : found->mean) value /= static_cast<double>(std::max<size_t>(count, 1));
  if (count < 2) return;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double centred = rows[i] - found->mean[i % dimension];
    found->total_variance += centred * centred;
  }
  found->total_variance /= static_cast<double>(count - 1);
}

}  // namespace

PrincipalAxes FindPrincipalAxes(std::span<const float> rows, size_t dimension) {
  PrincipalAxes found;
  found.mean.assign(dimension, 0);
  found.axes = {std::vector<double>(dimension, 0), std::vector<double>(dimension, 0)};
  SetMean(rows, &found);
  if (found.total_variance == 0) return found;
  Block block = StartBlock(std::min(kBlock, dimension), dimension);
  Orthonormalise(&block);
  Block image;
  Matrix along;
  std::array<double, 2> before = {-1, -1};
  for (int step = 0; step < kMaxSteps; ++step) {
    Apply(rows, found.mean, block, &image, &along);
    const auto [values, vectors] = Eigen(along);
    block = Combine(vectors, block);
    found.variances = {values[0], values.size() > 1 ? std::max(values[1], 0.0) : 0};
    const double change =
        std::abs(values[0] - before[0]) + std::abs(found.variances[1] - before[1]);
    if (change <= kTolerance * values[0]) break;
    before = found.variances;
    if (step + 1 == kMaxSteps) break;
    block = Combine(vectors, image);
    Orthonormalise(&block);
  }
  for (size_t k = 0; k < std::min<size_t>(2, block.size()); ++k) {
    found.axes[k] = std::move(block[k]);
    FixSign(&found.axes[k]);
  }
  return found;
}

std::array<double, 2> Project(const PrincipalAxes& axes, std::span<const float> point) {
  std::array<double, 2> place = {};
  for (size_t d = 0; d < point.size(); ++d) {
    const double centred = point[d] - axes.mean[d];
    for (size_t k = 0; k < place.size(); ++k) place[k] += centred * axes.axes[k][d];
  }
  return place;
}

}  // namespace negatron::client
