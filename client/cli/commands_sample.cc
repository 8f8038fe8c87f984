// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_sample.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include <CLI/CLI.hpp>

#include "client/cli/commands_controller.h"
#include "client/cli/commands_policy.h"
#include "client/cli/id_list.h"
#include "client/cli/sample_inputs.h"
#include "client/cli/sample_outputs.h"
#include "client/cli/source_spec.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

struct SampleSettings {
  std::string collection;
  int32_t count = 0;
  int32_t rows = 0;
  std::vector<std::string> users;
  std::vector<std::string> positives;
  std::vector<std::string> exclusions;
  std::vector<int> cohorts;
  std::vector<std::string> queries;
  std::string as_of;
  std::vector<std::string> sources;
  std::string policy_path;
  std::string policy_name;
  std::optional<double> progress;
  std::string controller;
  bool unique = false;
  int32_t category_cap = 0;
  std::string history_horizon;
  double min_distance = 0;
  int64_t min_model_version = 0;
  std::string max_staleness;
  std::string rank_by;  // What candidates are scored against; empty: they are not.
  int64_t seed = 0;
  bool has_seed = false;
};

absl::Status FillPolicy(const SampleSettings& settings, v1::Policy* policy) {
  if (!settings.policy_path.empty()) {
    if (absl::Status status = ReadPolicyFile(settings.policy_path, policy); !status.ok())
      return status;
  }
  if (absl::Status status = AddSources(settings.sources, policy); !status.ok()) return status;
  if (policy->components_size() == 0 && settings.policy_path.empty() &&
      settings.policy_name.empty()) {
    policy->add_components()->mutable_uniform();
    policy->mutable_components(0)->set_share(1);
  }
  if (settings.unique) policy->set_unique(true);
  if (settings.category_cap > 0) policy->set_category_cap(settings.category_cap);
  if (settings.min_distance > 0) {
    policy->mutable_min_distance()->set_distance(settings.min_distance);
  }
  if (!settings.history_horizon.empty()) {
    const absl::StatusOr<absl::Duration> ahead = ParsePositiveDuration(settings.history_horizon);
    if (!ahead.ok())
      return UsageError(absl::StrCat("--history-horizon: ", ahead.status().message()));
    *policy->mutable_history_horizon() = ToDuration(*ahead);
  }
  return absl::OkStatus();
}

// What a ranking needs of the rows.
absl::Status CheckRanking(const SampleSettings& settings) {
  if (settings.rank_by == "query" && settings.queries.empty()) {
    return UsageError("--rank-by query needs --query, which items are scored against");
  }
  if (settings.rank_by == "positive" && settings.positives.empty()) {
    return UsageError("--rank-by positive needs --positive, which items are scored against");
  }
  if (settings.rank_by == "user" && settings.users.empty()) {
    return UsageError("--rank-by user needs --user, which items are scored against");
  }
  return absl::OkStatus();
}

// Rows that are given by repeated options must be as many.
absl::Status CheckRows(const SampleSettings& settings) {
  const std::pair<const char*, size_t> columns[] = {{"--user", settings.users.size()},
                                                    {"--positive", settings.positives.size()},
                                                    {"--cohort", settings.cohorts.size()},
                                                    {"--query", settings.queries.size()}};
  const std::pair<const char*, size_t>* first = nullptr;
  for (const auto& column : columns) {
    if (column.second == 0) continue;
    if (first == nullptr) first = &column;
    if (column.second != first->second) {
      return UsageError(absl::StrCat("there are ", first->second, " of ", first->first, " and ",
                                     column.second, " of ", column.first, "; each row needs both"));
    }
  }
  return absl::OkStatus();
}

size_t RowCount(const SampleSettings& settings) {
  const size_t given = std::max({settings.users.size(), settings.positives.size(),
                                 settings.cohorts.size(), settings.queries.size()});
  return given > 0 ? given : static_cast<size_t>(std::max(settings.rows, 1));
}

// The same further exclusions for every row.
absl::Status FillExclusions(const SampleSettings& settings, v1::IdType type,
                            v1::RaggedIdColumn* column) {
  std::vector<std::string> all;
  std::vector<int64_t> splits = {0};
  for (size_t row = 0; row < RowCount(settings); ++row) {
    all.insert(all.end(), settings.exclusions.begin(), settings.exclusions.end());
    splits.push_back(static_cast<int64_t>(all.size()));
  }
  WriteInt64s(splits, v1::COLUMN_ENCODING_TYPED, column->mutable_row_splits());
  return FillIds(all, type, "--exclude", column->mutable_ids());
}

absl::Status FillRows(const SampleSettings& settings, const v1::Collection& collection,
                      v1::SampleNegativesRequest* request) {
  absl::Status status;
  if (!settings.users.empty()) {
    status.Update(
        FillIds(settings.users, collection.user_id_type(), "--user", request->mutable_user_ids()));
  }
  if (!settings.positives.empty()) {
    status.Update(FillIds(settings.positives, collection.item_id_type(), "--positive",
                          request->mutable_positive_ids()));
  }
  if (!settings.exclusions.empty()) {
    status.Update(
        FillExclusions(settings, collection.item_id_type(), request->mutable_exclusions()));
  }
  if (!settings.cohorts.empty()) {
    const std::vector<uint8_t> cohorts(settings.cohorts.begin(), settings.cohorts.end());
    WriteBytes(cohorts, v1::COLUMN_ENCODING_TYPED, request->mutable_cohorts());
  }
  if (!settings.queries.empty()) {
    status.Update(FillQueries(settings.queries, request->mutable_queries()));
  }
  if (!settings.as_of.empty()) {
    status.Update(FillTime(settings.as_of, "--as-of", request->mutable_as_of_time()));
  }
  request->set_min_model_version(settings.min_model_version);
  if (!settings.max_staleness.empty()) {
    const absl::StatusOr<absl::Duration> most = ParsePositiveDuration(settings.max_staleness);
    if (!most.ok()) return UsageError(absl::StrCat("--max-staleness: ", most.status().message()));
    *request->mutable_max_staleness() = ToDuration(*most);
  }
  return status;
}

absl::StatusOr<v1::SampleNegativesRequest> MakeRequest(const Session& session,
                                                       const SampleSettings& settings,
                                                       const v1::Policy& policy,
                                                       const v1::Collection& collection) {
  v1::SampleNegativesRequest request;
  request.set_collection(collection.name());
  request.set_negative_count(settings.count);
  request.set_row_count(static_cast<int32_t>(settings.rows > 0 ? static_cast<size_t>(settings.rows)
                                                               : RowCount(settings)));
  if (absl::Status status = FillRows(settings, collection, &request); !status.ok()) return status;
  if (settings.policy_name.empty()) {
    *request.mutable_policy() = policy;
  } else {
    request.set_policy_name(PolicyName(settings.collection, settings.policy_name));
  }
  if (settings.progress.has_value()) request.set_progress(*settings.progress);
  if (!settings.controller.empty()) {
    request.set_controller(ControllerName(settings.collection, settings.controller));
  }
  if (settings.has_seed) request.set_seed(settings.seed);
  AddOutputs(session.json, &request);
  request.set_encoding(v1::COLUMN_ENCODING_TYPED);
  return request;
}

// The names of the tags of a draw.
std::string TagNames(uint8_t tags) {
  const std::vector<std::string> names = BitNames(tags, *v1::DrawTag_descriptor(), "DRAW_TAG_");
  return names.empty() ? "-" : absl::StrJoin(names, " ");
}

// A line for each draw, and for each row that is short.
void PrintTable(Session& session, const SampleSettings& settings, const SampleResult& result,
                const std::vector<std::string>& items) {
  const auto negatives = static_cast<size_t>(result.negative_count);
  const bool weights = Tells(result.importance_weights, 1);
  const bool tags =
      std::any_of(result.tags.begin(), result.tags.end(), [](uint8_t tag) { return tag != 0; });
  std::vector<std::vector<std::string>> lines;
  for (size_t row = 0; row < result.row_statuses.size(); ++row) {
    const std::string user = row < settings.users.size() ? settings.users[row] : "-";
    const size_t drawn =
        result.drawn_counts.empty() ? negatives : static_cast<size_t>(result.drawn_counts[row]);
    for (size_t at = row * negatives; at < row * negatives + drawn && at < items.size(); ++at) {
      const size_t component =
          at < result.component_indexes.size() ? result.component_indexes[at] : 255;
      lines.push_back(
          {absl::StrCat(row), user, items[at],
           component < result.components.size() ? result.components[component].source() : "-",
           Number(result.log_q, at), Number(result.scores, at)});
      if (weights) lines.back().push_back(Number(result.importance_weights, at));
      if (tags) lines.back().push_back(TagNames(result.tags[at]));
    }
    if (drawn < negatives) {
      lines.push_back({absl::StrCat(row), user, absl::StrCat("(", negatives - drawn, " missing)"),
                       ShortName(v1::RowStatus_Name(result.row_statuses[row]), "ROW_STATUS_"), "-",
                       "-"});
      if (weights) lines.back().push_back("-");
      if (tags) lines.back().push_back("-");
    }
  }
  std::vector<std::string> header = {"row", "user", "item", "source", "log q", "score"};
  if (weights) header.push_back("importance");
  if (tags) header.push_back("tags");
  session.PrintTable(header, lines);
}

// What was thrown back in all rows, by cause.
std::string DescribeRejects(const SampleResult& result) {
  std::vector<std::string> causes;
  const auto kinds = static_cast<size_t>(result.reject_cause_count);
  for (size_t kind = 0; kind < kinds; ++kind) {
    int64_t count = 0;
    for (size_t at = kind; at < result.rejects_by_all_causes.size(); at += kinds) {
      count += result.rejects_by_all_causes[at];
    }
    if (count == 0) continue;
    const std::string name =
        v1::RejectCause_Name(v1::REJECT_CAUSE_EXCLUDED + static_cast<int>(kind));
    causes.push_back(absl::StrCat(count, " ", ShortName(name, "REJECT_CAUSE_")));
  }
  return absl::StrJoin(causes, ", ");
}

absl::Status PrintDraws(Session& session, const SampleSettings& settings,
                        const v1::SampleNegativesResponse& response) {
  const std::vector<std::string> items = IdTexts(response.item_ids());
  // The ids are text already; the rest is read as any client reads it.
  v1::SampleNegativesResponse numbers = response;
  const std::vector<int64_t> places(items.size());
  WriteIds(places, v1::COLUMN_ENCODING_TYPED, numbers.mutable_item_ids());
  const absl::StatusOr<SampleResult> result = ReadResponse(numbers, settings.count);
  if (!result.ok()) return result.status();
  PrintTable(session, settings, *result, items);
  for (size_t row = 0; row < settings.positives.size() && row < result->positive_log_q.size();
       ++row) {
    *session.out << "row " << row << ", positive " << settings.positives[row] << ": log q "
                 << Number(result->positive_log_q, row) << " if it were not excluded\n";
  }
  if (const std::string rejects = DescribeRejects(*result); !rejects.empty()) {
    *session.out << "thrown back: " << rejects << "\n";
  }
  *session.out << "as of " << FormatMicros(absl::ToUnixMicros(result->as_of_time)) << ", seed "
               << result->seed << ", commit " << result->snapshot.commit_sequence()
               << ", law of log q " << ShortName(v1::LawKind_Name(result->law_kind), "LAW_KIND_");
  if (!result->policy_name.empty()) *session.out << ", policy " << result->policy_name;
  if (result->progress.has_value()) *session.out << ", progress " << *result->progress;
  *session.out << "\n";
  return absl::OkStatus();
}

// Candidates instead of draws; programs get their vectors, too.
absl::Status Rank(Session& session, Client* client, const SampleSettings& settings,
                  v1::SampleNegativesRequest sample) {
  v1::GetCandidatesRequest request;
  *request.mutable_sample() = std::move(sample);
  request.set_anchor(settings.rank_by == "positive" ? v1::NEAREST_ANCHOR_POSITIVE
                     : settings.rank_by == "user"   ? v1::NEAREST_ANCHOR_USER
                                                    : v1::NEAREST_ANCHOR_QUERY);
  request.set_include_candidate_vectors(session.json);
  request.set_include_positive_vectors(session.json && !settings.positives.empty());
  const absl::StatusOr<v1::GetCandidatesResponse> response = client->GetCandidates(request);
  if (!response.ok()) return response.status();
  if (session.json) return session.PrintJson(*response);
  return PrintDraws(session, settings, response->sample());
}

absl::Status Sample(Session& session, const SampleSettings& settings) {
  v1::Policy policy;
  absl::Status status = CheckRows(settings);
  status.Update(FillPolicy(settings, &policy));
  status.Update(CheckSources(
      policy, {!settings.users.empty(), !settings.positives.empty(), !settings.queries.empty()}));
  status.Update(CheckRanking(settings));
  if (!status.ok()) return status;
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Collection> collection = session.GetCollection(settings.collection);
  if (!collection.ok()) return collection.status();
  absl::StatusOr<v1::SampleNegativesRequest> request =
      MakeRequest(session, settings, policy, *collection);
  if (!request.ok()) return request.status();
  if (!settings.rank_by.empty()) return Rank(session, *client, settings, *std::move(request));
  const absl::StatusOr<v1::SampleNegativesResponse> response = (*client)->SampleNegatives(*request);
  if (!response.ok()) return response.status();
  if (session.json) return session.PrintJson(*response);
  return PrintDraws(session, settings, *response);
}

}  // namespace

void AddSampleCommands(CLI::App* app, Session* session) {
  CLI::App* command = app->add_subcommand("sample", "Draws negatives and prints them.");
  command->fallthrough();
  const auto settings = std::make_shared<SampleSettings>();
  command->add_option("--collection", settings->collection, "Id of the collection.")->required();
  command->add_option("--count", settings->count, "Negatives for each row.")->required();
  command->add_option("--user", settings->users,
                      "User of a row, whose history is excluded; repeat for more rows.");
  command->add_option("--positive", settings->positives,
                      "Positive of a row, which is excluded; repeat for more rows.");
  command->add_option("--exclude", settings->exclusions,
                      "Item that no row may get; may be repeated.");
  command
      ->add_option("--cohort", settings->cohorts,
                   "Cohort of a row, 0 to 255, for popularity within-cohort; repeat for more rows.")
      ->check(CLI::Range(0, 255));
  command->add_option("--query", settings->queries,
                      "Vector of a row, 0.1,0.2,..., for anchor=query; repeat for "
                      "more rows.");
  command->add_option("--rows", settings->rows, "Rows, if no option above gives them.")
      ->check(CLI::PositiveNumber);
  command->add_option("--as-of", settings->as_of,
                      "Only what was known before this time counts. Default: now.");
  auto* source = command->add_option("--source", settings->sources,
                                     "Where negatives come from, see below; repeat for a mix. "
                                     "Default: uniform.");
  command
      ->add_option("--min-model-version", settings->min_model_version,
                   "nearest and adversarial draw only by embeddings of at least this version.")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--max-staleness", settings->max_staleness,
                      "They draw only by embeddings written within this time, 10m say.");
  command
      ->add_option("--rank-by", settings->rank_by,
                   "query, positive or user: distinct items, all scored against it, in order of "
                   "score.")
      ->check(CLI::IsMember({"query", "positive", "user"}));
  auto* unique = command->add_flag("--unique", settings->unique, "No item twice in a row.");
  auto* cap = command
                  ->add_option("--category-cap", settings->category_cap,
                               "At most this many items of each category in a row.")
                  ->check(CLI::PositiveNumber);
  auto* horizon = command->add_option(
      "--history-horizon", settings->history_horizon,
      "Nothing that the user chooses within this time from the row's on, 6h say.");
  auto* distance = command
                       ->add_option("--min-distance", settings->min_distance,
                                    "Nothing that is nearer than this to the positive's embedding.")
                       ->check(CLI::PositiveNumber);
  auto* policy =
      command
          ->add_option("--policy", settings->policy_path,
                       "A file with a negatron.v1.Policy in protobuf's JSON, instead of --source.")
          ->excludes(source);
  command
      ->add_option("--policy-name", settings->policy_name,
                   "A stored policy, NAME or NAME@VERSION, instead of --source.")
      ->excludes(source)
      ->excludes(policy)
      ->excludes(unique)
      ->excludes(cap)
      ->excludes(horizon)
      ->excludes(distance);
  auto* progress = command
                       ->add_option("--progress", settings->progress,
                                    "How far the training is, for policies that follow it.")
                       ->check(CLI::Range(0.0, 1.0));
  command->add_option("--controller", settings->controller, "A controller that tells it, instead.")
      ->excludes(progress);
  command->add_option_function<int64_t>(
      "--seed",
      [settings](const int64_t& seed) {
        settings->seed = seed;
        settings->has_seed = true;
      },
      "Makes draws repeatable. Default: chosen by the server.");
  command->footer(std::string(kSourceHelp) +
                  "Example: negatron sample --collection films --count 5 --user 2 \\\n"
                  "             --source popularity:share=3,alpha=0.75 --source uniform --unique\n"
                  "--json prints every column of the answer, for programs.");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return Sample(run, *settings); };
  });
}

}  // namespace negatron::client
