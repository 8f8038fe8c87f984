// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands_policy.h"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>
#include <google/protobuf/util/json_util.h>

#include "client/cli/values.h"

namespace negatron::client {
namespace {

struct PolicySettings {
  std::string collection;
  std::string name;
  std::string path;
  std::optional<int64_t> expected_version;
  bool allow_missing = false;
};

// `{id}@{version}`.
std::string Pinned(const v1::StoredPolicy& policy) {
  return absl::StrCat(policy.name().substr(policy.name().rfind('/') + 1), "@", policy.version());
}

// The sources of a policy, or what it has in their place.
std::string Describe(const v1::Policy& policy) {
  if (policy.has_experiment()) return absl::StrCat("experiment ", policy.experiment().name());
  if (policy.has_rotation()) return absl::StrCat("rotation of ", policy.rotation().turns_size());
  std::string text;
  for (const v1::PolicyComponent& component : policy.components()) {
    const auto* const field =
        v1::PolicyComponent::descriptor()->FindFieldByNumber(component.source_case());
    absl::StrAppend(&text, text.empty() ? "" : ", ", field == nullptr ? "?" : field->name());
    if (policy.components_size() > 1 && component.has_share_schedule()) {
      absl::StrAppend(&text, " by schedule");
    } else if (policy.components_size() > 1) {
      absl::StrAppend(&text, " ", component.share());
    }
  }
  return text;
}

absl::Status Put(Session& session, const PolicySettings& settings) {
  v1::PutPolicyRequest request;
  request.set_name(PolicyName(settings.collection, settings.name));
  absl::Status status = ReadPolicyFile(settings.path, request.mutable_policy());
  if (!status.ok()) return status;
  if (settings.expected_version) request.set_expected_version(*settings.expected_version);
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::StoredPolicy> policy = (*client)->PutPolicy(request);
  if (!policy.ok()) return policy.status();
  if (session.json) return session.PrintJson(*policy);
  *session.out << Pinned(*policy) << "\n";
  return absl::OkStatus();
}

// People get the recipe, as `put` reads it.
absl::Status Get(Session& session, const PolicySettings& settings) {
  v1::GetPolicyRequest request;
  request.set_name(PolicyName(settings.collection, settings.name));
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::StoredPolicy> policy = (*client)->GetPolicy(request);
  if (!policy.ok()) return policy.status();
  if (session.json) return session.PrintJson(*policy);
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(policy->policy(), &text, options).ok()) {
    return absl::InternalError("the policy cannot be written as JSON");
  }
  *session.out << text;
  return absl::OkStatus();
}

// Prints the policies of all pages.
template <typename Request, typename Response>
absl::Status PrintPages(Session& session, Request request,
                        absl::StatusOr<Response> (Client::*fetch)(const Request&)) {
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  Response all;
  do {
    const absl::StatusOr<Response> page = ((*client)->*fetch)(request);
    if (!page.ok()) return page.status();
    all.mutable_policies()->MergeFrom(page->policies());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (session.json) return session.PrintJson(all);
  std::vector<std::vector<std::string>> rows;
  for (const v1::StoredPolicy& policy : all.policies()) {
    const google::protobuf::Timestamp& time = policy.create_time();
    rows.push_back({Pinned(policy),
                    policy.built_in()
                        ? "built in"
                        : FormatMicros(time.seconds() * 1000000 + time.nanos() / 1000),
                    Describe(policy.policy())});
  }
  session.PrintTable({"policy", "since", "sources"}, rows);
  return absl::OkStatus();
}

absl::Status List(Session& session, const PolicySettings& settings) {
  v1::ListPoliciesRequest request;
  request.set_collection(CollectionName(settings.collection));
  return PrintPages(session, request, &Client::ListPolicies);
}

absl::Status Versions(Session& session, const PolicySettings& settings) {
  v1::ListPolicyVersionsRequest request;
  request.set_name(PolicyName(settings.collection, settings.name));
  return PrintPages(session, request, &Client::ListPolicyVersions);
}

absl::Status Delete(Session& session, const PolicySettings& settings) {
  v1::DeletePolicyRequest request;
  request.set_name(PolicyName(settings.collection, settings.name));
  request.set_allow_missing(settings.allow_missing);
  if (settings.expected_version) request.set_expected_version(*settings.expected_version);
  const absl::StatusOr<Client*> client = session.Connect();
  if (!client.ok()) return client.status();
  return (*client)->DeletePolicy(request);
}

}  // namespace

absl::Status ReadPolicyFile(const std::string& path, v1::Policy* policy) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return InputError(absl::StrCat(path, ": cannot be opened"));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto status = google::protobuf::util::JsonStringToMessage(text, policy);
  if (status.ok()) return absl::OkStatus();
  return InputError(
      absl::StrCat(path, ": is not a policy in JSON: ",
                   absl::string_view(status.message().data(), status.message().size())));
}

std::string PolicyName(const std::string& collection, const std::string& id_or_name) {
  if (absl::StrContains(id_or_name, "/")) return id_or_name;
  return absl::StrCat(CollectionName(collection), "/policies/", id_or_name);
}

void AddPolicyCommands(CLI::App* app, Session* session) {
  CLI::App* policy = app->add_subcommand("policy", "Stores policies with a collection.");
  policy->require_subcommand(1)->fallthrough();
  const auto settings = std::make_shared<PolicySettings>();
  const auto add = [&](const char* name, const char* description,
                       absl::Status (*run)(Session&, const PolicySettings&)) {
    CLI::App* command = policy->add_subcommand(name, description);
    command->fallthrough();
    command->add_option("--collection", settings->collection, "Id of the collection.")->required();
    command->callback([session, settings, run] {
      session->command = [settings, run](Session& now) { return run(now, *settings); };
    });
    return command;
  };
  const auto add_expected = [&](CLI::App* command) {
    command
        ->add_option("--expected-version", settings->expected_version,
                     "Refused unless this is the latest version; 0: none.")
        ->check(CLI::NonNegativeNumber);
  };
  CLI::App* put = add("put", "Adds the next version of a policy and prints its name.", Put);
  put->add_option("name", settings->name, "Id of the policy.")->required();
  put->add_option("file", settings->path, "A negatron.v1.Policy in protobuf's JSON.")->required();
  add_expected(put);
  CLI::App* get = add("get", "Prints a policy as put reads it.", Get);
  get->add_option("name", settings->name, "Id, for the latest version, or ID@VERSION.")->required();
  add("list", "Lists policies, also those built in.", List);
  CLI::App* versions = add("versions", "Lists the versions of a policy.", Versions);
  versions->add_option("name", settings->name, "Id of the policy.")->required();
  CLI::App* remove = add("delete", "Deletes a policy with all its versions.", Delete);
  remove->add_option("name", settings->name, "Id of the policy.")->required();
  remove->add_flag("--allow-missing", settings->allow_missing, "No error if there is none.");
  add_expected(remove);
}

}  // namespace negatron::client
