// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_account.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <CLI/CLI.hpp>

#include "client/cli/commands_policy.h"
#include "client/cli/id_list.h"
#include "client/cli/sample_inputs.h"
#include "client/cli/sample_outputs.h"
#include "client/cli/source_spec.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

struct ExplainSettings {
  std::string collection;
  std::vector<std::string> items;
  std::string user;
  std::string positive;
  std::vector<std::string> exclusions;
  std::optional<int> cohort;
  std::string query;
  std::string as_of;
  std::vector<std::string> sources;
  std::string policy_path;
  std::string policy_name;
  std::optional<double> progress;
  std::optional<int64_t> row_key;
  std::optional<int64_t> seed;
  int64_t min_model_version = 0;
};

using Lines = std::vector<std::vector<std::string>>;

absl::Status FillRecipe(const ExplainSettings& settings, v1::SampleNegativesRequest* row) {
  if (settings.progress.has_value()) row->set_progress(*settings.progress);
  if (!settings.policy_name.empty()) {
    row->set_policy_name(PolicyName(settings.collection, settings.policy_name));
    return absl::OkStatus();
  }
  v1::Policy* const policy = row->mutable_policy();
  if (!settings.policy_path.empty()) return ReadPolicyFile(settings.policy_path, policy);
  if (settings.sources.empty()) {
    policy->add_components()->mutable_uniform();
    policy->mutable_components(0)->set_share(1);
  }
  absl::Status status = AddSources(settings.sources, policy);
  if (!status.ok()) return status;
  return CheckSources(
      *policy, {!settings.user.empty(), !settings.positive.empty(), !settings.query.empty()});
}

absl::Status FillRow(const ExplainSettings& settings, const v1::Collection& collection,
                     v1::SampleNegativesRequest* row) {
  row->set_collection(collection.name());
  row->set_row_count(1);
  row->set_encoding(v1::COLUMN_ENCODING_TYPED);
  row->set_min_model_version(settings.min_model_version);
  absl::Status status;
  if (!settings.user.empty()) {
    status.Update(
        FillIds({settings.user}, collection.user_id_type(), "--user", row->mutable_user_ids()));
  }
  if (!settings.positive.empty()) {
    status.Update(FillIds({settings.positive}, collection.item_id_type(), "--positive",
                          row->mutable_positive_ids()));
  }
  if (!settings.exclusions.empty()) {
    const std::vector<int64_t> splits = {0, static_cast<int64_t>(settings.exclusions.size())};
    WriteInt64s(splits, v1::COLUMN_ENCODING_TYPED, row->mutable_exclusions()->mutable_row_splits());
    status.Update(FillIds(settings.exclusions, collection.item_id_type(), "--exclude",
                          row->mutable_exclusions()->mutable_ids()));
  }
  if (settings.cohort.has_value()) {
    const std::vector<uint8_t> cohorts = {static_cast<uint8_t>(*settings.cohort)};
    WriteBytes(cohorts, v1::COLUMN_ENCODING_TYPED, row->mutable_cohorts());
  }
  if (!settings.query.empty()) {
    status.Update(FillQueries({settings.query}, row->mutable_queries()));
  }
  if (!settings.as_of.empty()) {
    status.Update(FillTime(settings.as_of, "--as-of", row->mutable_as_of_time()));
  }
  if (settings.row_key.has_value()) {
    const std::vector<int64_t> keys = {*settings.row_key};
    WriteInt64s(keys, v1::COLUMN_ENCODING_TYPED, row->mutable_row_keys());
  }
  if (settings.seed.has_value()) row->set_seed(*settings.seed);
  return status;
}

// The columns of an answer, read; missing ones are empty.
struct Columns {
  explicit Columns(const v1::ExplainNegativesResponse& response)
      : classes(ReadBytes(response.classes(), "classes").value_or(std::vector<uint8_t>())),
        grounds(ReadBytes(response.grounds(), "grounds").value_or(std::vector<uint8_t>())),
        alive(ReadBytes(response.alive(), "alive").value_or(std::vector<uint8_t>())),
        obstacles(ReadBytes(response.obstacles(), "obstacles").value_or(std::vector<uint8_t>())),
        first_positives(Int64s(response.first_positive_micros())),
        mass_ranks(Int64s(response.popularity_ranks())),
        score_ranks(Int64s(response.score_ranks())),
        ranked_counts(Int64s(response.ranked_counts())),
        masses(Floats(response.masses())),
        distances(Floats(response.positive_distances())),
        log_q(Floats(response.log_q())),
        log_q_source(Floats(response.log_q_source())),
        scores(Floats(response.scores())),
        shares(Floats(response.effective_shares())),
        nearest(IdTexts(response.nearest_positive_ids())) {}

  static std::vector<int64_t> Int64s(const v1::Int64Column& column) {
    return ReadInt64s(column, "").value_or(std::vector<int64_t>());
  }
  static std::vector<float> Floats(const v1::FloatColumn& column) {
    return ReadFloats(column, "").value_or(std::vector<float>());
  }

  std::vector<uint8_t> classes, grounds, alive, obstacles;
  std::vector<int64_t> first_positives, mass_ranks, score_ranks, ranked_counts;
  std::vector<float> masses, distances, log_q, log_q_source, scores, shares;
  std::vector<std::string> nearest;
};

std::string TimeOrDash(int64_t micros) {
  return micros == std::numeric_limits<int64_t>::max() ? "-" : FormatMicros(micros);
}

// What the items are to the row.
void PrintItems(Session& session, const std::vector<std::string>& items, const Columns& columns) {
  Lines lines;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::vector<std::string> grounds =
        BitNames(columns.grounds[i], *v1::ItemGround_descriptor(), "ITEM_GROUND_");
    const bool has_distance = columns.distances[i] == columns.distances[i];
    lines.push_back(
        {items[i],
         ShortName(v1::ItemClass_Name(static_cast<v1::ItemClass>(columns.classes[i])),
                   "ITEM_CLASS_"),
         grounds.empty() ? "-" : absl::StrJoin(grounds, " "), columns.alive[i] != 0 ? "yes" : "no",
         TimeOrDash(columns.first_positives[i]), Number(columns.masses, i),
         columns.mass_ranks[i] == 0 ? "-" : absl::StrCat(columns.mass_ranks[i]),
         has_distance ? absl::StrCat(Number(columns.distances, i), " to ", columns.nearest[i])
                      : "-",
         Number(columns.log_q, i)});
  }
  session.PrintTable({"item", "class", "because", "alive", "first chosen", "mass", "mass rank",
                      "distance", "log q"},
                     lines);
}

// What each source makes of each item.
void PrintSources(Session& session, const std::vector<std::string>& items,
                  const v1::ExplainNegativesResponse& response, const Columns& columns) {
  std::vector<std::string> sources;
  for (const v1::ComponentReport& component : response.components()) {
    sources.push_back(component.arm().empty()
                          ? component.source()
                          : absl::StrCat(component.source(), " of ", component.arm()));
  }
  if (response.has_fallback()) {
    sources.push_back(absl::StrCat("fallback ", response.fallback().source()));
  }
  Lines lines;
  for (size_t i = 0; i < items.size(); ++i) {
    for (size_t s = 0; s < sources.size(); ++s) {
      const size_t at = i * sources.size() + s;
      const auto obstacle = static_cast<v1::DrawObstacle>(columns.obstacles[at]);
      lines.push_back({items[i], sources[s], Number(columns.shares, s),
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
  const Columns columns(response);
  PrintItems(session, items, columns);
  *session.out << "\n";
  PrintSources(session, items, response, columns);
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
  absl::Status status = FillRecipe(settings, request.mutable_sample());
  if (!status.ok()) return status;
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(settings.collection);
  if (!collection.ok()) return collection.status();
  status = FillRow(settings, *collection, request.mutable_sample());
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
  command->add_option("--collection", settings->collection, "Id of the collection.")->required();
  command->add_option("items", settings->items, "Items, up to 1,000.")->required();
  command->add_option("--user", settings->user, "User of the row.");
  command->add_option("--positive", settings->positive, "Positive of the row.");
  // One each, so that items may follow.
  command
      ->add_option("--exclude", settings->exclusions,
                   "Item that the row must not get; may be repeated.")
      ->allow_extra_args(false);
  command->add_option("--cohort", settings->cohort, "Cohort of the row, 0 to 255.")
      ->check(CLI::Range(0, 255));
  command->add_option("--query", settings->query, "Vector of the row, 0.1,0.2,...");
  command->add_option("--as-of", settings->as_of, "Time of the row. Default: now.");
  auto* source = command->add_option("--source", settings->sources,
                                     "As for sample; repeat for a mix. Default: uniform.");
  source->allow_extra_args(false);
  auto* policy = command
                     ->add_option("--policy", settings->policy_path,
                                  "A file with a negatron.v1.Policy in protobuf's JSON.")
                     ->excludes(source);
  command
      ->add_option("--policy-name", settings->policy_name, "A stored policy, NAME or NAME@VERSION.")
      ->excludes(source)
      ->excludes(policy);
  command
      ->add_option("--progress", settings->progress,
                   "How far the training is, for policies that follow it.")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option("--min-model-version", settings->min_model_version,
                   "Only embeddings of at least this version count.")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--row-key", settings->row_key,
                      "Key of the row, for noise and pools of the call that is explained.");
  command->add_option("--seed", settings->seed, "Seed of that call.");
  command->footer(
      std::string(kSourceHelp) +
      "Example: negatron explain --collection films --user 2 --source popularity 17 18");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return Explain(run, *settings); };
  });
  AddAuditCommands(app, session);
}

}  // namespace negatron::client
