// SPDX-License-Identifier: Apache-2.0
#include "server/index/kernels.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "server/index/bfloat16.h"

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

// Sixteen components of a row, and one of its rest.
struct Float32Rows {
  static constexpr size_t kBytes = sizeof(float);

  [[gnu::always_inline]] static void Load(const std::byte* from, HalfLanes* low, HalfLanes* high) {
    std::memcpy(low, from, sizeof(*low));
    std::memcpy(high, from + sizeof(*low), sizeof(*high));
  }
  [[gnu::always_inline]] static float Load(const std::byte* from) {
    float number;
    std::memcpy(&number, from, sizeof(number));
    return number;
  }
};

// As they lie, a word holds what two lanes take, and no lane must move.
struct Bfloat16Rows {
  static constexpr size_t kBytes = sizeof(Bfloat16);

  [[gnu::always_inline]] static void Load(const std::byte* from, HalfLanes* low, HalfLanes* high) {
    static_assert(std::endian::native == std::endian::little, "the first of a pair is lower");
    typedef uint32_t Words __attribute__((vector_size(sizeof(HalfLanes))));
    Words words;
    std::memcpy(&words, from, sizeof(words));
    const Words first = words << 16, second = words & 0xFFFF0000;
    std::memcpy(low, &first, sizeof(first));
    std::memcpy(high, &second, sizeof(second));
  }
  [[gnu::always_inline]] static float Load(const std::byte* from) {
    Bfloat16 number;
    std::memcpy(&number, from, sizeof(number));
    return ToFloat(number);
  }
};

template <typename Term, typename Rows>
[[gnu::always_inline]] inline void ScoreRows(const float* query, const void* rows, int row_count,
                                             int dimension, float* out) {
  const auto* row = static_cast<const std::byte*>(rows);
  for (int r = 0; r < row_count; ++r, row += static_cast<size_t>(dimension) * Rows::kBytes) {
    HalfLanes low = {}, high = {};
    int i = 0;
    for (; i + kLanes <= dimension; i += kLanes) {
      HalfLanes a, low_row, high_row;
      Rows::Load(row + i * Rows::kBytes, &low_row, &high_row);
      std::memcpy(&a, query + i, sizeof(a));
      Term::Add(a, low_row, &low);
      std::memcpy(&a, query + i + kLanes / 2, sizeof(a));
      Term::Add(a, high_row, &high);
    }
    float lanes[kLanes];
    std::memcpy(lanes, &low, sizeof(low));
    std::memcpy(lanes + kLanes / 2, &high, sizeof(high));
    for (int lane = 0; i < dimension; ++i, ++lane) {
      Term::Add(query[i], Rows::Load(row + i * Rows::kBytes), &lanes[lane]);
    }
    out[r] = Term::Finish(SumLanes(lanes));
  }
}

template <typename Term, typename Rows>
void Portable(const float* q, const void* rows, int n, int d, float* out) {
  ScoreRows<Term, Rows>(q, rows, n, d, out);
}
#if defined(__x86_64__)
template <typename Term, typename Rows>
[[gnu::target("avx2")]] void Avx2(const float* q, const void* rows, int n, int d, float* out) {
  ScoreRows<Term, Rows>(q, rows, n, d, out);
}
template <typename Term, typename Rows>
[[gnu::target("avx512f")]] void Avx512(const float* q, const void* rows, int n, int d, float* out) {
  ScoreRows<Term, Rows>(q, rows, n, d, out);
}
#endif

}  // namespace

std::span<const Kernels> SupportedKernels() {
  static constexpr Kernels kKernels[] = {
#if defined(__x86_64__)
    {Avx512<Product, Float32Rows>, Avx512<Product, Bfloat16Rows>,
     Avx512<SquaredDifference, Float32Rows>, Avx512<SquaredDifference, Bfloat16Rows>, "avx512"},
    {Avx2<Product, Float32Rows>, Avx2<Product, Bfloat16Rows>, Avx2<SquaredDifference, Float32Rows>,
     Avx2<SquaredDifference, Bfloat16Rows>, "avx2"},
#endif
    {Portable<Product, Float32Rows>, Portable<Product, Bfloat16Rows>,
     Portable<SquaredDifference, Float32Rows>, Portable<SquaredDifference, Bfloat16Rows>,
     "portable"}
  };
  const std::span<const Kernels> all = kKernels;
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2")) return all.subspan(2);
  if (!__builtin_cpu_supports("avx512f")) return all.subspan(1);
#endif
  return all;
}

const Kernels& PortableKernels() { return SupportedKernels().back(); }

const Kernels& BestKernels() { return SupportedKernels().front(); }

}  // namespace negatron
