// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_SERVER_METRICS_H_
#define NEGATRON_SERVER_APP_SERVER_METRICS_H_

#include <functional>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "server/app/metric_families.h"
#include "server/rpc/dispatcher.h"
#include "server/rpc/engine_handle.h"

namespace negatron {

// Where metrics are read from; all must outlive who reads.
struct MetricSources {
  const Dispatcher* dispatcher = nullptr;
  const EngineHandle* engine = nullptr;
  std::function<bool()> serving;  // What the health service says.
};

// All metrics of the server, read when they are asked for. deploy/README.md lists them.
//
// Thread-safety: thread-safe.
class ServerMetrics final : public prometheus::Collectable {
 public:
  explicit ServerMetrics(MetricSources sources);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  void CollectCalls(MetricFamilies* families) const;
  void CollectState(MetricFamilies* families) const;

  const MetricSources sources_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_SERVER_METRICS_H_
