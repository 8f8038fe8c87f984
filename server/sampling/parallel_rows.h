// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_PARALLEL_ROWS_H_
#define NEGATRON_SERVER_SAMPLING_PARALLEL_ROWS_H_

#include "absl/status/status.h"

#include "server/sampling/sampler.h"
#include "storage/base/executor.h"

namespace negatron {

// SampleRows, with the rows of a batch that is worth it shared between this thread and those of
// `executor` that have nothing to do. What is drawn is the same. Null: this thread alone.
absl::Status SampleRowsInParallel(Executor* executor, const Policy& policy,
                                  const SourceContext& context, const SampleBatch& batch,
                                  const SampleColumns& columns, SampleTotals* totals);

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_PARALLEL_ROWS_H_
