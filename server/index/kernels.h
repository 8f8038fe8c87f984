// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_KERNELS_H_
#define NEGATRON_SERVER_INDEX_KERNELS_H_

#include <span>
#include <string_view>

namespace negatron {

// Scores of one vector against rows of a matrix, in float32. Rows of bfloat16 are widened first,
// exactly, so that they score what the same rows in float32 score.
//
// Summation order, the same in every variant, so that results are equal bit for
// bit on every machine: sixteen lanes, component i goes to lane i mod 16 in
// order of i; then lane i takes lane i + 8, i + 4, i + 2, i + 1. Products are
// rounded before they are added (no fused multiply-add).
//
// Thread-safety: immutable.
struct Kernels {
  // `rows`: [row_count, dimension] of the element type, of any alignment; those of bfloat16
  // in the order of Bfloat16Place. `out`: [row_count].
  using Kernel = void (*)(const float* query, const void* rows, int row_count, int dimension,
                          float* out);

  // out[r] = sum over i of query[i] * rows[r][i].
  Kernel inner_products;  // Of float32 rows.
  Kernel bfloat16_inner_products;
  // out[r] = minus the sum over i of (query[i] - rows[r][i])^2.
  Kernel negative_distances;  // Of float32 rows.
  Kernel bfloat16_negative_distances;
  std::string_view instructions;  // `portable`, `avx2` or `avx512`.
};

// Names the arithmetic above: equal ids, equal scores.
inline constexpr std::string_view kKernelId = "f32-lanes16";

// The variants that this machine runs, the fastest first; the last is portable.
std::span<const Kernels> SupportedKernels();

const Kernels& PortableKernels();
const Kernels& BestKernels();  // The fastest.

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_KERNELS_H_
