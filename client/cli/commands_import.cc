// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_import.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "client/cli/import_run.h"
#include "client/cli/values.h"

namespace negatron::client {
namespace {

struct ImportSettings {
  ImportRun run;
  std::string patience = "5m";
};

const std::map<std::string, TimeUnit>& TimeUnits() {
  static const auto* units = new std::map<std::string, TimeUnit>{{"auto", TimeUnit::kAuto},
                                                                 {"s", TimeUnit::kSeconds},
                                                                 {"ms", TimeUnit::kMillis},
                                                                 {"us", TimeUnit::kMicros}};
  return *units;
}

absl::Status Run(Session& session, ImportSettings& settings,
                 absl::Status (*run)(Session&, const ImportRun&)) {
  const absl::StatusOr<absl::Duration> patience = ParsePositiveDuration(settings.patience);
  if (!patience.ok()) {
    return UsageError(absl::StrCat("--patience: ", patience.status().message()));
  }
  settings.run.patience = *patience;
  return run(session, settings.run);
}

// The options that both kinds of file have.
CLI::App* AddCommand(CLI::App* group, const std::string& name, const std::string& description,
                     ImportSettings* settings) {
  CLI::App* command = group->add_subcommand(name, description);
  command->fallthrough();
  ImportOptions& options = settings->run.options;
  command->add_option("file", options.path, "CSV or TSV, or a file of MovieLens or RecBole.")
      ->required();
  command->add_option("--collection", settings->run.collection, "Id of the collection.")
      ->required();
  command->add_option("--item-column", options.item_column,
                      "Name of the column, or its number from 1. Default: item_id, movieId, item "
                      "and the like.");
  command
      ->add_option_function<std::string>(
          "--time-unit",
          [&options](const std::string& unit) { options.time_unit = TimeUnits().at(unit); },
          "Unit of times that are numbers; auto tells it by their size. Default: auto.")
      ->check(CLI::IsMember(std::vector<std::string>{"auto", "s", "ms", "us"}));
  command->add_option("--separator", options.table.separator,
                      "What stands between fields. Default: told from the first line.");
  command->add_flag_callback(
      "--header", [&options] { options.table.header = true; },
      "The first line names the columns. Default: told from the first line.");
  command->add_flag_callback(
      "--no-header", [&options] { options.table.header = false; }, "The first line is data.");
  command->add_flag("--all-columns", options.all_columns,
                    "Uses all columns that have the names export gives them.");
  command->add_flag("--skip-bad-lines", options.skip_bad_lines,
                    "Leaves bad lines out and counts them, instead of stopping at the first.");
  command->add_option("--stream", settings->run.stream_id,
                      "Stream of an earlier run to go on with: as many rows as it has written are "
                      "skipped. The file must be the same up to there.");
  command
      ->add_option("--patience", settings->patience,
                   "How long to wait for a server that is gone or recovers, before giving up.")
      ->capture_default_str();
  return command;
}

void AddEvents(CLI::App* group, Session* session) {
  const auto settings = std::make_shared<ImportSettings>();
  ImportOptions& options = settings->run.options;
  CLI::App* command = AddCommand(
      group, "events",
      "Imports events: users chose items at a time, were shown them, or got them as negatives.\n"
      "Running it again with the same rows changes nothing, and goes on where a run was cut off.",
      settings.get());
  command->add_option("--user-column", options.user_column, "Default: user_id, userId, user.");
  command->add_option("--time-column", options.time_column, "Default: timestamp, time, ts.");
  command->add_option("--weight-column", options.weight_column,
                      "Weight of the event, in [1/64, 4096]. Default: each weighs 1.");
  auto* kind = command->add_option_function<std::string>(
      "--kind", KindSetter(&options.kind),
      "Kind of all events: positive (chosen), exposure (shown, not chosen) or mined (a negative "
      "handed back). Default: positive.");
  command
      ->add_option("--kind-column", options.kind_column,
                   "Kind of each event: positive, exposure, mined, or 1, 2, 3.")
      ->excludes(kind);
  command->add_option("--propensity-column", options.propensity_column,
                      "Chance that the item was shown, in (0, 1], of exposures; an empty cell or "
                      "0: not known.");
  command->add_option("--cohort-column", options.cohort_column,
                      "Segment of the user, a whole number in [0, 255], of positives; an empty "
                      "cell or 0: none.");
  command->add_option("--rating-column", options.rating_column, "Default: rating, score, stars.");
  command->add_option_function<double>(
      "--min-rating", [&options](const double& rating) { options.min_rating = rating; },
      "Leaves out rows whose rating is lower.");
  command->add_option("--import-name", settings->run.import_name,
                      "Part of what tells this import from another: events that are imported again "
                      "under another name are recorded again.");
  command->footer(
      "Example: negatron import events shown.csv --collection films --kind exposure \\\n"
      "             --propensity-column p");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return Run(run, *settings, RunEventImport); };
  });
}

void AddItems(CLI::App* group, Session* session) {
  const auto settings = std::make_shared<ImportSettings>();
  ImportOptions& options = settings->run.options;
  CLI::App* command =
      AddCommand(group, "items",
                 "Imports items, one a line, or replaces items that exist: what the file has no "
                 "column for gets its default, unless --partial.",
                 settings.get());
  command->add_option(
      "--alive-from-column", options.alive_from_column,
      "Start of the item's life; an empty cell means always. Several lives stand "
      "between |, or spaces in columns of RecBole's type float_seq. Default: always.");
  command->add_option("--alive-until-column", options.alive_until_column,
                      "End of the item's life; an empty cell means never. Default: never.");
  command->add_option("--base-weight-column", options.base_weight_column,
                      "Factor on the weight of the item's events, in [1/16, 16]; an empty cell "
                      "means 1. Default: 1.");
  command->add_option("--categories-column", options.categories_column,
                      "Names of the item's categories, at most 16. Default: none.");
  command
      ->add_option("--category-separator", options.category_separator,
                   "What stands between the names. Default: a space in columns of RecBole's type "
                   "token_seq, else |.")
      ->check([](const std::string& text) {
        return text.empty() ? std::string("must not be empty") : std::string();
      });
  command->add_option("--attributes-column", options.attributes_column,
                      "Text that the server keeps for you, at most 1,024 bytes. Default: none.");
  command->add_flag("--partial", settings->run.partial,
                    "Replaces only what the file has columns for; the rest of items that exist "
                    "stays.");
  command->footer(
      "Example: negatron import items movies.csv --collection films --categories-column genres");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return Run(run, *settings, RunItemImport); };
  });
}

}  // namespace

void AddImportCommands(CLI::App* app, Session* session) {
  CLI::App* group = app->add_subcommand("import", "Imports events or items from a file.");
  group->require_subcommand(1)->fallthrough();
  AddEvents(group, session);
  AddItems(group, session);
}

}  // namespace negatron::client
