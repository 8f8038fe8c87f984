// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <string>
#include <unistd.h>
#include <vector>

#include "client/cli/cli.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return static_cast<int>(
      negatron::client::RunCli(arguments, std::cout, std::cerr, isatty(STDERR_FILENO) == 1));
}
