// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_LIFECYCLE_H_
#define NEGATRON_SERVER_APP_LIFECYCLE_H_

#include <string>

#include "server/app/config.h"
#include "server/app/logging.h"

namespace negatron {

inline constexpr int kExitClean = 0;
inline constexpr int kExitBadConfig = 1;     // Or the port cannot be bound.
inline constexpr int kExitStartRefused = 2;  // The data folder cannot be opened.

// Runs the server until SIGTERM or SIGINT, and returns the exit status of the process.
//
// The port is bound first, so that health (NOT_SERVING) and `GetServerInfo` answer while the data
// is recovered. On a signal: health turns NOT_SERVING, new calls are UNAVAILABLE, calls in flight
// get `drain_deadline` to end and are then cancelled, the log is synced. A second signal ends the
// process at once. Needs `BlockStopSignals` before.
int RunServer(const Config& config, Log& log);

// Makes the data folder of a backup, and returns the exit status of the process.
int RunRestore(const Config& config, const std::string& backup_id, Log& log);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_LIFECYCLE_H_
