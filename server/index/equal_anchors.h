// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_EQUAL_ANCHORS_H_
#define NEGATRON_SERVER_INDEX_EQUAL_ANCHORS_H_

#include <cstddef>
#include <span>
#include <vector>

namespace negatron {

// For each of `anchors`, [dimension] values each, the number of the first that is the same to
// the bit: its own, if none before it is. Trainers ask for several rows of a user, or of a
// positive, at a time, and such rows can share scores.
std::vector<size_t> FirstEqual(std::span<const float* const> anchors, int dimension);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_EQUAL_ANCHORS_H_
