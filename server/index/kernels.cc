// SPDX-License-Identifier: Apache-2.0
#include "server/index/kernels.h"

#include <cstring>

namespace negatron {
namespace {

constexpr int kLanes = 16;

// Sixteen lanes; the compiler splits them to the registers that there are.
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

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
    Lanes sums = {};
    int i = 0;
    for (; i + kLanes <= dimension; i += kLanes) {
      Lanes a, b;
      std::memcpy(&a, query + i, sizeof(a));
      std::memcpy(&b, row + i, sizeof(b));
      Term::Add(a, b, &sums);
    }
    float lanes[kLanes];
    std::memcpy(lanes, &sums, sizeof(lanes));
    for (int lane = 0; i < dimension; ++i, ++lane) Term::Add(query[i], row[i], &lanes[lane]);
    for (int half = kLanes / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    }
    out[r] = Term::Finish(lanes[0]);
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
