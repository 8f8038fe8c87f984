// SPDX-License-Identifier: Apache-2.0
//
// Options that say what to draw for which rows, as requests have them. Errors are of usage.
#ifndef NEGATRON_CLIENT_CLI_SAMPLE_INPUTS_H_
#define NEGATRON_CLIENT_CLI_SAMPLE_INPUTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <google/protobuf/timestamp.pb.h>

#include "negatron/v1/collections.pb.h"
#include "negatron/v1/policies.pb.h"
#include "negatron/v1/types.pb.h"

namespace negatron::client {

// Adds a component for each `--source`.
absl::Status AddSources(const std::vector<std::string>& specs, v1::Policy* policy);

// Which of `--user`, `--positive` and `--query` rows have.
struct GivenColumns {
  bool users = false;
  bool positives = false;
  bool queries = false;
};

// Whether the rows have what the sources of `policy` need.
absl::Status CheckSources(const v1::Policy& policy, const GivenColumns& given);

// Ids of `type`, one for each text of `option`.
absl::Status FillIds(const std::vector<std::string>& texts, v1::IdType type,
                     absl::string_view option, v1::IdColumn* column);

// Vectors of `--query`, `0.1,0.2,...` each.
absl::Status FillQueries(const std::vector<std::string>& texts, v1::FloatMatrix* matrix);

// The time that `option` gives.
absl::Status FillTime(const std::string& text, absl::string_view option,
                      google::protobuf::Timestamp* time);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_SAMPLE_INPUTS_H_
