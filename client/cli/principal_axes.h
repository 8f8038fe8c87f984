// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_PRINCIPAL_AXES_H_
#define NEGATRON_CLIENT_CLI_PRINCIPAL_AXES_H_

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace negatron::client {

// The two directions in which points differ most (principal component analysis): where a plane
// keeps as much of their variance as a plane can.
struct PrincipalAxes {
  std::vector<double> mean;                 // [dimension]
  std::array<std::vector<double>, 2> axes;  // [dimension] each; of length 1, or 0 if there is none.
  std::array<double, 2> variances = {};     // Along each axis, the larger first.
  double total_variance = 0;                // Of all directions together.
};

// Of the points `rows`, `[n, dimension]`, row-major, finite. With fewer than two points all
// variances are 0.
//
// By subspace iteration with Rayleigh-Ritz steps (Saad, Numerical Methods for Large Eigenvalue
// Problems, 2011, section 5.2) on the points themselves, since the covariance of 4,096 dimensions
// would be larger than they are. Cost: O(n dimension) a step, at most 300 of them, fewer than 50
// where the variances fall off. Deterministic: the start is fixed, and of each axis the component
// that is largest by size is positive.
PrincipalAxes FindPrincipalAxes(std::span<const float> rows, size_t dimension);

// Where a point lies on the axes, from their mean. `point`: `[dimension]`.
std::array<double, 2> Project(const PrincipalAxes& axes, std::span<const float> point);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_PRINCIPAL_AXES_H_
