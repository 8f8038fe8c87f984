// SPDX-License-Identifier: Apache-2.0
#include "server/app/config.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "server/app/settings.h"
#include "storage/base/memory.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Texts of settings by name, as one source gives them.
using Layer = std::map<std::string, std::string>;

struct Flags {
  Layer values;
  Action action = Action::kServe;
  std::string config_file;
  std::string backup_id;
  std::string help;
};

absl::StatusOr<Flags> ParseFlags(const std::vector<std::string>& arguments) {
  CLI::App app("Negatron: negative samples for recommenders and retrieval models, over gRPC.",
               "negatrond");
  app.footer(
      "Each setting is also read from the environment, --data-dir from NEGATRON_DATA_DIR\n"
      "say, and from the file of --config, as data-dir = \"/var/lib/negatron\". A flag wins\n"
      "over the environment, the environment over the file.\n\n"
      "`negatrond token --help` tells how to make tokens.\n\n"
      "Exit status: 0 after a clean shutdown, 1 for bad settings or a port that cannot be\n"
      "bound, 2 if the data folder cannot be opened, or a backup not be restored.");
  Flags flags;
  std::map<std::string, std::string> texts;
  std::map<std::string, CLI::Option*> options;
  for (const Setting& setting : Settings()) {
    const std::string flag = "--" + setting.name;
    std::string& text = texts[setting.name];
    options[setting.name] =
        setting.is_switch
            ? app.add_flag_function(
                  flag, [&text](int64_t count) { text = count > 0 ? "true" : "false"; },
                  setting.help)
            : app.add_option(flag, text, setting.help);
  }
  app.add_option("--config", flags.config_file, "File of settings, in TOML or INI form.");
  const std::pair<const char*, std::pair<Action, const char*>> actions[] = {
      {"--print-config", {Action::kPrintConfig, "Print every setting with its source, and exit."}},
      {"--check-config",
       {Action::kCheckConfig,
        "Exit with 0 if the settings, and the files of\n"
        "certificates and tokens, are valid, else 1."}},
      {"--healthcheck", {Action::kHealthCheck, "Exit with 0 if the server there is SERVING."}},
      {"--version", {Action::kVersion, "Print the version, and exit."}}};
  for (const auto& [flag, action] : actions) {
    app.add_flag_callback(
        flag, [&flags, chosen = action.first] { flags.action = chosen; }, action.second);
  }
  app.add_option("--restore", flags.backup_id,
                 "Make the new folder --data-dir of this backup in --backup-dir, and exit.");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    flags.action = Action::kHelp;
    flags.help = app.help();
    return flags;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  if (!flags.backup_id.empty()) flags.action = Action::kRestore;
  for (const auto& [name, option] : options) {
    if (option->count() > 0) flags.values[name] = texts[name];
  }
  return flags;
}

Layer ReadEnvironment(const Environment& environment) {
  Layer layer;
  for (const Setting& setting : Settings()) {
    const char* const value = environment(setting.EnvironmentName().c_str());
    if (value != nullptr && *value != '\0') layer[setting.name] = value;
  }
  return layer;
}

absl::StatusOr<Layer> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return absl::InvalidArgumentError(absl::StrCat("config: cannot read the file ", path));
  }
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_config(file);
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.what()));
  }
  Layer layer;
  for (const CLI::ConfigItem& item : items) {
    const bool known = std::any_of(Settings().begin(), Settings().end(), [&](const Setting& s) {
      return item.parents.empty() && s.name == item.name;
    });
    if (!known) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": `", item.fullname(), "` is not a setting"));
    }
    if (item.inputs.size() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": `", item.name, "` must have one value"));
    }
    if (!layer.emplace(item.name, item.inputs[0]).second) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": `", item.name, "` is set twice"));
    }
  }
  return layer;
}

struct Source {
  std::string name;
  std::string place;  // For messages: where the source is; empty: the command line.
  Layer layer;
};

// Where `setting` is set, or null. `sources` are in order of precedence.
const Source* Find(const std::vector<Source>& sources, const Setting& setting) {
  for (const Source& source : sources) {
    if (source.layer.count(setting.name) > 0) return &source;
  }
  return nullptr;
}

absl::Status Apply(const std::vector<Source>& sources, CommandLine* line) {
  for (const Setting& setting : Settings()) {
    const Source* const source = Find(sources, setting);
    if (source != nullptr) {
      const std::string& text = source->layer.at(setting.name);
      const absl::Status status = setting.read(text, &line->config);
      if (!status.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(source->place, setting.name, ": ",
                                                       status.message(), "; it is `", text, "`"));
      }
    }
    line->settings.push_back(
        {setting.name, setting.write(line->config), source != nullptr ? source->name : "default"});
  }
  return CheckTogether(line->config);
}

}  // namespace

absl::StatusOr<CommandLine> ReadCommandLine(const std::vector<std::string>& arguments,
                                            const Environment& environment) {
  NEGATRON_ASSIGN_OR_RETURN(Flags flags, ParseFlags(arguments));
  CommandLine line;
  line.action = flags.action;
  line.help = std::move(flags.help);
  line.backup_id = std::move(flags.backup_id);
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  line.config.executor_threads = std::max(1, cores);
  line.config.index_threads = std::max(1, cores / 2);
  line.config.memory_limit_bytes = MemoryLimitBytes();
  if (line.action == Action::kHelp || line.action == Action::kVersion) return line;
  if (flags.config_file.empty()) {
    const char* const path = environment("NEGATRON_CONFIG");
    if (path != nullptr) flags.config_file = path;
  }
  std::vector<Source> sources = {{"flag", "--", std::move(flags.values)},
                                 {"environment", "environment, ", ReadEnvironment(environment)}};
  if (!flags.config_file.empty()) {
    NEGATRON_ASSIGN_OR_RETURN(Layer file, ReadFile(flags.config_file));
    sources.push_back({"file", absl::StrCat(flags.config_file, ": "), std::move(file)});
  }
  NEGATRON_RETURN_IF_ERROR(Apply(sources, &line));
  if (line.action == Action::kRestore && line.config.backup_dir.empty()) {
    return absl::InvalidArgumentError("--restore: needs --backup-dir, where the backup lies");
  }
  return line;
}

}  // namespace negatron
