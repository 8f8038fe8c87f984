// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_BATCH_ROWS_H_
#define NEGATRON_SERVER_SAMPLING_BATCH_ROWS_H_

#include <cstdint>
#include <limits>
#include <span>

#include "absl/functional/function_ref.h"

#include "server/sampling/policy.h"
#include "server/sampling/row.h"
#include "server/sampling/sampler.h"
#include "server/sampling/source.h"

// What a policy makes of a row before its sources draw.
namespace negatron {

// What sources of a call must know of its policy.
SourceContext WithGuards(SourceContext context, const Policy& policy);

// The items that row `r` of a batch names as exclusions.
std::span<const Ordinal> NamedExclusions(const SampleBatch& batch, int64_t r);

// Fills `row` with row `r` of a batch, and with what the policy excludes for it.
void ResolveRow(const Policy& policy, const PoolView& pool, const SampleBatch& batch, int64_t r,
                Row* row);

// The shares of components, which give up theirs where they are empty for the row: those with a
// share whose `status_of` is not kOk. Returns kOk, or why the row is empty; all shares are then 0.
RowStatus ShareOut(const Policy& policy, absl::FunctionRef<RowStatus(size_t component)> status_of,
                   std::span<double> shares);

// What a component that has `share` of a row, and gives an item the probability `q`, adds to a
// mixture, apart from the share: NaN where the unknown factor of the row, which is that of one
// component alone, would have to be known.
inline double MixedProbability(double q, double share, LawKind law) {
  const bool has_level = share == 1 || law != LawKind::kRowConstant;
  return has_level ? q : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_BATCH_ROWS_H_
