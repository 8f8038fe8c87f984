// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_sample.h"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <CLI/CLI.hpp>
#include <google/protobuf/util/json_util.h>

#include "client/cli/id_list.h"
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
  std::string as_of;
  std::string source = "uniform";
  int32_t rank_end = 100;
  std::string policy_path;
  int64_t seed = 0;
  bool has_seed = false;
};

// `ROW_STATUS_NO_EVENT` as `NO_EVENT`.
std::string ShortName(const std::string& name, absl::string_view prefix) {
  return absl::StartsWith(name, prefix) ? name.substr(prefix.size()) : name;
}

absl::Status ReadPolicy(const std::string& path, v1::Policy* policy) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return InputError(absl::StrCat(path, ": cannot be opened"));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto status = google::protobuf::util::JsonStringToMessage(text, policy);
  if (status.ok()) return absl::OkStatus();
  return InputError(
      absl::StrCat(path, ": is not a policy in JSON: ",
                   absl::string_view(status.message().data(), status.message().size())));
}

absl::Status FillPolicy(const SampleSettings& settings, v1::Policy* policy) {
  if (!settings.policy_path.empty()) return ReadPolicy(settings.policy_path, policy);
  v1::PolicyComponent* component = policy->add_components();
  component->set_share(1);
  if (settings.source == "uniform") {
    component->mutable_uniform();
  } else if (settings.source == "popularity") {
    component->mutable_popularity();
  } else {
    if (settings.positives.empty()) {
      return UsageError("--source nearest needs --positive, whose embedding is the anchor");
    }
    component->mutable_nearest()->set_anchor(v1::NEAREST_ANCHOR_POSITIVE);
    component->mutable_nearest()->set_rank_end(settings.rank_end);
  }
  return absl::OkStatus();
}

absl::Status FillIds(const std::vector<std::string>& texts, v1::IdType type,
                     absl::string_view option, v1::IdColumn* column) {
  IdList ids(type);
  for (const std::string& text : texts) {
    if (absl::Status status = ids.Append(text); !status.ok()) {
      return UsageError(absl::StrCat(option, ": ", status.message()));
    }
  }
  ids.Write(column);
  return absl::OkStatus();
}

absl::StatusOr<v1::SampleNegativesRequest> MakeRequest(const SampleSettings& settings,
                                                       const v1::Collection& collection) {
  v1::SampleNegativesRequest request;
  request.set_collection(collection.name());
  request.set_negative_count(settings.count);
  if (settings.users.empty() && settings.positives.empty()) {
    request.set_row_count(settings.rows > 0 ? settings.rows : 1);
  } else if (settings.rows > 0) {
    request.set_row_count(settings.rows);
  }
  absl::Status status;
  if (!settings.users.empty()) {
    status.Update(
        FillIds(settings.users, collection.user_id_type(), "--user", request.mutable_user_ids()));
  }
  if (!settings.positives.empty()) {
    status.Update(FillIds(settings.positives, collection.item_id_type(), "--positive",
                          request.mutable_positive_ids()));
  }
  if (!settings.as_of.empty()) {
    const absl::StatusOr<int64_t> micros = ParseTimeMicros(settings.as_of, TimeUnit::kAuto);
    if (!micros.ok()) return UsageError(absl::StrCat("--as-of: ", micros.status().message()));
    *request.mutable_as_of_time() = ToTimestamp(*micros);
  }
  status.Update(FillPolicy(settings, request.mutable_policy()));
  if (!status.ok()) return status;
  if (settings.has_seed) request.set_seed(settings.seed);
  for (const v1::SampleOutput output :
       {v1::SAMPLE_OUTPUT_LOG_Q, v1::SAMPLE_OUTPUT_COMPONENT, v1::SAMPLE_OUTPUT_SCORE}) {
    request.add_outputs(output);
  }
  request.set_encoding(v1::COLUMN_ENCODING_TYPED);
  return request;
}

std::string Number(const std::vector<float>& values, size_t at) {
  if (at >= values.size() || std::isnan(values[at])) return "-";
  return absl::StrFormat("%.4f", values[at]);
}

// A line for each draw, and for each row that is short.
absl::Status PrintDraws(Session& session, const SampleSettings& settings,
                        const v1::SampleNegativesResponse& response) {
  const std::vector<std::string> items = IdTexts(response.item_ids());
  const absl::StatusOr<SampleResult> result = [&] {
    // The ids are text already; the rest is read as any client reads it.
    v1::SampleNegativesResponse numbers = response;
    const std::vector<int64_t> places(items.size());
    WriteIds(places, v1::COLUMN_ENCODING_TYPED, numbers.mutable_item_ids());
    return ReadResponse(numbers, settings.count);
  }();
  if (!result.ok()) return result.status();
  const auto negatives = static_cast<size_t>(result->negative_count);
  std::vector<std::vector<std::string>> lines;
  for (size_t row = 0; row < result->row_statuses.size(); ++row) {
    const std::string user = row < settings.users.size() ? settings.users[row] : "-";
    const size_t drawn =
        result->drawn_counts.empty() ? negatives : static_cast<size_t>(result->drawn_counts[row]);
    for (size_t at = row * negatives; at < row * negatives + drawn && at < items.size(); ++at) {
      const size_t component =
          at < result->component_indexes.size() ? result->component_indexes[at] : 255;
      lines.push_back(
          {absl::StrCat(row), user, items[at],
           component < result->components.size() ? result->components[component].source() : "-",
           Number(result->log_q, at), Number(result->scores, at)});
    }
    if (drawn < negatives) {
      lines.push_back({absl::StrCat(row), user, absl::StrCat("(", negatives - drawn, " missing)"),
                       ShortName(v1::RowStatus_Name(result->row_statuses[row]), "ROW_STATUS_"), "-",
                       "-"});
    }
  }
  session.PrintTable({"row", "user", "item", "source", "log q", "score"}, lines);
  *session.out << "as of " << FormatMicros(absl::ToUnixMicros(result->as_of_time)) << ", seed "
               << result->seed << ", commit " << result->snapshot.commit_sequence()
               << ", law of log q " << ShortName(v1::LawKind_Name(result->law_kind), "LAW_KIND_")
               << "\n";
  return absl::OkStatus();
}

absl::Status Sample(Session& session, const SampleSettings& settings) {
  if (!settings.users.empty() && !settings.positives.empty() &&
      settings.users.size() != settings.positives.size()) {
    return UsageError(absl::StrCat("there are ", settings.users.size(), " of --user and ",
                                   settings.positives.size(),
                                   " of --positive; each row needs both"));
  }
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  v1::GetCollectionRequest get;
  get.set_name(CollectionName(settings.collection));
  const absl::StatusOr<v1::Collection> collection = (*client)->GetCollection(get);
  if (!collection.ok()) return collection.status();
  const absl::StatusOr<v1::SampleNegativesRequest> request = MakeRequest(settings, *collection);
  if (!request.ok()) return request.status();
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
  command->add_option("--rows", settings->rows, "Rows, if there is no --user or --positive.");
  command->add_option("--as-of", settings->as_of,
                      "Only what was known before this time counts. Default: now.");
  auto* source =
      command->add_option("--source", settings->source, "Where negatives come from.")
          ->check(CLI::IsMember(std::vector<std::string>{"uniform", "popularity", "nearest"}))
          ->capture_default_str();
  command
      ->add_option("--rank-end", settings->rank_end,
                   "With --source nearest: draw from this many of the nearest items.")
      ->capture_default_str();
  command
      ->add_option("--policy", settings->policy_path,
                   "A file with a negatron.v1.Policy in protobuf's JSON, instead of --source.")
      ->excludes(source);
  command->add_option_function<int64_t>(
      "--seed",
      [settings](const int64_t& seed) {
        settings->seed = seed;
        settings->has_seed = true;
      },
      "Makes draws repeatable. Default: chosen by the server.");
  command->callback([session, settings] {
    session->command = [settings](Session& run) { return Sample(run, *settings); };
  });
}

}  // namespace negatron::client
