// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cli.h"

#include <cstdlib>

#include <CLI/CLI.hpp>

#include "client/cli/commands_account.h"
#include "client/cli/commands_backup.h"
#include "client/cli/commands_collection.h"
#include "client/cli/commands_completion.h"
#include "client/cli/commands_controller.h"
#include "client/cli/commands_embeddings.h"
#include "client/cli/commands_export.h"
#include "client/cli/commands_import.h"
#include "client/cli/commands_inspect.h"
#include "client/cli/commands_policy.h"
#include "client/cli/commands_removal.h"
#include "client/cli/commands_sample.h"
#include "client/cli/commands_versions.h"

namespace negatron::client {

ExitCode RunCli(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
                bool terminal) {
  Session session;
  session.out = &out;
  session.err = &err;
  session.terminal = terminal;
  CLI::App app("Talks to a Negatron server.", "negatron");
  app.footer(
      "Exit codes: 0 done, 1 wrong options, 2 refused by the server, 3 server unreachable or\n"
      "overloaded, 4 a file cannot be read or holds nonsense.");
  app.set_version_flag("--version", "negatron " NEGATRON_VERSION);
  app.add_option("--server", session.server, "Address of the server.")
      ->envname("NEGATRON_SERVER")
      ->capture_default_str();
  app.add_option("--timeout", session.timeout, "Time for each call.")->capture_default_str();
  app.add_flag("--tls", session.tls, "Connects by TLS, as each --tls-... does.");
  app.add_option("--tls-ca", session.tls_ca, "PEM file of the roots that sign the server.")
      ->envname("NEGATRON_TLS_CA");
  app.add_option("--tls-cert", session.tls_cert, "PEM file of the client's own certificate.")
      ->envname("NEGATRON_CLIENT_CERT");
  app.add_option("--tls-key", session.tls_key, "PEM file of its private key.")
      ->envname("NEGATRON_CLIENT_KEY");
  app.add_option("--tls-server-name", session.tls_server_name,
                 "Name in the server's certificate, where it is not that of --server.");
  app.add_option("--token-file", session.token_file,
                 "File with the token; without it, NEGATRON_TOKEN holds the token.");
  app.add_flag("--json", session.json, "Prints results as JSON.");
  app.require_subcommand(1);
  AddCollectionCommands(&app, &session);
  AddImportCommands(&app, &session);
  AddExportCommands(&app, &session);
  AddEmbeddingCommands(&app, &session);
  AddVersionCommands(&app, &session);
  AddRemovalCommands(&app, &session);
  AddPolicyCommands(&app, &session);
  AddControllerCommands(&app, &session);
  AddSampleCommands(&app, &session);
  AddInspectCommands(&app, &session);
  AddAccountCommands(&app, &session);
  AddBackupCommands(&app, &session);
  AddCompletionCommand(&app, &session);
  // Not an option: the command lines of a machine are seen by everybody on it.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets a variable.
  if (const char* const token = std::getenv("NEGATRON_TOKEN"); token != nullptr) {
    session.token = token;
  }
  try {
    // CLI11 takes them from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? ExitCode::kOk : ExitCode::kUsage;
  }
  const absl::Status status = session.command(session);
  out.flush();
  if (!status.ok()) session.PrintError(status);
  return ToExitCode(status);
}

}  // namespace negatron::client
