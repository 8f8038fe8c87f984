// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_account.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <CLI/CLI.hpp>

#include "client/cli/explanation.h"
#include "client/cli/row_options.h"
#include "client/cli/sample_inputs.h"
#include "client/cli/sample_outputs.h"
#include "client/cli/source_spec.h"
#include "client/cli/values.h"

namespace negatron::client {
namespace {

struct ExplainSettings {
  RowSettings row;
  std::vector<std::string> items;
};

using Lines = std::vector<std::vector<std::string>>;

std::string TimeOrDash(int64_t micros) {
  return micros == std::numeric_limits<int64_t>::max() ? "-" : FormatMicros(micros);
}

// What the items are to the row.
void PrintItems(Session& session, const std::vector<std::string>& items,
                const Explanation& columns) {
  Lines lines;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::vector<std::string> grounds =
        BitNames(columns.grounds[i], *v1::ItemGround_descriptor(), "ITEM_GROUND_");
    const bool has_distance = columns.positive_distances[i] == columns.positive_distances[i];
    lines.push_back(
        {items[i],
         ShortName(v1::ItemClass_Name(static_cast<v1::ItemClass>(columns.classes[i])),
                   "ITEM_CLASS_"),
         grounds.empty() ? "-" : absl::StrJoin(grounds, " "), columns.alive[i] != 0 ? "yes" : "no",
         TimeOrDash(columns.first_positive_micros[i]), Number(columns.masses, i),
         columns.popularity_ranks[i] == 0 ? "-" : absl::StrCat(columns.popularity_ranks[i]),
         has_distance ? absl::StrCat(Number(columns.positive_distances, i), " to ",
                                     columns.nearest_positives[i])
                      : "-",
         Number(columns.log_q, i)});
  }
  session.PrintTable({"item", "class", "because", "alive", "first chosen", "mass", "mass rank",
                      "distance", "log q"},
                     lines);
}

// What each source makes of each item.
void PrintSources(Session& session, const std::vector<std::string>& items,
                  const Explanation& columns) {
  const std::vector<std::string>& sources = columns.sources;
  Lines lines;
  for (size_t i = 0; i < items.size(); ++i) {
    for (size_t s = 0; s < sources.size(); ++s) {
      const size_t at = i * sources.size() + s;
      const auto obstacle = static_cast<v1::DrawObstacle>(columns.obstacles[at]);
      lines.push_back({items[i], sources[s], Number(columns.effective_shares, s),
                       obstacle == v1::DRAW_OBSTACLE_UNSPECIFIED
                           ? "yes"
                           : ShortName(v1::DrawObstacle_Name(obstacle), "DRAW_OBSTACLE_"),
                       Number(columns.log_q_source, at), Number(columns.scores, at),
                       columns.score_ranks[at] < 0 ? "-"
                                                   : absl::StrCat(columns.score_ranks[at], " of ",
                                                                  columns.ranked_counts[s])});
    }
  }
  session.PrintTable({"item", "source", "share", "can be drawn", "log q", "score", "rank"}, lines);
}

absl::Status Print(Session& session, const std::vector<std::string>& items,
                   const v1::ExplainNegativesResponse& response) {
  const absl::StatusOr<Explanation> columns = ReadExplanation(response, items.size());
  if (!columns.ok()) return columns.status();
  PrintItems(session, items, *columns);
  *session.out << "\n";
  PrintSources(session, items, *columns);
  *session.out << "row " << ShortName(v1::RowStatus_Name(response.row_status()), "ROW_STATUS_")
               << ", " << WithCommas(response.living_item_count()) << " living items, as of "
               << FormatMicros(ToMicros(response.as_of_time())) << ", seed " << response.seed()
               << ", commit " << response.snapshot().commit_sequence() << ", law of log q "
               << ShortName(v1::LawKind_Name(response.law_kind()), "LAW_KIND_");
  if (!response.policy_name().empty()) *session.out << ", policy " << response.policy_name();
  if (!response.arm().empty()) *session.out << ", arm " << response.arm();
  *session.out << "\n";
  return absl::OkStatus();
}

absl::Status Explain(Session& session, const ExplainSettings& settings) {
  v1::ExplainNegativesRequest request;
  absl::Status status = FillRecipe(settings.row, request.mutable_sample());
  if (!status.ok()) return status;
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(settings.row.collection);
  if (!collection.ok()) return collection.status();
  status = FillRow(settings.row, *collection, request.mutable_sample());
  status.Update(
      FillIds(settings.items, collection->item_id_type(), "ITEM", request.mutable_item_ids()));
  if (!status.ok()) return status;
  const absl::StatusOr<v1::ExplainNegativesResponse> response =
      (*client)->ExplainNegatives(request);
  if (!response.ok()) return response.status();
  return session.json ? session.PrintJson(*response) : Print(session, settings.items, *response);
}

}  // namespace

void AddAccountCommands(CLI::App* app, Session* session) {
  CLI::App* command = app->add_subcommand(
      "explain", "Tells what items are to a row, and by which source they can be drawn.");
  command->fallthrough();
  const auto settings = std::make_shared<ExplainSettings>();
  command->add_option("--collection", settings->row.collection, "Id of the collection.")
      ->required();
  command->add_option("items", settings->items, "Items, up to 1,000.")->required();
  AddRowOptions(command, "--positive", &settings->row);
  command->footer(
      std::string(kSourceHelp) +
      "Example: negatron explain --collection films --user 2 --source popularity 17 18");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return Explain(run, *settings); };
  });
  AddAuditCommands(app, session);
}

}  // namespace negatron::client
