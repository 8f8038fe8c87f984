// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completion.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace negatron::client {
namespace {

struct Word {
  std::string name;
  std::string description;
  bool takes_value = false;
};

// What may follow a command.
struct Node {
  std::string path;  // Names of the commands, from below the program on: `policy put`.
  std::vector<Word> commands;
  std::vector<Word> options;  // `--name`.
};

// The first sentence, in one line.
std::string Brief(absl::string_view description) {
  std::string text(description.substr(0, description.find(". ")));
  text = absl::StrReplaceAll(text, {{"\n", " "}});
  while (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

void AddOptions(const CLI::App& app, std::vector<Word>* options) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      options->push_back({absl::StrCat("--", name), Brief(option->get_description()),
                          option->get_items_expected_max() > 0});
    }
  }
}

void AddNodes(const CLI::App& app, const std::string& path, std::vector<Word> inherited,
              std::vector<Node>* nodes) {
  Node node;
  node.path = path;
  AddOptions(app, &node.options);
  // Each command has a --help of its own, and no --version.
  for (Word& option : inherited) {
    if (option.name == "--help" || option.name == "--version") continue;
    node.options.push_back(std::move(option));
  }
  const std::vector<Word> options = node.options;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) {
    node.commands.push_back({command->get_name(), Brief(command->get_description())});
  }
  nodes->push_back(std::move(node));
  for (const CLI::App* command : commands) {
    AddNodes(*command, absl::StrCat(path, path.empty() ? "" : " ", command->get_name()), options,
             nodes);
  }
}

// In single quotes, as all three shells take them.
std::string Quote(absl::string_view text, Shell shell) {
  if (shell == Shell::kFish) {
    return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
  }
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// Paths of all commands but the program itself, quoted, between `separator`.
std::string Paths(const std::vector<Node>& nodes, Shell shell, absl::string_view separator) {
  std::vector<std::string> paths;
  for (const Node& node : nodes) {
    if (!node.path.empty()) paths.push_back(Quote(node.path, shell));
  }
  return absl::StrJoin(paths, separator);
}

// Options of any command that take a value, which is no command then.
std::string ValueOptions(const std::vector<Node>& nodes, absl::string_view separator) {
  std::set<std::string> names;
  for (const Node& node : nodes) {
    for (const Word& option : node.options) {
      if (option.takes_value) names.insert(option.name);
    }
  }
  return absl::StrJoin(names, separator);
}

std::string Names(const std::vector<Word>& words) {
  return absl::StrJoin(words, " ", [](std::string* out, const Word& word) { *out += word.name; });
}

std::string Bash(const std::string& name, const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) {
    absl::StrAppend(&cases, "    ", Quote(node.path, Shell::kBash), ") commands='",
                    Names(node.commands), "' options='", Names(node.options), "' ;;\n");
  }
  return absl::StrReplaceAll(
      R"(# bash completion of NAME:  source <(NAME completion bash)
_NAME() {
  local current=${COMP_WORDS[COMP_CWORD]} at='' commands='' options='' word='' i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    case $word in
      VALUES) ((++i)); continue ;;
    esac
    case ${at:+$at }$word in
      PATHS) at=${at:+$at }$word ;;
    esac
  done
  COMPREPLY=()
  ((i > COMP_CWORD)) && return  # The value of an option.
  case $at in
CASES  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  fi
}
complete -o default -F _NAME NAME
)",
      {{"NAME", name},
       {"VALUES", ValueOptions(nodes, "|")},
       {"PATHS", Paths(nodes, Shell::kBash, "|")},
       {"CASES", cases}});
}

// Entries of _describe: `name:description`.
std::string Described(const std::vector<Word>& words) {
  return absl::StrJoin(words, " ", [](std::string* out, const Word& word) {
    *out += Quote(absl::StrCat(word.name, ":", word.description), Shell::kZsh);
  });
}

std::string Zsh(const std::string& name, const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) {
    absl::StrAppend(&cases, "    ", Quote(node.path, Shell::kZsh), ")\n      commands=(",
                    Described(node.commands), ")\n      options=(", Described(node.options),
                    ")\n      ;;\n");
  }
  return absl::StrReplaceAll(
      R"(#compdef NAME
# zsh completion of NAME:  source <(NAME completion zsh)
_NAME() {
  local -a commands options
  local at='' word=''
  integer i
  for ((i = 2; i < CURRENT; ++i)); do
    word=${words[i]}
    case $word in
      (VALUES) ((++i)); continue ;;
    esac
    case ${at:+$at }$word in
      (PATHS) at=${at:+$at }$word ;;
    esac
  done
  if ((i > CURRENT)); then  # The value of an option.
    _files
    return
  fi
  case $at in
CASES  esac
  if [[ ${words[CURRENT]} == -* ]]; then
    _describe -o option options
  elif (($#commands)); then
    _describe command commands
  else
    _files
  fi
}
if [[ ${funcstack[1]} == _NAME ]]; then
  _NAME
else
  compdef _NAME NAME
fi
)",
      {{"NAME", name},
       {"VALUES", ValueOptions(nodes, "|")},
       {"PATHS", Paths(nodes, Shell::kZsh, "|")},
       {"CASES", cases}});
}

std::string Fish(const std::string& name, const std::vector<Node>& nodes) {
  std::string lines;
  for (const Node& node : nodes) {
    const std::string at = absl::StrCat("__", name, "_at '", node.path, "'");
    const std::string where = absl::StrCat("complete -c ", name, " -n ", Quote(at, Shell::kFish));
    for (const Word& command : node.commands) {
      absl::StrAppend(&lines, where, " -f -a ", command.name, " -d ",
                      Quote(command.description, Shell::kFish), "\n");
    }
    for (const Word& option : node.options) {
      absl::StrAppend(&lines, where, " -l ", absl::string_view(option.name).substr(2),
                      option.takes_value ? " -r" : "", " -d ",
                      Quote(option.description, Shell::kFish), "\n");
    }
  }
  return absl::StrReplaceAll(
      R"(# fish completion of NAME:  NAME completion fish | source
function __NAME_at
  set -l at ''
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    if contains -- $word VALUES
      set skip 1
      continue
    end
    set -l longer (string trim -- "$at $word")
    if contains -- $longer PATHS
      set at $longer
    end
  end
  test "$at" = $argv[1]
end
LINES)",
      {{"NAME", name},
       {"VALUES", ValueOptions(nodes, " ")},
       {"PATHS", Paths(nodes, Shell::kFish, " ")},
       {"LINES", lines}});
}

}  // namespace

std::string CompletionScript(const CLI::App& app, Shell shell) {
  std::vector<Node> nodes;
  AddNodes(app, "", {}, &nodes);
  const std::string& name = app.get_name();
  switch (shell) {
    case Shell::kBash:
      return Bash(name, nodes);
    case Shell::kZsh:
      return Zsh(name, nodes);
    case Shell::kFish:
      return Fish(name, nodes);
  }
  return "";
}

}  // namespace negatron::client
