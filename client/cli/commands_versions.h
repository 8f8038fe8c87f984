// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_VERSIONS_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_VERSIONS_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// Adds `embeddings versions|abort`. A command that is parsed sets `session->command`. Both must
// outlive the parsing.
void AddVersionCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_VERSIONS_H_
