// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/sampling_note.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace negatron {
namespace {

// A plan may have many arms; a line of a log should not.
constexpr size_t kMaxPolicies = 8;

std::string DescribePolicy(const Policy& policy) {
  std::string text =
      absl::StrJoin(policy.components, "+", [](std::string* out, const PolicyComponent& component) {
        absl::StrAppend(
            out, std::string(SourceName(component.kind())), ":",
            component.share_schedule.has_value() ? "scheduled" : absl::StrCat(component.share));
      });
  if (policy.fallback.has_value()) {
    absl::StrAppend(&text, ",fallback:", std::string(SourceName(policy.fallback->kind())));
  }
  return text;
}

}  // namespace

std::string DescribePlan(const SampleRequest& request) {
  if (!request.policy_name.empty()) {
    std::string name = absl::StrCat("policies/", request.policy_name);
    if (request.policy_version != 0) absl::StrAppend(&name, "@", request.policy_version);
    return name;
  }
  if (request.plan == nullptr) return DescribePolicy(request.policy);
  std::vector<std::string> policies;
  ForEachPolicy(*request.plan, "", [&](const Policy& policy, const std::string&) {
    if (policies.size() < kMaxPolicies) policies.push_back(DescribePolicy(policy));
  });
  return absl::StrJoin(policies, "|");
}

SampleNote NoteOf(absl::string_view collection, const SampleRequest& request,
                  const StageTimes& stages, bool with_plan) {
  SampleNote note;
  note.collection = std::string(collection);
  note.row_count = request.row_count;
  note.negative_count = request.negative_count;
  note.resolve_time = absl::Microseconds(stages.resolve_micros);
  note.draw_time = absl::Microseconds(stages.draw_micros);
  if (with_plan) note.plan = DescribePlan(request);
  return note;
}

}  // namespace negatron
