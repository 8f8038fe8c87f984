// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_import.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <CLI/CLI.hpp>
#include <google/protobuf/struct.pb.h>

#include "client/cli/import_files.h"
#include "client/cli/progress.h"
#include "proto/cc/status.h"

namespace negatron::client {
namespace {

struct ImportSettings {
  ImportOptions options;
  std::string collection;
  std::string request_prefix;
};

// What has been written.
struct ImportTotals {
  int64_t written = 0;
  int64_t created_items = 0;
  int64_t calls = 0;
  int64_t replayed_calls = 0;
};

const std::map<std::string, TimeUnit>& TimeUnits() {
  static const auto* units = new std::map<std::string, TimeUnit>{{"auto", TimeUnit::kAuto},
                                                                 {"s", TimeUnit::kSeconds},
                                                                 {"ms", TimeUnit::kMillis},
                                                                 {"us", TimeUnit::kMicros}};
  return *units;
}

// Says in which lines of the file the rows are that the server refused.
absl::Status WithLines(const absl::Status& status, const std::string& path,
                       const std::vector<int64_t>& lines) {
  wire::BadRequest bad = GetBadRequest(status).value_or(wire::BadRequest());
  for (auto& violation : *bad.mutable_field_violations()) {
    const std::string field = violation.field();
    const size_t open = field.find('[');
    size_t row = 0;
    if (open == std::string::npos ||
        !absl::SimpleAtoi(field.substr(open + 1, field.find(']', open) - open - 1), &row) ||
        row >= lines.size()) {
      continue;
    }
    violation.set_field(absl::StrCat(path, ":", lines[row], ": ", field.substr(0, open)));
  }
  if (bad.field_violations_size() == 0) return status;
  absl::Status result(status.code(), lines.empty()
                                         ? std::string(status.message())
                                         : absl::StrCat("the server refused lines ", lines.front(),
                                                        " to ", lines.back(), " of ", path));
  SetBadRequest(result, bad);
  return result;
}

// What is said of an import that stopped; empty if it stopped before it wrote anything.
absl::Status WithTotals(const absl::Status& status, const ImportTotals& totals) {
  if (totals.written == 0) return status;
  absl::Status result(status.code(),
                      absl::StrCat(status.message(), "\n  ", WithCommas(totals.written),
                                   " rows before it are written; run the import again and they "
                                   "are not written twice."));
  status.ForEachPayload([&result](absl::string_view url, const absl::Cord& payload) {
    result.SetPayload(url, payload);
  });
  return result;
}

void AddTotals(const WriteSummary& summary, ImportTotals* totals) {
  totals->written += summary.written_count;
  totals->created_items += summary.created_item_count;
  totals->calls += summary.call_count;
  totals->replayed_calls += summary.replayed_call_count;
}

absl::Status PrintJsonTotals(Session& session, const std::string& collection,
                             const ImportCounts& counts, const ImportTotals& totals,
                             double seconds) {
  google::protobuf::Struct json;
  auto& fields = *json.mutable_fields();
  const auto number = [&fields](const char* name, double value) {
    fields[name].set_number_value(value);
  };
  fields["collection"].set_string_value(collection);
  number("rowCount", static_cast<double>(counts.row_count));
  number("writtenCount", static_cast<double>(totals.written));
  number("createdItemCount", static_cast<double>(totals.created_items));
  number("belowRatingCount", static_cast<double>(counts.below_rating_count));
  number("badLineCount", static_cast<double>(counts.bad_line_count));
  number("callCount", static_cast<double>(totals.calls));
  number("replayedCallCount", static_cast<double>(totals.replayed_calls));
  number("seconds", seconds);
  return session.PrintJson(json);
}

absl::Status PrintTotals(Session& session, const std::string& collection, const char* unit,
                         const ImportCounts& counts, const ImportTotals& totals, double seconds) {
  for (const std::string& sample : counts.bad_line_samples) {
    *session.err << "skipped " << sample << "\n";
  }
  if (counts.bad_line_count > static_cast<int64_t>(counts.bad_line_samples.size())) {
    *session.err << "skipped " << WithCommas(counts.bad_line_count) << " bad lines in all\n";
  }
  if (session.json) return PrintJsonTotals(session, collection, counts, totals, seconds);
  *session.out << absl::StrFormat("%s %s in %s, %.1f s", WithCommas(totals.written), unit,
                                  collection, seconds);
  if (totals.created_items > 0) {
    *session.out << "; " << WithCommas(totals.created_items) << " items created";
  }
  if (counts.below_rating_count > 0) {
    *session.out << "; " << WithCommas(counts.below_rating_count) << " below the rating left out";
  }
  if (counts.bad_line_count > 0) {
    *session.out << "; " << WithCommas(counts.bad_line_count) << " bad lines skipped";
  }
  if (totals.replayed_calls > 0) {
    *session.out << "; " << WithCommas(totals.replayed_calls) << " of " << WithCommas(totals.calls)
                 << " calls were known and changed nothing";
  }
  *session.out << "\n";
  return absl::OkStatus();
}

absl::StatusOr<WriteSummary> WriteChunk(Client& client, const std::string& collection,
                                        const EventChunk& chunk, int64_t index,
                                        const std::string& prefix) {
  return client.WriteEvents(EventBatch{.collection = collection,
                                       .user_ids = chunk.users.span(),
                                       .item_ids = chunk.items.span(),
                                       .time_micros = chunk.time_micros,
                                       .weights = chunk.weights},
                            WriteOptions{.request_id = ChunkRequestId(chunk, index, prefix)});
}

// Items get no lasting request id: writing them again changes nothing anyway, and a file that puts
// an older state back must not be taken for the write of that older state.
absl::StatusOr<WriteSummary> WriteChunk(Client& client, const std::string& collection,
                                        const ItemChunk& chunk, int64_t, const std::string&) {
  return client.WriteItems(ItemBatch{.collection = collection,
                                     .ids = chunk.items.span(),
                                     .alive_from_micros = chunk.alive_from_micros,
                                     .alive_until_micros = chunk.alive_until_micros,
                                     .interval_splits = {}},
                           WriteOptions{});
}

// Reads chunk by chunk and writes each; progress goes along.
template <typename Chunk>
absl::Status ImportAll(Session& session, Client& client, ImportReader& reader,
                       const ImportSettings& settings, const char* unit, Chunk chunk) {
  const std::string collection = CollectionName(settings.collection);
  const absl::Time start = absl::Now();
  Progress progress(Progress::Options{.stream = session.err,
                                      .terminal = session.terminal,
                                      .unit = unit,
                                      .total = reader.table().size_bytes(),
                                      .now = [] { return absl::Now(); }});
  ImportTotals totals;
  for (int64_t index = 0;; ++index) {
    if (absl::Status status = reader.Read(&chunk); !status.ok()) return WithTotals(status, totals);
    if (chunk.lines.empty()) break;
    const absl::StatusOr<WriteSummary> written =
        WriteChunk(client, collection, chunk, index, settings.request_prefix);
    if (!written.ok()) {
      return WithTotals(WithLines(written.status(), reader.table().path(), chunk.lines), totals);
    }
    AddTotals(*written, &totals);
    progress.Update(reader.table().consumed_bytes(), totals.written);
  }
  progress.Finish();
  return PrintTotals(session, collection, unit, reader.counts(), totals,
                     absl::ToDoubleSeconds(absl::Now() - start));
}

absl::StatusOr<v1::Collection> GetCollection(Client& client, const std::string& id) {
  v1::GetCollectionRequest request;
  request.set_name(CollectionName(id));
  return client.GetCollection(request);
}

absl::Status ImportEvents(Session& session, const ImportSettings& settings) {
  const absl::StatusOr<std::unique_ptr<ImportReader>> reader =
      ImportReader::OpenEvents(settings.options);
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = GetCollection(**client, settings.collection);
  if (!collection.ok()) return collection.status();
  return ImportAll(session, **client, **reader, settings, "events",
                   EventChunk(collection->user_id_type(), collection->item_id_type()));
}

absl::Status ImportItems(Session& session, const ImportSettings& settings) {
  const absl::StatusOr<std::unique_ptr<ImportReader>> reader =
      ImportReader::OpenItems(settings.options);
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = GetCollection(**client, settings.collection);
  if (!collection.ok()) return collection.status();
  return ImportAll(session, **client, **reader, settings, "items",
                   ItemChunk(collection->item_id_type()));
}

// The options that both kinds of file have.
CLI::App* AddCommand(CLI::App* group, const std::string& name, const std::string& description,
                     ImportSettings* settings) {
  CLI::App* command = group->add_subcommand(name, description);
  command->fallthrough();
  ImportOptions& options = settings->options;
  command->add_option("file", options.path, "CSV or TSV, or a MovieLens file.")->required();
  command->add_option("--collection", settings->collection, "Id of the collection.")->required();
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
  command->add_flag("--skip-bad-lines", options.skip_bad_lines,
                    "Leaves bad lines out and counts them, instead of stopping at the first.");
  return command;
}

void AddEvents(CLI::App* group, Session* session) {
  const auto settings = std::make_shared<ImportSettings>();
  ImportOptions& options = settings->options;
  CLI::App* command =
      AddCommand(group, "events",
                 "Imports events: users chose items at a time. Running it again changes nothing.",
                 settings.get());
  command->add_option("--user-column", options.user_column, "Default: user_id, userId, user.");
  command->add_option("--time-column", options.time_column, "Default: timestamp, time, ts.");
  command->add_option("--weight-column", options.weight_column,
                      "Weight of the event, in [1/64, 4096]. Default: each weighs 1.");
  command->add_option("--rating-column", options.rating_column, "Default: rating, score, stars.");
  command->add_option_function<double>(
      "--min-rating", [&options](const double& rating) { options.min_rating = rating; },
      "Leaves out rows whose rating is lower.");
  command->add_option("--request-prefix", settings->request_prefix,
                      "Part of what tells this import from another: events that are imported again "
                      "under another prefix are recorded again.");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return ImportEvents(run, *settings); };
  });
}

void AddItems(CLI::App* group, Session* session) {
  const auto settings = std::make_shared<ImportSettings>();
  CLI::App* command = AddCommand(
      group, "items", "Imports items, or replaces the lives of items that exist.", settings.get());
  command->add_option("--alive-from-column", settings->options.alive_from_column,
                      "Start of the item's life; an empty cell means always. Default: always.");
  command->add_option("--alive-until-column", settings->options.alive_until_column,
                      "End of the item's life; an empty cell means never. Default: never.");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return ImportItems(run, *settings); };
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
