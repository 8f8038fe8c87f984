// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_REMOVAL_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_REMOVAL_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// Adds `events retract`, `users list` and `users erase`.
void AddRemovalCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_REMOVAL_H_
