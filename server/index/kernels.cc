// SPDX-License-Identifier: Apache-2.0
#include "server/index/kernels.h"

#include <cstring>

namespace negatron {
namespace {

constexpr int kLanes = 16;

// Half of the lanes: vectors wider than the registers are spilled by GCC 12, at ten times the cost.
typedef float HalfLanes __attribute__((vector_size(kLanes / 2 * sizeof(float))));
typedef float QuarterLanes __attribute__((vector_size(kLanes / 4 * sizeof(float))));

// Lane i takes lane i + 8, i + 4, i + 2, i + 1.
[[gnu::always_inline]] inline float SumLanes(const float* lanes) {
  HalfLanes low, high;
  std::memcpy(&low, lanes, sizeof(low));
  std::memcpy(&high, lanes + kLanes / 2, sizeof(high));
  low += high;
  QuarterLanes halves[2];
  std::memcpy(halves, &low, sizeof(low));
  const QuarterLanes sums = halves[0] + halves[1];
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

struct Product {
  template <typename T>
  [[gnu::always_inline]] static void Add(const T& a, const T& b, T* sum) {
    *sum += a * b;
  }
  [[gnu::always_inline]] static float Finish(float sum) { return sum; }
};

struct SquaredDifference {
  template <typename T>
  [[gnu::always_inline]] static void Add(const T& a, const T& b, T* sum) {
    const T difference = a - b;
    *sum += difference * difference;
  }
  [[gnu::always_inline]] static float Finish(float sum) { return -sum; }
};

template <typename Term>
[[gnu::always_inline]] inline void ScoreRows(const float* query, const float* rows, int row_count,
                                             int dimension, float* out) {
  for (int r = 0; r < row_count; ++r) {
    const float* row = rows + static_cast<long>(r) * dimension;
    HalfLanes low = {}, high = {};
    int i = 0;
    for (; i + kLanes <= dimension; i += kLanes) {
      HalfLanes a, b;
      std::memcpy(&a, query + i, sizeof(a));
      std::memcpy(&b, row + i, sizeof(b));
      Term::Add(a, b, &low);
      std::memcpy(&a, query + i + kLanes / 2, sizeof(a));
      std::memcpy(&b, row + i + kLanes / 2, sizeof(b));
      Term::Add(a, b, &high);
    }
    float lanes[kLanes];
    std::memcpy(lanes, &low, sizeof(low));
    std::memcpy(lanes + kLanes / 2, &high, sizeof(high));
    for (int lane = 0; i < dimension; ++i, ++lane) Term::Add(query[i], row[i], &lanes[lane]);
    out[r] = Term::Finish(SumLanes(lanes));
  }
}

void PortableProducts(const float* q, const float* rows, int n, int d, float* out) {
  ScoreRows<Product>(q, rows, n, d, out);
}
void PortableDistances(const float* q, const float* rows, int n, int d, float* out) {
  ScoreRows<SquaredDifference>(q, rows, n, d, out);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void Avx2Products(const float* q, const float* rows, int n, int d,
                                          float* out) {
  ScoreRows<Product>(q, rows, n, d, out);
}
[[gnu::target("avx2")]] void Avx2Distances(const float* q, const float* rows, int n, int d,
                                           float* out) {
  ScoreRows<SquaredDifference>(q, rows, n, d, out);
}
[[gnu::target("avx512f")]] void Avx512Products(const float* q, const float* rows, int n, int d,
                                               float* out) {
  ScoreRows<Product>(q, rows, n, d, out);
}
[[gnu::target("avx512f")]] void Avx512Distances(const float* q, const float* rows, int n, int d,
                                                float* out) {
  ScoreRows<SquaredDifference>(q, rows, n, d, out);
}
#endif

}  // namespace

const Kernels& PortableKernels() {
  static constexpr Kernels kernels{PortableProducts, PortableDistances, "portable"};
  return kernels;
}

const Kernels& BestKernels() {
#if defined(__x86_64__)
  static constexpr Kernels avx512{Avx512Products, Avx512Distances, "avx512"};
  static constexpr Kernels avx2{Avx2Products, Avx2Distances, "avx2"};
  if (__builtin_cpu_supports("avx512f")) return avx512;
  if (__builtin_cpu_supports("avx2")) return avx2;
#endif
  return PortableKernels();
}

}  // namespace negatron
