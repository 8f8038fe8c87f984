// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_ANCHOR_NOISE_H_
#define NEGATRON_SERVER_SAMPLING_ANCHOR_NOISE_H_

#include <array>
#include <cstdint>
#include <span>

#include "absl/numeric/int128.h"

#include "storage/base/philox.h"

namespace negatron {

// Two independent standard normals out of 128 random bits, within 9 of 0; the
// same bits on every machine.
std::array<double, 2> Normals(const absl::uint128& bits);

// Adds Gaussian noise to each component of the anchor, of standard deviation
// `noise` * norm of the anchor / sqrt(dimension). What is added depends on the
// anchor, the seed and the row key only. Components are cut at
// the largest float.
void AddNoise(const Philox& random, uint64_t row_key, double noise, std::span<float> anchor);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_ANCHOR_NOISE_H_
