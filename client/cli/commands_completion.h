// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_COMPLETION_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_COMPLETION_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace negatron::client {

// Adds `completion`. Add it last: it tells of all commands that `app` has when it runs.
void AddCompletionCommand(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_COMPLETION_H_
