// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_HEALTH_CHECK_H_
#define NEGATRON_SERVER_APP_HEALTH_CHECK_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "server/app/config.h"

namespace negatron {

// Asks the server that runs with this configuration for its health (`grpc.health.v1`), and waits at
// most `timeout`. With port 0, the port is read from the port file. OK if it is SERVING, else why
// not.
absl::Status CheckHealth(const Config& config, absl::Duration timeout);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_HEALTH_CHECK_H_
