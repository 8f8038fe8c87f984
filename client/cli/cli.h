// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_CLI_H_
#define NEGATRON_CLIENT_CLI_CLI_H_

#include <ostream>
#include <string>
#include <vector>

#include "client/cli/session.h"

namespace negatron::client {

// Runs the program `negatron` with the arguments behind its name: results go to `out`, progress and
// errors to `err`, which `terminal` says is one.
ExitCode RunCli(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
                bool terminal);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_CLI_H_
