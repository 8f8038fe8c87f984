// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "server/app/config.h"
#include "server/app/grpc_server.h"
#include "server/app/health_check.h"
#include "server/app/lifecycle.h"
#include "server/app/logging.h"
#include "server/app/security.h"
#include "server/app/signals.h"
#include "server/app/token_command.h"

namespace negatron {
namespace {

constexpr absl::Duration kHealthTimeout = absl::Seconds(2);

void Print(const std::string& text) { std::fputs(text.c_str(), stdout); }

// In the form of a configuration file; the source is a comment.
std::string DescribeConfig(const CommandLine& line) {
  std::string text;
  for (const EffectiveSetting& setting : line.settings) {
    absl::StrAppend(&text, setting.name, " = \"", setting.value, "\"  # ", setting.source, "\n");
  }
  return text;
}

int HealthCheck(const Config& config) {
  const absl::Status status = CheckHealth(config, kHealthTimeout);
  Print(status.ok() ? "SERVING\n" : absl::StrCat("NOT_SERVING: ", status.message(), "\n"));
  return status.ok() ? 0 : 1;
}

int Serve(const CommandLine& line) {
  BlockStopSignals();
  // Lives as long as the process: threads of gRPC's core may log until its end.
  static Log& log = *new Log(line.config.log_level, line.config.log_format);
  RedirectLibraryLogs(&log);
  log.Info("starting", {{"version", NEGATRON_VERSION}});
  for (const EffectiveSetting& setting : line.settings) {
    log.Info("setting",
             {{"name", setting.name}, {"value", setting.value}, {"source", setting.source}});
  }
  return RunServer(line.config, log);
}

int CheckConfig(const Config& config) {
  const absl::Status status = CheckSecurityFiles(config);
  Print(status.ok() ? "the settings are valid\n" : absl::StrCat(status.message(), "\n"));
  return status.ok() ? 0 : kExitBadConfig;
}

int Main(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == kTokenCommand) return RunTokenCommand(arguments);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs here, and nothing sets a variable.
  const auto variable = [](const char* name) { return std::getenv(name); };
  const absl::StatusOr<CommandLine> line = ReadCommandLine(arguments, variable);
  if (!line.ok()) {
    const std::string message(line.status().message());
    std::fprintf(stderr, "negatrond: %s\n", message.c_str());
    return kExitBadConfig;
  }
  switch (line->action) {
    case Action::kHelp:
      Print(line->help);
      return 0;
    case Action::kVersion:
      Print("negatrond " NEGATRON_VERSION "\n");
      return 0;
    case Action::kPrintConfig:
      Print(DescribeConfig(*line));
      return 0;
    case Action::kCheckConfig:
      return CheckConfig(line->config);
    case Action::kHealthCheck:
      return HealthCheck(line->config);
    case Action::kRestore: {
      Log log(line->config.log_level, line->config.log_format);
      return RunRestore(line->config, line->backup_id, log);
    }
    case Action::kServe:
      break;
  }
  return Serve(*line);
}

}  // namespace
}  // namespace negatron

int main(int argc, char** argv) {
  return negatron::Main(std::vector<std::string>(argv + 1, argv + argc));
}
