// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/log_probability.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace negatron {
namespace {

// False if some q are zero, subnormal, negative or not finite; their logarithms are wrong then.
//
// q = 2^e * m with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh((m - 1) / (m + 1)).
[[gnu::always_inline]] inline bool LogBlock(const double* q, float* out, size_t count) {
  constexpr uint64_t kSqrtHalf = 0x3FE6A09E667F3BCD;
  constexpr uint64_t kMantissa = (uint64_t{1} << 52) - 1;
  // What lies between, as bits, is positive and has no leading zeros.
  constexpr uint64_t kLeast = uint64_t{1} << 52;
  constexpr uint64_t kInfinity = uint64_t{0x7FF} << 52;
  // As a double, 2^52 + a small whole number has that number in its lowest bits.
  constexpr uint64_t kTwoTo52 = 0x4330000000000000;
  constexpr uint64_t kBias = 1024;
  constexpr double kLn2 = 0.693147180559945309417;
  uint64_t odd = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<uint64_t>(q[i]);
    odd |= static_cast<uint64_t>(bits - kLeast >= kInfinity - kLeast);
    const uint64_t shifted = bits - kSqrtHalf + (kBias << 52);
    const double e = std::bit_cast<double>((shifted >> 52) | kTwoTo52) - (0x1p52 + kBias);
    const double m = std::bit_cast<double>((shifted & kMantissa) + kSqrtHalf);
    const double s = (m - 1) / (m + 1);
    const double z = s * s;
    const double series =
        1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11)))));
    out[i] = static_cast<float>(e * kLn2 + 2 * s * series);
  }
  return odd == 0;
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] bool LogBlockAvx2(const double* q, float* out, size_t count) {
  return LogBlock(q, out, count);
}

[[gnu::target("avx512f,avx512dq")]] bool LogBlockAvx512(const double* q, float* out, size_t count) {
  return LogBlock(q, out, count);
}
#endif

bool LogBest(const double* q, float* out, size_t count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512dq")) return LogBlockAvx512(q, out, count);
  if (__builtin_cpu_supports("avx2")) return LogBlockAvx2(q, out, count);
#endif
  return LogBlock(q, out, count);
}

}  // namespace

void LogProbabilities(std::span<const double> q, std::span<float> out) {
  if (LogBest(q.data(), out.data(), q.size())) return;
  for (size_t i = 0; i < q.size(); ++i) {
    const bool ordinary = q[i] >= std::numeric_limits<double>::min();
    if (!ordinary) out[i] = static_cast<float>(std::log(q[i]));
  }
}

}  // namespace negatron
