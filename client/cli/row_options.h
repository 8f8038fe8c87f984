// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_ROW_OPTIONS_H_
#define NEGATRON_CLIENT_CLI_ROW_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include <CLI/App.hpp>

#include "negatron/v1/collections.pb.h"
#include "negatron/v1/sampling.pb.h"

namespace negatron::client {

// One row of a sampling call, and what it draws by, as the command line gives them.
struct RowSettings {
  std::string collection;
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

// Adds the options of all of them but the collection; the positive's has `positive_names`.
void AddRowOptions(CLI::App* command, const std::string& positive_names, RowSettings* settings);

// What the row draws by; `uniform`, if nothing is given. Usage error if the row lacks what the
// sources need.
absl::Status FillRecipe(const RowSettings& settings, v1::SampleNegativesRequest* row);

// The row itself, and the demands on embeddings; the answer is asked for in the typed encoding.
absl::Status FillRow(const RowSettings& settings, const v1::Collection& collection,
                     v1::SampleNegativesRequest* row);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_ROW_OPTIONS_H_
