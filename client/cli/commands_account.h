// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_ACCOUNT_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_ACCOUNT_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// Adds `explain`, and `audit list`, `get` and `replay`.
void AddAccountCommands(CLI::App* app, Session* session);

// The latter.
void AddAuditCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_ACCOUNT_H_
