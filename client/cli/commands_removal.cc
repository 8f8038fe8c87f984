// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_removal.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>
#include <google/protobuf/struct.pb.h>

#include "client/cli/event_kinds.h"
#include "client/cli/id_files.h"
#include "client/cli/id_list.h"
#include "client/cli/import_files.h"
#include "client/cli/values.h"

namespace negatron::client {
namespace {

// What is printed of entries that matched nothing; more of them seldom tell more.
constexpr int64_t kMaxNamed = 10;

struct RemovalSettings {
  std::string collection;
  ImportOptions table;  // `events retract`, from a file.
  std::string user;
  std::string item;
  std::string time;
  std::vector<std::string> users;  // `users erase`.
  std::string ids_path;
  int64_t limit = 0;
};

// What was removed, and what matched nothing.
struct Removed {
  int64_t entries = 0;
  int64_t removed = 0;
  std::vector<std::string> missing;  // The first kMaxNamed.
  int64_t missing_count = 0;
  int64_t commit_sequence = 0;
};

// Adds what a call did; `name` names its rows.
void Add(const RemovalSummary& summary, size_t rows, const std::function<std::string(size_t)>& name,
         Removed* total) {
  total->entries += static_cast<int64_t>(rows);
  total->removed += summary.removed_count;
  total->commit_sequence = summary.commit_sequence;
  for (size_t row = 0; row < summary.found.size(); ++row) {
    if (summary.found[row] != 0) continue;
    if (total->missing_count++ < kMaxNamed) total->missing.push_back(name(row));
  }
}

absl::Status Print(Session& session, const Removed& total, const std::string& collection,
                   const char* what, const char* no_such) {
  if (session.json) {
    google::protobuf::Struct json;
    auto& fields = *json.mutable_fields();
    fields["collection"].set_string_value(collection);
    fields["entryCount"].set_number_value(static_cast<double>(total.entries));
    fields["removedCount"].set_number_value(static_cast<double>(total.removed));
    fields["missingCount"].set_number_value(static_cast<double>(total.missing_count));
    fields["commitSequence"].set_number_value(static_cast<double>(total.commit_sequence));
    return session.PrintJson(json);
  }
  for (const std::string& name : total.missing) *session.err << name << ": " << no_such << "\n";
  if (total.missing_count > kMaxNamed) {
    *session.err << "... and " << WithCommas(total.missing_count - kMaxNamed) << " more\n";
  }
  *session.out << WithCommas(total.removed) << " " << what << " of " << collection << " removed";
  if (total.missing_count > 0) {
    *session.out << "; " << WithCommas(total.missing_count) << " of " << WithCommas(total.entries)
                 << " entries matched nothing";
  }
  *session.out << "\n";
  return absl::OkStatus();
}

absl::StatusOr<RemovalSummary> Retract(Client& client, const v1::Collection& collection,
                                       const EventChunk& chunk) {
  return client.RetractEvents(RetractionBatch{.collection = collection.name(),
                                              .user_ids = chunk.users.span(),
                                              .item_ids = chunk.items.span(),
                                              .time_micros = chunk.time_micros,
                                              .kinds = chunk.kinds},
                              "");
}

absl::Status RetractFile(Client& client, const v1::Collection& collection, ImportReader& reader,
                         EventChunk chunk, Removed* total) {
  for (;;) {
    if (absl::Status status = reader.Read(&chunk); !status.ok()) return status;
    if (chunk.lines.empty()) return absl::OkStatus();
    const absl::StatusOr<RemovalSummary> summary = Retract(client, collection, chunk);
    if (!summary.ok()) return summary.status();
    Add(
        *summary, chunk.lines.size(),
        [&](size_t row) { return absl::StrCat(reader.table().path(), ":", chunk.lines[row]); },
        total);
  }
}

// The one event that the options name.
absl::Status RetractOne(Client& client, const v1::Collection& collection,
                        const RemovalSettings& settings, EventChunk chunk, Removed* total) {
  if (absl::Status status = chunk.users.Append(settings.user); !status.ok()) {
    return UsageError(absl::StrCat("--user: ", status.message()));
  }
  if (absl::Status status = chunk.items.Append(settings.item); !status.ok()) {
    return UsageError(absl::StrCat("--item: ", status.message()));
  }
  const absl::StatusOr<int64_t> time = ParseTimeMicros(settings.time, settings.table.time_unit);
  if (!time.ok()) return UsageError(absl::StrCat("--time: ", time.status().message()));
  chunk.time_micros.push_back(*time);
  if (settings.table.kind.has_value()) {
    chunk.kinds.push_back(static_cast<uint8_t>(*settings.table.kind));
  }
  const absl::StatusOr<RemovalSummary> summary = Retract(client, collection, chunk);
  if (!summary.ok()) return summary.status();
  Add(
      *summary, 1,
      [&](size_t) {
        return absl::StrCat("user ", settings.user, ", item ", settings.item, ", ",
                            FormatMicros(*time));
      },
      total);
  return absl::OkStatus();
}

absl::Status RetractEvents(Session& session, const RemovalSettings& settings) {
  const bool from_file = !settings.table.path.empty();
  const bool named = !settings.user.empty() || !settings.item.empty() || !settings.time.empty();
  if (from_file == named) {
    return UsageError("give either a file of events, or --user, --item and --time of one");
  }
  if (named && (settings.user.empty() || settings.item.empty() || settings.time.empty())) {
    return UsageError("an event is named by all of --user, --item and --time");
  }
  std::unique_ptr<ImportReader> reader;
  if (from_file) {
    absl::StatusOr<std::unique_ptr<ImportReader>> opened = ImportReader::OpenEvents(settings.table);
    if (!opened.ok()) return opened.status();
    reader = *std::move(opened);
  }
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(settings.collection);
  if (!collection.ok()) return collection.status();
  Removed total;
  EventChunk chunk(collection->user_id_type(), collection->item_id_type());
  absl::Status status = from_file
                            ? RetractFile(**client, *collection, *reader, std::move(chunk), &total)
                            : RetractOne(**client, *collection, settings, std::move(chunk), &total);
  if (!status.ok()) {
    if (total.entries > 0) {
      *session.err << WithCommas(total.removed) << " events are retracted already\n";
    }
    return status;
  }
  return Print(session, total, collection->name(), "events", "there is no such event");
}

absl::Status EraseUsers(Session& session, const RemovalSettings& settings) {
  if (settings.users.empty() == settings.ids_path.empty()) {
    return UsageError("give either users or --ids, a file with one id a line");
  }
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(settings.collection);
  if (!collection.ok()) return collection.status();
  IdList ids(collection->user_id_type());
  for (const std::string& user : settings.users) {
    if (absl::Status status = ids.Append(user); !status.ok()) {
      return UsageError(absl::StrCat("--user: ", status.message()));
    }
  }
  if (!settings.ids_path.empty()) {
    if (absl::Status status = ReadTextIds(settings.ids_path, &ids); !status.ok()) return status;
    if (ids.size() == 0) return InputError(absl::StrCat(settings.ids_path, ": holds no id"));
  }
  const absl::StatusOr<RemovalSummary> summary = (*client)->EraseUsers(
      ErasureBatch{.collection = collection->name(), .user_ids = ids.span()}, "");
  if (!summary.ok()) return summary.status();
  v1::IdColumn column;
  ids.Write(&column);
  const std::vector<std::string> texts = IdTexts(column);
  Removed total;
  Add(
      *summary, texts.size(), [&](size_t row) { return absl::StrCat("user ", texts[row]); },
      &total);
  return Print(session, total, collection->name(), "users", "there is no such user");
}

absl::Status ListUsers(Session& session, const RemovalSettings& settings) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::ListUsersRequest request;
  request.set_collection(CollectionName(settings.collection));
  request.set_encoding(v1::COLUMN_ENCODING_TYPED);
  google::protobuf::Struct json;
  auto* list = (*json.mutable_fields())["userIds"].mutable_list_value();
  int64_t left = settings.limit;
  do {
    const absl::StatusOr<v1::ListUsersResponse> page = (*client)->ListUsers(request);
    if (!page.ok()) return page.status();
    for (const std::string& id : IdTexts(page->ids())) {
      if (session.json) {
        list->add_values()->set_string_value(id);
      } else {
        *session.out << id << "\n";
      }
      if (--left == 0) break;
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && left != 0);
  return session.json ? session.PrintJson(json) : absl::OkStatus();
}

CLI::App* AddCommand(CLI::App* group, const std::string& name, const std::string& description,
                     RemovalSettings* settings) {
  CLI::App* command = group->add_subcommand(name, description);
  command->fallthrough();
  command->add_option("--collection", settings->collection, "Id of the collection.")->required();
  return command;
}

void AddRetract(CLI::App* group, Session* session) {
  const auto settings = std::make_shared<RemovalSettings>();
  CLI::App* command = AddCommand(
      group, "retract",
      "Removes events as if they had never been written: every one that equals an entry in user, "
      "item, time and, if given, kind. Users and items stay.",
      settings.get());
  ImportOptions& table = settings->table;
  command->add_option("file", table.path,
                      "CSV or TSV with a line for each event, as import events reads it.");
  command->add_option("--user", settings->user, "Without a file: the user of the event,");
  command->add_option("--item", settings->item, "its item,");
  command->add_option("--time", settings->time, "and its time.");
  auto* kind = command->add_option_function<std::string>(
      "--kind", KindSetter(&table.kind),
      "Kind of the events: positive, exposure or mined. Default: any.");
  command->add_option("--kind-column", table.kind_column, "Kind of each event.")->excludes(kind);
  command->add_option("--user-column", table.user_column, "Default: user_id, userId, user.");
  command->add_option("--item-column", table.item_column, "Default: item_id, movieId, item.");
  command->add_option("--time-column", table.time_column, "Default: timestamp, time, ts.");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return RetractEvents(run, *settings); };
  });
}

}  // namespace

void AddRemovalCommands(CLI::App* app, Session* session) {
  CLI::App* events = app->add_subcommand("events", "Removes events.");
  events->require_subcommand(1)->fallthrough();
  AddRetract(events, session);

  CLI::App* users = app->add_subcommand("users", "Lists and erases users.");
  users->require_subcommand(1)->fallthrough();
  const auto settings = std::make_shared<RemovalSettings>();
  CLI::App* list = AddCommand(
      users, "list", "Lists users, one id a line, in the order of first writing.", settings.get());
  list->add_option("--limit", settings->limit, "At most this many. Default: all.")
      ->check(CLI::PositiveNumber);
  list->callback([session, settings] {
    session->command = [settings](Session& run) { return ListUsers(run, *settings); };
  });

  CLI::App* erase = AddCommand(
      users, "erase",
      "Erases users with all their events; cannot be undone. Returns when all is gone: give "
      "--timeout a minute or more in a large collection.",
      settings.get());
  erase->add_option("user,--user", settings->users, "User ids; negative ones as `--user -5`.");
  erase->add_option("--ids", settings->ids_path, "A file with one id a line, instead.");
  erase->callback([session, settings] {
    session->command = [settings](Session& run) { return EraseUsers(run, *settings); };
  });
}

}  // namespace negatron::client
