// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_EXPORT_RUN_H_
#define NEGATRON_CLIENT_CLI_EXPORT_RUN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "client/cli/session.h"
#include "client/cli/table_writer.h"
#include "negatron/v1/pool.pb.h"

namespace negatron::client {

// An export as the command line asks for it.
struct ExportRun {
  std::string collection;
  std::string path;                   // `-`: standard output.
  std::optional<TableFormat> format;  // Unset: by the path's suffix; CSV on standard output.
  std::vector<std::string> without;   // Columns that are left out.

  // Of items.
  std::string category_separator;  // Empty: a space in RecBole's files, else `|`.

  // Of events: only those of a kind, or in a span of time. Unset: all.
  std::optional<v1::EventKind> kind;
  std::optional<int64_t> start_micros;
  std::optional<int64_t> end_micros;

  // Of embeddings, by the paths of two files.
  std::string ids_path;
  bool users = false;
};

// Columns of the tables, in their order; `without` may name those behind the ids and times.
std::vector<TableColumn> ItemExportColumns();
std::vector<TableColumn> EventExportColumns();

// Write what `import`, and push-embeddings, read back as it is. Print how much it was, if not to
// standard output then there.
//
// An input error names the first item or event that the format cannot hold; then, and after any
// other error, no file is left.
absl::Status RunItemExport(Session& session, const ExportRun& run);
absl::Status RunEventExport(Session& session, const ExportRun& run);
absl::Status RunEmbeddingExport(Session& session, const ExportRun& run);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_EXPORT_RUN_H_
