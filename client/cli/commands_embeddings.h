// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_EMBEDDINGS_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_EMBEDDINGS_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// Adds `push-embeddings`. A command that is parsed sets `session->command`. Both must outlive the
// parsing.
void AddEmbeddingCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_EMBEDDINGS_H_
