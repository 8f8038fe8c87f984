// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_EVENT_KINDS_H_
#define NEGATRON_CLIENT_CLI_EVENT_KINDS_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "negatron/v1/pool.pb.h"

namespace negatron::client {

// The kind that `text` names, `positive`, `exposure` or `mined`, or its number.
absl::StatusOr<v1::EventKind> ParseEventKind(absl::string_view text);

// The reverse; the number of a kind that is not known here.
std::string EventKindName(int kind);

// What reads the option `--kind` into `kind`.
std::function<void(const std::string&)> KindSetter(std::optional<v1::EventKind>* kind);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_EVENT_KINDS_H_
