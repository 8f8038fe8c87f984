// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_BACKUP_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_BACKUP_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// Adds `backup create`, `list`, `verify` and `delete`.
void AddBackupCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_BACKUP_H_
