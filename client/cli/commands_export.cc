// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_export.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "client/cli/event_kinds.h"
#include "client/cli/export_run.h"
#include "client/cli/values.h"

namespace negatron::client {
namespace {

struct ExportSettings {
  ExportRun run;
  std::string start;
  std::string end;
};

const std::map<std::string, TableFormat>& Formats() {
  static const auto* formats = new std::map<std::string, TableFormat>{
      {"csv", TableFormat::kCsv}, {"tsv", TableFormat::kTsv}, {"recbole", TableFormat::kRecBole}};
  return *formats;
}

CLI::App* AddCommand(CLI::App* group, const std::string& name, const std::string& description,
                     ExportSettings* settings, Session* session,
                     std::function<absl::Status(Session&)> run) {
  CLI::App* command = group->add_subcommand(name, description);
  command->fallthrough();
  command->add_option("--collection", settings->run.collection, "Id of the collection.")
      ->required();
  command->callback([session, run = std::move(run)] { session->command = run; });
  return command;
}

// Options of tables; `columns` from `first_optional` on may be left out.
void AddTableOptions(CLI::App* command, const std::vector<TableColumn>& columns,
                     size_t first_optional, ExportRun* run) {
  command
      ->add_option("--out", run->path,
                   "Where to: a file that ends in .csv, .tsv, .inter or .item (the last two as "
                   "RecBole reads them), or - for standard output.")
      ->required();
  command
      ->add_option_function<std::string>(
          "--format", [run](const std::string& name) { run->format = Formats().at(name); },
          "csv, tsv or recbole. Default: by the end of the name; CSV on standard output.")
      ->check(CLI::IsMember(std::vector<std::string>{"csv", "tsv", "recbole"}));
  std::vector<std::string> names;
  for (size_t i = first_optional; i < columns.size(); ++i) names.emplace_back(columns[i].name);
  command->add_option("--without", run->without, "Columns to leave out.")
      ->check(CLI::IsMember(names))
      ->delimiter(',');
}

// Reads a bound of the times, if it is given.
absl::Status ReadTime(const std::string& text, absl::string_view option,
                      std::optional<int64_t>* micros) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<int64_t> time = ParseEventTime(text, TimeUnit::kAuto);
  if (!time.ok()) return UsageError(absl::StrCat(option, ": ", time.status().message()));
  *micros = *time;
  return absl::OkStatus();
}

void AddEvents(CLI::App* group, Session* session) {
  const auto settings = std::make_shared<ExportSettings>();
  CLI::App* command = AddCommand(
      group, "events",
      "Writes events in order of time, as they were when the export began. What is removed "
      "meanwhile may be missing, and so is what retention has let go.",
      settings.get(), session, [settings](Session& run) {
        absl::Status status = ReadTime(settings->start, "--start", &settings->run.start_micros);
        status.Update(ReadTime(settings->end, "--end", &settings->run.end_micros));
        return status.ok() ? RunEventExport(run, settings->run) : status;
      });
  AddTableOptions(command, EventExportColumns(), 3, &settings->run);
  command->add_option_function<std::string>(
      "--kind", KindSetter(&settings->run.kind),
      "Only events of this kind: positive, exposure or mined. Default: all.");
  command->add_option("--start", settings->start, "Only events at this time or later.");
  command->add_option("--end", settings->end, "Only events before this time.");
  command->footer(
      "Example: negatron export events --collection films --out films.inter --kind positive\n"
      "To read it back: negatron import events films.inter --collection films --all-columns");
}

void AddItems(CLI::App* group, Session* session) {
  const auto settings = std::make_shared<ExportSettings>();
  CLI::App* command = AddCommand(
      group, "items", "Writes items with all their properties, in the order of first writing.",
      settings.get(), session,
      [settings](Session& run) { return RunItemExport(run, settings->run); });
  AddTableOptions(command, ItemExportColumns(), 1, &settings->run);
  command
      ->add_option("--category-separator", settings->run.category_separator,
                   "What stands between the names of categories. Default: a space in RecBole's "
                   "files, else |.")
      ->check([](const std::string& text) {
        return text.empty() ? std::string("must not be empty") : std::string();
      });
  command->footer(
      "Example: negatron export items --collection films --out films.csv\n"
      "To read it back: negatron import items films.csv --collection films --all-columns");
}

void AddEmbeddings(CLI::App* group, Session* session) {
  const auto settings = std::make_shared<ExportSettings>();
  CLI::App* command = AddCommand(
      group, "embeddings",
      "Writes the embeddings that items, or users, have, as float32 and as they are stored: of "
      "length one under cosine, rounded as bfloat16. Versions of models are not part of it.",
      settings.get(), session,
      [settings](Session& run) { return RunEmbeddingExport(run, settings->run); });
  command->add_option("--out", settings->run.path, "A .npy file, a row for each embedding.")
      ->required();
  command
      ->add_option("--ids", settings->run.ids_path,
                   "Ids in the order of the rows: a .npy file of integers, or text with one id a "
                   "line.")
      ->required();
  for (const char* name : {"--out", "--ids"}) {
    command->get_option(name)->check([](const std::string& path) {
      return path == "-" ? std::string("must be a file") : std::string();
    });
  }
  command->add_flag("--users", settings->run.users, "Embeddings of users, instead of items.");
  command->footer(
      "To read it back: negatron push-embeddings vectors.npy --ids ids.npy --collection films");
}

}  // namespace

void AddExportCommands(CLI::App* app, Session* session) {
  CLI::App* group = app->add_subcommand(
      "export", "Writes items, events or embeddings to files that import reads.");
  group->require_subcommand(1)->fallthrough();
  AddEvents(group, session);
  AddItems(group, session);
  AddEmbeddings(group, session);
}

}  // namespace negatron::client
