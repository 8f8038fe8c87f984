// SPDX-License-Identifier: Apache-2.0
#include "server/pool/decay.h"

#include <array>
#include <cmath>

namespace negatron {
namespace {

constexpr int kTableBits = 6;

// 2^(i / 64), from repeated square roots of 2, which IEEE 754 rounds the same
// everywhere; the library's exp2 does not promise that.
std::array<double, 1 << kTableBits> MakeTable() {
  std::array<double, 1 << kTableBits> table{};
  std::array<double, kTableBits> roots{};  // 2^(1/64), 2^(1/32), ..., 2^(1/2)
  double root = 2.0;
  for (int bit = kTableBits - 1; bit >= 0; --bit) roots[bit] = root = std::sqrt(root);
  for (size_t i = 0; i < table.size(); ++i) {
    double value = 1.0;
    for (int bit = 0; bit < kTableBits; ++bit) {
      if ((i >> bit) & 1) value *= roots[bit];
    }
    table[i] = value;
  }
  return table;
}

// 2^x for x in [0, kSegmentHalfLives], to about 1e-15, the same everywhere.
double Exp2(double x) {
  static const std::array<double, 1 << kTableBits> table = MakeTable();
  const double whole = std::floor(x);
  const double scaled = (x - whole) * (1 << kTableBits);
  const int index = static_cast<int>(scaled);
  const double y = (scaled - index) * (0.693147180559945309417 / (1 << kTableBits));
  const double series = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5 * (1 + y / 6)))));
  return std::ldexp(table[index] * series, static_cast<int>(whole));
}

}  // namespace

uint64_t Decay::Units(double weight, Micros time) const {
  double scale = 1.0;
  if (half_life_ != 0) {
    const int64_t since_start = time - Segment(time) * segment_micros_;
    scale = Exp2(static_cast<double>(since_start) / static_cast<double>(half_life_));
  }
  return static_cast<uint64_t>(std::llround(std::ldexp(weight * scale, kUnitBits)));
}

double Decay::UnitMass(int32_t segment, Micros time) const {
  if (half_life_ == 0) return std::ldexp(1.0, -kUnitBits);
  const double since_start = static_cast<double>(time) -
                             static_cast<double>(segment) * static_cast<double>(segment_micros_);
  return std::exp2(-since_start / static_cast<double>(half_life_) - kUnitBits);
}

}  // namespace negatron
