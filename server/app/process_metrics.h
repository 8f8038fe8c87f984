// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_PROCESS_METRICS_H_
#define NEGATRON_SERVER_APP_PROCESS_METRICS_H_

#include "server/app/metric_families.h"

namespace negatron {

// Adds what the system tells of this process, under the names that all programs use for it
// (`process_...`). What it does not tell is left out.
void CollectProcess(MetricFamilies* families);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_PROCESS_METRICS_H_
