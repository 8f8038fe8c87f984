// SPDX-License-Identifier: Apache-2.0
#include "client/cli/event_kinds.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

namespace negatron::client {
namespace {

constexpr v1::EventKind kKinds[] = {v1::EVENT_KIND_POSITIVE, v1::EVENT_KIND_EXPOSURE,
                                    v1::EVENT_KIND_MINED};

}  // namespace

absl::StatusOr<v1::EventKind> ParseEventKind(absl::string_view text) {
  const std::string name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  for (const v1::EventKind kind : kKinds) {
    if (name == EventKindName(kind) || name == absl::StrCat(static_cast<int>(kind))) return kind;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("`", text.substr(0, 40), "` is none of positive, exposure, mined"));
}

std::string EventKindName(int kind) {
  switch (kind) {
    case v1::EVENT_KIND_POSITIVE:
      return "positive";
    case v1::EVENT_KIND_EXPOSURE:
      return "exposure";
    case v1::EVENT_KIND_MINED:
      return "mined";
    default:
      return absl::StrCat(kind);
  }
}

std::function<void(const std::string&)> KindSetter(std::optional<v1::EventKind>* kind) {
  return [kind](const std::string& text) {
    const absl::StatusOr<v1::EventKind> parsed = ParseEventKind(text);
    if (!parsed.ok()) {
      throw CLI::ValidationError("--kind", std::string(parsed.status().message()));
    }
    *kind = *parsed;
  };
}

}  // namespace negatron::client
