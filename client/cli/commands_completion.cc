// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_completion.h"

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/cli/completion.h"

namespace negatron::client {

void AddCompletionCommand(CLI::App* app, Session* session) {
  CLI::App* command = app->add_subcommand(
      "completion", "Prints a script that makes a shell complete commands and options.");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish.")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  command->footer(
      "bash: source <(negatron completion bash)       in ~/.bashrc\n"
      "zsh:  source <(negatron completion zsh)        in ~/.zshrc, behind compinit\n"
      "fish: negatron completion fish | source        in ~/.config/fish/config.fish");
  command->callback([app, session, shell] {
    session->command = [app, shell](Session& run) {
      const Shell of = *shell == "bash"  ? Shell::kBash
                       : *shell == "zsh" ? Shell::kZsh
                                         : Shell::kFish;
      *run.out << CompletionScript(*app, of);
      return absl::OkStatus();
    };
  });
}

}  // namespace negatron::client
