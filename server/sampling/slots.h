// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_SLOTS_H_
#define NEGATRON_SERVER_SAMPLING_SLOTS_H_

#include <span>

namespace negatron {

// Turns shares into whole counts by systematic sampling (Madow, "On the theory
// of systematic sampling, II", Ann. Math. Stat. 20, 1949):
//
//   counts[k] = floor(C_k + u) - floor(C_{k-1} + u),
//   C_k = slot_count * (shares[0] + ... + shares[k]) / sum of shares
//
// so that E[counts[k]] = slot_count * share k over u uniform in [0, 1), each
// count is off by less than 1, and the counts add up to slot_count. Shares are
// not negative, with a positive sum.
void SystematicCounts(std::span<const double> shares, int slot_count, double u,
                      std::span<int> counts);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_SLOTS_H_
