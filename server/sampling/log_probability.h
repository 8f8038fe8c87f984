// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_LOG_PROBABILITY_H_
#define NEGATRON_SERVER_SAMPLING_LOG_PROBABILITY_H_

#include <span>

namespace negatron {

// out[i] = natural logarithm of q[i], to within the rounding to float and 1e-9; spans of the same
// size. 0 gives minus infinity, NaN gives NaN. The same bits whatever the machine: the library's
// logarithm does not promise that.
//
// Series of the inverse hyperbolic tangent about 1 (Abramowitz and Stegun, 4.1.27), without
// branches so that it is computed for several at a time.
//
// Thread-safety: thread-safe.
void LogProbabilities(std::span<const double> q, std::span<float> out);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_LOG_PROBABILITY_H_
