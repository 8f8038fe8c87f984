// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_SOURCE_SPEC_H_
#define NEGATRON_CLIENT_CLI_SOURCE_SPEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "negatron/v1/policies.pb.h"

namespace negatron::client {

// What ParseSource takes, for a help text.
extern const char kSourceHelp[];

// Reads a component of a policy, `NAME[:KEY[=VALUE],...]`: `uniform`, `popularity:alpha=0.75`,
// `mined:share=2,half-life=7d`. All sources take `share` (default 1) and `category`; kSourceHelp
// lists the others. INVALID_ARGUMENT, naming the key, for what a policy may not hold.
absl::StatusOr<v1::PolicyComponent> ParseSource(absl::string_view spec);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_SOURCE_SPEC_H_
