// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_CONTROLLER_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_CONTROLLER_H_

#include <string>

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// `collections/{id}/controllers/{id}` of the collection and an id, or such a name.
std::string ControllerName(const std::string& collection, const std::string& id_or_name);

// Adds `controller put`, `get`, `list` and `delete`.
void AddControllerCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_CONTROLLER_H_
