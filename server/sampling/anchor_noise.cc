// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/anchor_noise.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

namespace negatron {
namespace {

// Everything below is made of operations that IEEE 754 rounds the same everywhere; the library's
// log, sin and cos do not promise that.

// ln x to about 1e-16, for x in [2^-53, 1].
//
// x = 2^e * m with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh((m - 1) / (m + 1)).
double Log(double x) {
  constexpr uint64_t kSqrtHalf = 0x3FE6A09E667F3BCD;
  constexpr uint64_t kMantissa = (uint64_t{1} << 52) - 1;
  constexpr double kLn2 = 0.693147180559945309417;
  const auto shifted = static_cast<int64_t>(std::bit_cast<uint64_t>(x) - kSqrtHalf);
  const auto e = static_cast<double>(shifted >> 52);
  const auto m = std::bit_cast<double>((static_cast<uint64_t>(shifted) & kMantissa) + kSqrtHalf);
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  double series = 0;
  for (int k = 19; k >= 1; k -= 2) series = series * z + 1.0 / k;
  return e * kLn2 + 2 * s * series;
}

// Cosine and sine of `turns` of a circle, for turns in [0, 1), to about 1e-15.
std::array<double, 2> CosSin(double turns) {
  constexpr double kHalfPi = 1.57079632679489661923;
  const int quarter = static_cast<int>(turns * 4);
  const double y = (turns * 4 - quarter) * kHalfPi;
  const double z = y * y;
  double cosine = 1, sine = 1;  // Of y, the latter divided by it: nested Taylor series.
  for (int k = 20; k >= 2; k -= 2) {
    cosine = 1 - z / (k * (k - 1)) * cosine;
    sine = 1 - z / (k * (k + 1)) * sine;
  }
  sine *= y;
  switch (quarter) {
    case 0:
      return {cosine, sine};
    case 1:
      return {-sine, cosine};
    case 2:
      return {-cosine, -sine};
    default:
      return {sine, -cosine};
  }
}

}  // namespace

// By Box and Muller, "A note on the generation of random normal deviates", 1958.
std::array<double, 2> Normals(const absl::uint128& bits) {
  const double radius = std::sqrt(-2 * Log(1 - UnitDouble(absl::Uint128High64(bits))));
  const std::array<double, 2> point = CosSin(UnitDouble(absl::Uint128Low64(bits)));
  return {radius * point[0], radius * point[1]};
}

void AddNoise(const Philox& random, uint64_t row_key, double noise, std::span<float> anchor) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  double squares = 0;
  for (const float component : anchor) squares += double{component} * component;
  const double deviation = noise * std::sqrt(squares / static_cast<double>(anchor.size()));
  for (size_t i = 0; i < anchor.size(); i += 2) {
    const std::array<double, 2> normals =
        Normals(random.Bits(row_key, static_cast<uint32_t>(i / 2), RandomPurpose::kNoise, 0));
    for (size_t k = i; k < std::min(i + 2, anchor.size()); ++k) {
      const double component = anchor[k] + deviation * normals[k - i];
      anchor[k] = static_cast<float>(std::clamp(component, -kLargest, kLargest));
    }
  }
}

}  // namespace negatron
