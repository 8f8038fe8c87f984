// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_EXPORT_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_EXPORT_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// `export items|events|embeddings`.
void AddExportCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_EXPORT_H_
