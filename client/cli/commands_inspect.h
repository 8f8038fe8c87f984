// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_INSPECT_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_INSPECT_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// Adds `stats`, `get-item`, `info`, and what follows. A command that is parsed sets
// `session->command`. Both must outlive the parsing.
void AddInspectCommands(CLI::App* app, Session* session);

// Adds `inspect`, in the same way.
void AddPageCommand(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_INSPECT_H_
