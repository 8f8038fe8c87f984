// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_MONITORING_H_
#define NEGATRON_SERVER_APP_MONITORING_H_

#include <memory>

#include "absl/status/statusor.h"

#include "server/app/config.h"
#include "server/app/http_server.h"
#include "server/app/server_metrics.h"

namespace negatron {

// Serves, over HTTP on a port of its own:
//   /metrics  all metrics, in Prometheus' text format;
//   /healthz  200 as long as the process answers;
//   /readyz   200 while the health service says SERVING, else 503.
// Null if the configuration has no address for it. UNAVAILABLE if that cannot be bound. What
// `sources` names must outlive the server.
absl::StatusOr<std::unique_ptr<HttpServer>> StartMonitoring(const Config& config,
                                                            const MetricSources& sources);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_MONITORING_H_
