// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_COMMANDS_POLICY_H_
#define NEGATRON_CLIENT_CLI_COMMANDS_POLICY_H_

#include <string>

#include "absl/status/status.h"
#include <CLI/App.hpp>

#include "client/cli/session.h"
#include "negatron/v1/policies.pb.h"

namespace negatron::client {

// Reads a policy in protobuf's JSON. An input error names the file.
absl::Status ReadPolicyFile(const std::string& path, v1::Policy* policy);

// `collections/{id}/policies/{id}` of the collection and an id, perhaps with `@{version}`, or such
// a name.
std::string PolicyName(const std::string& collection, const std::string& id_or_name);

// Adds `policy put`, `get`, `list`, `versions` and `delete`.
void AddPolicyCommands(CLI::App* app, Session* session);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_COMMANDS_POLICY_H_
