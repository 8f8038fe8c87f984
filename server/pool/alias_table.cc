// SPDX-License-Identifier: Apache-2.0
#include "server/pool/alias_table.h"

#include <numeric>

#include "storage/base/status.h"

namespace negatron {
namespace {

// Positions looked at between two looks at the clock.
constexpr size_t kBetweenChecks = 1 << 16;

}  // namespace

absl::StatusOr<AliasTable> AliasTable::Of(std::span<const double> weights,
                                          const Cancellation& cancellation) {
  const size_t n = weights.size();
  const double scale =
      static_cast<double>(n) / std::accumulate(weights.begin(), weights.end(), 0.0);
  // In slots: what a position has yet to get.
  std::vector<double> open(n);
  std::vector<uint32_t> small;
  std::vector<uint32_t> large;
  for (size_t i = 0; i < n; ++i) {
    open[i] = weights[i] * scale;
    (open[i] < 1 ? small : large).push_back(static_cast<uint32_t>(i));
  }
  AliasTable table;
  table.slots_.resize(n);
  uint32_t positive = 0;  // Some position that can be drawn.
  for (size_t i = 0; i < n; ++i) {
    if (weights[i] > weights[positive]) positive = static_cast<uint32_t>(i);
  }
  for (size_t step = 0; !small.empty() && !large.empty(); ++step) {
    if (step % kBetweenChecks == 0) NEGATRON_RETURN_IF_ERROR(cancellation.Check());
    const uint32_t poor = small.back();
    const uint32_t rich = large.back();
    small.pop_back();
    const auto threshold = static_cast<float>(open[poor]);
    table.slots_[poor] = {threshold, rich};
    open[rich] -= 1 - static_cast<double>(threshold);
    if (open[rich] < 1) {
      large.pop_back();
      small.push_back(rich);
    }
  }
  // Full, but for rounding. What has no weight must not be drawn by it.
  for (const std::vector<uint32_t>& rest : {small, large}) {
    for (const uint32_t i : rest) {
      table.slots_[i] = weights[i] > 0 ? Slot{1, i} : Slot{0, positive};
    }
  }
  return table;
}

}  // namespace negatron
