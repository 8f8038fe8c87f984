// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SHORT_ROWS_H_
#define NEGATRON_SERVER_SAMPLING_SHORT_ROWS_H_

#include <cstdint>

#include "server/sampling/sampler.h"

// Rows of `k` entries in the columns of draws that have fewer than k draws.
namespace negatron {

// Moves the draws of row `r` to its front; returns how many there are.
int64_t CompactRow(const SampleColumns& columns, int64_t k, int64_t r);

// Writes padding behind the first `from` entries of row `r`.
void PadRow(const SampleColumns& columns, int64_t k, int64_t r, int64_t from);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SHORT_ROWS_H_
