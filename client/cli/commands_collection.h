// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_COLLECTION_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_COLLECTION_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// Adds `collection create|get|list|update|delete`. A command that is parsed sets
// `session->command`. Both must outlive the parsing.
void AddCollectionCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_COLLECTION_H_
