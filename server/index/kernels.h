// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_KERNELS_H_
#define NEGATRON_SERVER_INDEX_KERNELS_H_

#include <string_view>

namespace negatron {

// Scores of one vector against rows of a matrix, in float32.
//
// Summation order, the same in every variant, so that results are equal bit for
// bit on every machine: sixteen lanes, component i goes to lane i mod 16 in
// order of i; then lane i takes lane i + 8, i + 4, i + 2, i + 1. Products are
// rounded before they are added (no fused multiply-add).
//
// Thread-safety: immutable.
struct Kernels {
  // out[r] = sum over i of query[i] * rows[r * dimension + i].
  void (*inner_products)(const float* query, const float* rows, int row_count, int dimension,
                         float* out);
  // out[r] = minus the sum over i of (query[i] - rows[r * dimension + i])^2.
  void (*negative_distances)(const float* query, const float* rows, int row_count, int dimension,
                             float* out);
  std::string_view instructions;  // `portable`, `avx2` or `avx512`.
};

// Names the arithmetic above: equal ids, equal scores.
inline constexpr std::string_view kKernelId = "f32-lanes16";

const Kernels& PortableKernels();

// The fastest that this machine runs; PortableKernels() if there is no better.
const Kernels& BestKernels();

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_KERNELS_H_
