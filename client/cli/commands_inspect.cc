// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_inspect.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include <CLI/CLI.hpp>

#include "client/cli/id_list.h"
#include "client/cli/sampling_stats.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

struct InspectSettings {
  std::string collection;
  std::string as_of;
  std::string window;
  std::string resolution;
  std::vector<std::string> items;
};

using Lines = std::vector<std::vector<std::string>>;

void AddHoldings(const v1::CollectionStatistics& stats, Lines* lines) {
  const auto time = [](bool has, const google::protobuf::Timestamp& at) {
    return has ? FormatMicros(ToMicros(at)) : std::string("-");
  };
  *lines = {
      {"as of", FormatMicros(ToMicros(stats.as_of_time()))},
      {"commit", absl::StrCat(stats.snapshot().commit_sequence())},
      {"items", WithCommas(stats.item_count())},
      {"living items", WithCommas(stats.living_item_count())},
      {"users", WithCommas(stats.user_count())},
      {"events", WithCommas(stats.event_count())},
      {"events before as of", WithCommas(stats.past_event_count())},
      {"embeddings", WithCommas(stats.embedding_count())},
      {"embeddings of users", WithCommas(stats.user_embedding_count())},
      {"model version",
       stats.highest_model_version() == 0 ? "-" : absl::StrCat(stats.highest_model_version())},
      {"first event", time(stats.has_first_event_time(), stats.first_event_time())},
      {"last event", time(stats.has_last_event_time(), stats.last_event_time())},
      {"event mass", absl::StrFormat("%.6g", stats.event_mass())},
      {"living event mass", absl::StrFormat("%.6g", stats.living_event_mass())},
  };
}

void AddServed(const v1::CollectionStatistics& stats, Lines* lines) {
  lines->push_back({"sample calls", WithCommas(stats.sample_call_count())});
  lines->push_back({"sampled rows", WithCommas(stats.sampled_row_count())});
  for (const auto& source : stats.sources()) {
    lines->push_back(
        {absl::StrCat("drawn by ", source.source()), WithCommas(source.drawn_count())});
  }
  for (const auto& rows : stats.short_rows()) {
    if (rows.count() == 0) continue;
    lines->push_back({absl::StrCat("short rows, ", v1::RowStatus_Name(rows.row_status())),
                      WithCommas(rows.count())});
  }
  for (const auto& reject : stats.rejects()) {
    if (reject.count() == 0) continue;
    lines->push_back({absl::StrCat("thrown back, ", v1::RejectCause_Name(reject.reject_cause())),
                      WithCommas(reject.count())});
  }
  for (const auto& use : stats.memory_uses()) {
    lines->push_back({absl::StrCat("memory of ", use.structure()), FormatBytes(use.bytes())});
  }
}

absl::Status Stats(Session& session, const InspectSettings& settings) {
  v1::GetCollectionStatisticsRequest request;
  request.set_collection(CollectionName(settings.collection));
  if (!settings.as_of.empty()) {
    const absl::StatusOr<int64_t> micros = ParseTimeMicros(settings.as_of, TimeUnit::kAuto);
    if (!micros.ok()) return UsageError(absl::StrCat("--as-of: ", micros.status().message()));
    *request.mutable_as_of_time() = ToTimestamp(*micros);
  }
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::CollectionStatistics> stats =
      (*client)->GetCollectionStatistics(request);
  if (!stats.ok()) return stats.status();
  if (session.json) return session.PrintJson(*stats);
  Lines lines;
  AddHoldings(*stats, &lines);
  AddServed(*stats, &lines);
  session.PrintTable({"collection", stats->collection()}, lines);
  return absl::OkStatus();
}

absl::Status StatsOverTime(Session& session, const InspectSettings& settings) {
  v1::GetSamplingStatisticsRequest request;
  request.set_collection(CollectionName(settings.collection));
  const absl::StatusOr<absl::Duration> window = ParsePositiveDuration(settings.window);
  if (!window.ok()) return UsageError(absl::StrCat("--window: ", window.status().message()));
  *request.mutable_window() = ToDuration(*window);
  if (!settings.resolution.empty()) {
    const absl::StatusOr<absl::Duration> length = ParsePositiveDuration(settings.resolution);
    if (!length.ok()) return UsageError(absl::StrCat("--resolution: ", length.status().message()));
    *request.mutable_resolution() = ToDuration(*length);
  }
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::SamplingStatistics> stats = (*client)->GetSamplingStatistics(request);
  if (!stats.ok()) return stats.status();
  if (session.json) return session.PrintJson(*stats);
  PrintSamplingStats(session, *stats);
  return absl::OkStatus();
}

// The intervals of item `at` of the table.
absl::StatusOr<std::string> DescribeLife(const v1::ItemTable& table, size_t at) {
  const auto splits = ViewInt64s(table.interval_splits(), "interval_splits");
  const auto from = ViewInt64s(table.alive_from_micros(), "alive_from_micros");
  const auto until = ViewInt64s(table.alive_until_micros(), "alive_until_micros");
  if (!splits.ok() || !from.ok() || !until.ok() || at + 1 >= splits->size() || (*splits)[at] < 0 ||
      (*splits)[at + 1] > static_cast<int64_t>(from->size()) || from->size() != until->size()) {
    return absl::InternalError("the server returned a table of items that does not hold together");
  }
  std::vector<std::string> intervals;
  for (int64_t i = (*splits)[at]; i < (*splits)[at + 1]; ++i) {
    const auto place = static_cast<size_t>(i);
    intervals.push_back(
        absl::StrCat("[", FormatMicros((*from)[place]), ", ", FormatMicros((*until)[place]), ")"));
  }
  return intervals.empty() ? "never alive" : absl::StrJoin(intervals, " ");
}

// Weights, categories and attributes as text, a list for each item.
absl::StatusOr<std::vector<Lines::value_type>> DescribeProperties(const v1::ItemTable& table,
                                                                  size_t count) {
  const auto weights = ViewFloats(table.base_weights(), "base_weights");
  const auto splits = ViewInt64s(table.categories().row_splits(), "categories.row_splits");
  const auto& names = table.categories().ids().names().values();
  const auto attributes = static_cast<size_t>(table.attributes_size());
  bool fits = weights.ok() && splits.ok() && (weights->empty() || weights->size() == count) &&
              (splits->empty() || splits->size() == count + 1) &&
              (attributes == 0 || attributes == count);
  std::vector<Lines::value_type> rows;
  for (size_t at = 0; fits && at < count; ++at) {
    std::vector<std::string> categories;
    if (!splits->empty()) {
      const int64_t begin = (*splits)[at];
      const int64_t end = (*splits)[at + 1];
      fits = begin >= 0 && begin <= end && end <= names.size();
      for (int64_t i = begin; fits && i < end; ++i) {
        categories.push_back(names.Get(static_cast<int>(i)));
      }
    }
    rows.push_back({absl::StrFormat("%g", weights->empty() ? 1.0F : (*weights)[at]),
                    categories.empty() ? "-" : absl::StrJoin(categories, ", "),
                    attributes == 0 || table.attributes(static_cast<int>(at)).empty()
                        ? "-"
                        : absl::Utf8SafeCEscape(table.attributes(static_cast<int>(at)))});
  }
  if (fits) return rows;
  return absl::InternalError("the server returned a table of items that does not hold together");
}

absl::Status PrintItems(Session& session, const InspectSettings& settings,
                        const v1::BatchGetItemsResponse& response) {
  const absl::StatusOr<std::vector<uint8_t>> found = ReadBytes(response.found(), "found");
  if (!found.ok() || found->size() != settings.items.size()) {
    return absl::InternalError("the server returned another number of items than was asked for");
  }
  const auto count = static_cast<size_t>(
      std::count_if(found->begin(), found->end(), [](int f) { return f != 0; }));
  const auto properties = DescribeProperties(response.items(), count);
  if (!properties.ok()) return properties.status();
  Lines lines;
  size_t at = 0;
  for (size_t i = 0; i < settings.items.size(); ++i) {
    if ((*found)[i] == 0) {
      lines.push_back({settings.items[i], "no such item", "-", "-", "-"});
      continue;
    }
    const absl::StatusOr<std::string> life = DescribeLife(response.items(), at);
    if (!life.ok()) return life.status();
    lines.push_back({settings.items[i], *life});
    lines.back().insert(lines.back().end(), (*properties)[at].begin(), (*properties)[at].end());
    ++at;
  }
  session.PrintTable({"item", "alive", "base weight", "categories", "attributes"}, lines);
  return absl::OkStatus();
}

absl::Status GetItems(Session& session, const InspectSettings& settings) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(settings.collection);
  if (!collection.ok()) return collection.status();
  IdList ids(collection->item_id_type());
  for (const std::string& item : settings.items) {
    if (absl::Status status = ids.Append(item); !status.ok()) return UsageError(status.message());
  }
  v1::BatchGetItemsRequest request;
  request.set_collection(collection->name());
  ids.Write(request.mutable_item_ids());
  request.set_encoding(v1::COLUMN_ENCODING_TYPED);
  const absl::StatusOr<v1::BatchGetItemsResponse> response = (*client)->BatchGetItems(request);
  if (!response.ok()) return response.status();
  if (session.json) return session.PrintJson(*response);
  return PrintItems(session, settings, *response);
}

absl::Status Info(Session& session) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::ServerInfo> info = (*client)->GetServerInfo({});
  if (!info.ok()) return info.status();
  if (session.json) return session.PrintJson(*info);
  session.PrintTable({"server", session.server},
                     {{"version", info->version()},
                      {"serving", info->serving() ? "yes" : "no"},
                      {"recovery", absl::StrFormat("%.0f%%", info->recovery_progress() * 100)},
                      {"uptime", absl::FormatDuration(absl::Seconds(info->uptime().seconds()))},
                      {"durable sequence", absl::StrCat(info->durable_sequence())}});
  return absl::OkStatus();
}

}  // namespace

void AddInspectCommands(CLI::App* app, Session* session) {
  const auto settings = std::make_shared<InspectSettings>();
  CLI::App* stats =
      app->add_subcommand("stats", "Shows what a collection holds and what was drawn from it.");
  stats->fallthrough();
  stats->add_option("--collection", settings->collection, "Id of the collection.")->required();
  stats->add_option("--as-of", settings->as_of,
                    "When living items and mass are counted. Default: now.");
  CLI::Option* const window =
      stats->add_option("--window", settings->window,
                        "Shows instead what was drawn in the last time of this length, at most the "
                        "last 7 days: `1h`, `7d`.");
  stats
      ->add_option("--resolution", settings->resolution,
                   "Length of a bucket of time: `10s`, kept for 1 hour, `1m`, for 12 hours, or "
                   "`10m`, for 7 days. Default: by the window.")
      ->needs(window);
  window->excludes("--as-of");
  stats->callback([session, settings] {
    session->command = [settings](Session& run) {
      return settings->window.empty() ? Stats(run, *settings) : StatsOverTime(run, *settings);
    };
  });

  CLI::App* items =
      app->add_subcommand("get-item", "Shows items: when they are alive, and their properties.");
  items->fallthrough();
  items->add_option("--collection", settings->collection, "Id of the collection.")->required();
  items->add_option("item,--item", settings->items, "Item ids; negative ones as `--item -5`.")
      ->required();
  items->callback([session, settings] {
    session->command = [settings](Session& run) { return GetItems(run, *settings); };
  });

  CLI::App* info = app->add_subcommand("info", "Shows the server's version and state.");
  info->fallthrough();
  info->callback([session] { session->command = [](Session& run) { return Info(run); }; });
  AddPageCommand(app, session);
}

}  // namespace negatron::client
