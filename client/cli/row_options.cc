// SPDX-License-Identifier: Apache-2.0
#include "client/cli/row_options.h"

#include <CLI/CLI.hpp>

#include "client/cli/commands_policy.h"
#include "client/cli/sample_inputs.h"
#include "proto/cc/columns.h"

namespace negatron::client {

void AddRowOptions(CLI::App* command, const std::string& positive_names, RowSettings* settings) {
  command->add_option("--user", settings->user, "User of the row.");
  command->add_option(positive_names, settings->positive, "Positive of the row.");
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
}

absl::Status FillRecipe(const RowSettings& settings, v1::SampleNegativesRequest* row) {
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

absl::Status FillRow(const RowSettings& settings, const v1::Collection& collection,
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

}  // namespace negatron::client
