// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/slots.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace negatron {

void SystematicCounts(std::span<const double> shares, int slot_count, double u,
                      std::span<int> counts) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  size_t last = 0;  // Its cumulated share is the whole, whatever rounding says.
  for (size_t k = 0; k < shares.size(); ++k) {
    if (shares[k] > 0) last = k;
  }
  double cumulated = 0;
  int before = 0;
  for (size_t k = 0; k < shares.size(); ++k) {
    cumulated += shares[k];
    const int end =
        k >= last ? slot_count
                  : std::min(slot_count,
                             static_cast<int>(std::floor(slot_count * (cumulated / sum) + u)));
    counts[k] = end - before;
    before = end;
  }
}

}  // namespace negatron
