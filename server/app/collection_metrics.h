// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_COLLECTION_METRICS_H_
#define NEGATRON_SERVER_APP_COLLECTION_METRICS_H_

#include "server/app/metric_families.h"
#include "server/engine/engine.h"

namespace negatron {

// Series are bounded: of the first collections by id, and of the first controllers of each. How
// many collections there are is always told.
inline constexpr size_t kMaxMeasuredCollections = 100;
inline constexpr int kMaxMeasuredControllers = 20;

// Adds the metrics of collections, each with the label `collection`.
void CollectCollections(const Engine& engine, MetricFamilies* families);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_COLLECTION_METRICS_H_
