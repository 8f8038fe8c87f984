// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_HYPER_LOG_LOG_H_
#define NEGATRON_SERVER_ENGINE_HYPER_LOG_LOG_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace negatron {

// Estimates how many distinct values were added (HyperLogLog: Flajolet, Fusy, Gandouet and Meunier,
// "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", AofA 2007), with
// linear counting while many registers are empty, as there. Without a correction for numbers near
// 2^32 and beyond: hashes have 64 bits.
//
// Thread-safety: thread-compatible.
class HyperLogLog {
 public:
  // Registers; more of them, a byte each, make the estimate better.
  static constexpr int kRegisterBits = 10;
  static constexpr size_t kRegisters = size_t{1} << kRegisterBits;

  // Standard error of the estimate, as a part of it: 1.04 / sqrt(registers).
  static constexpr double kStandardError = 0.0325;

  // Adds the value that has this hash. Equal values count once.
  void Add(uint64_t hash) {
    const size_t at = hash >> (64 - kRegisterBits);
    // The bit behind the hash ends the run of zeros.
    const uint64_t rest = (hash << kRegisterBits) | (uint64_t{1} << (kRegisterBits - 1));
    const auto rank = static_cast<uint8_t>(std::countl_zero(rest) + 1);
    registers_[at] = std::max(registers_[at], rank);
  }

  // Adds all values of another.
  void Merge(const HyperLogLog& other) {
    for (size_t i = 0; i < kRegisters; ++i) {
      registers_[i] = std::max(registers_[i], other.registers_[i]);
    }
  }

  double Estimate() const {
    constexpr double kCount = kRegisters;
    double sum = 0;
    for (const uint8_t rank : registers_) sum += std::ldexp(1.0, -rank);
    const double raw = 0.7213 / (1 + 1.079 / kCount) * kCount * kCount / sum;
    const auto empty =
        static_cast<double>(std::count(registers_.begin(), registers_.end(), uint8_t{0}));
    return raw <= 2.5 * kCount && empty > 0 ? kCount * std::log(kCount / empty) : raw;
  }

 private:
  std::array<uint8_t, kRegisters> registers_{};
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_HYPER_LOG_LOG_H_
