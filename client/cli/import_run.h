// SPDX-License-Identifier: Apache-2.0
//
// Imports of whole files through streams that resume.
#ifndef NEGATRON_CLIENT_CLI_IMPORT_RUN_H_
#define NEGATRON_CLIENT_CLI_IMPORT_RUN_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "client/cli/import_files.h"
#include "client/cli/session.h"

namespace negatron::client {

struct ImportRun {
  ImportOptions options;
  std::string collection;  // Id or name.

  // Stream to go on with. Empty: for events one that is named by the rows, so that the same rows
  // are never written twice; for items a new one, since an older state may be put back.
  std::string stream_id;

  std::string import_name;  // Part of the name of a stream that is named by its rows.
  absl::Duration patience;  // As ImportStreamOptions::patience.
  bool partial = false;     // Items: replaces only what the file has columns for.
};

// Import the file, with progress, and print what was done.
//
// Events of a stream that is named by its rows are all read once before: a bad line is found before
// anything is written. Errors say how to go on: usage and input errors (ToExitCode) of the options
// and the file, and the server's, with the lines that it refused.
absl::Status RunEventImport(Session& session, const ImportRun& run);
absl::Status RunItemImport(Session& session, const ImportRun& run);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_IMPORT_RUN_H_
