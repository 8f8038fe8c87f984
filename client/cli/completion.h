// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMPLETION_H_
#define NEGATRON_CLIENT_CLI_COMPLETION_H_

#include <string>

#include <CLI/App.hpp>

namespace negatron::client {

enum class Shell { kBash, kZsh, kFish };

// A script that completes the commands and options of a program, with their descriptions where the
// shell shows any, and elsewhere names of files. `app` is the program, with all its commands; each
// of them takes the options of those above it, too.
std::string CompletionScript(const CLI::App& app, Shell shell);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMPLETION_H_
