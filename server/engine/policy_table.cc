// SPDX-License-Identifier: Apache-2.0
#include "server/engine/policy_table.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/policy_codec.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

std::string_view StdView(absl::string_view text) { return {text.data(), text.size()}; }

absl::Status NotFound(absl::string_view id, int64_t version) {
  const std::string which = version == 0 ? "" : absl::StrCat("version ", version, " of ");
  return WithReason(absl::NotFoundError(absl::StrCat("there is no ", which, "policy `", id, "`")),
                    "POLICY_NOT_FOUND");
}

absl::Status Full(int limit, absl::string_view what) {
  return WithReason(
      absl::ResourceExhaustedError(absl::StrCat("a collection keeps at most ", limit, " ", what)),
      "COLLECTION_FULL");
}

StoredPolicyPointer BuiltIn(const char* id, std::vector<PolicyComponent> components) {
  auto stored = std::make_shared<StoredPolicy>();
  stored->id = id;
  stored->built_in = true;
  Policy policy;
  policy.components = std::move(components);
  stored->plan = PolicyPlan::Of(std::move(policy));
  return stored;
}

}  // namespace

const std::vector<StoredPolicyPointer>& BuiltInPolicies() {
  static const auto* const policies = [] {
    NearestSource hard;
    hard.rank_begin = 10;
    hard.rank_end = 110;
    return new std::vector<StoredPolicyPointer>{
        BuiltIn("uniform", {{1, "", UniformSource{}}}),
        BuiltIn("popular", {{1, "", PopularitySource{}}}), BuiltIn("hard", {{1, "", hard}}),
        BuiltIn("balanced",
                {{0.5, "", UniformSource{}}, {0.25, "", PopularitySource{}}, {0.25, "", hard}})};
  }();
  return *policies;
}

PolicyTable::PolicyTable() {
  for (const StoredPolicyPointer& policy : BuiltInPolicies()) {
    lines_[policy->id] = {{{policy->version, policy}}, policy->version};
  }
}

absl::StatusOr<StoredPolicyPointer> PolicyTable::Find(absl::string_view id, int64_t version) const {
  const auto line = lines_.find(StdView(id));
  if (line == lines_.end() || line->second.versions.empty()) return NotFound(id, version);
  const auto& versions = line->second.versions;
  if (version == 0) return versions.rbegin()->second;
  const auto found = versions.find(version);
  if (found == versions.end()) return NotFound(id, version);
  return found->second;
}

std::vector<StoredPolicyPointer> PolicyTable::List(absl::string_view after, int limit) const {
  std::vector<StoredPolicyPointer> page;
  for (auto line = lines_.upper_bound(StdView(after));
       line != lines_.end() && page.size() < static_cast<size_t>(limit); ++line) {
    if (!line->second.versions.empty()) page.push_back(line->second.versions.rbegin()->second);
  }
  return page;
}

std::vector<StoredPolicyPointer> PolicyTable::Versions(absl::string_view id, int64_t below,
                                                       int limit) const {
  std::vector<StoredPolicyPointer> page;
  const auto line = lines_.find(StdView(id));
  if (line == lines_.end()) return page;
  const auto& versions = line->second.versions;
  for (auto next = versions.lower_bound(below);
       next != versions.begin() && page.size() < static_cast<size_t>(limit);) {
    page.push_back((--next)->second);
  }
  return page;
}

int64_t PolicyTable::LatestVersion(absl::string_view id) const {
  const auto line = lines_.find(StdView(id));
  if (line == lines_.end() || line->second.versions.empty()) return 0;
  return line->second.last_version;
}

int64_t PolicyTable::LastVersion(absl::string_view id) const {
  const auto line = lines_.find(StdView(id));
  return line == lines_.end() ? 0 : line->second.last_version;
}

absl::Status PolicyTable::CheckChange(absl::string_view id, int64_t expected_version) const {
  const auto line = lines_.find(StdView(id));
  if (line != lines_.end() && !line->second.versions.empty() &&
      line->second.versions.begin()->second->built_in) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "the policy `", id, "` is built in; put yours under another name")),
                      "POLICY_BUILT_IN");
  }
  const int64_t latest = LatestVersion(id);
  if (expected_version < 0 || expected_version == latest) return absl::OkStatus();
  return WithReason(absl::AbortedError(
                        latest == 0 ? absl::StrCat("there is no policy `", id, "`")
                                    : absl::StrCat("the latest version of `", id, "` is ", latest)),
                    "POLICY_VERSION_MISMATCH");
}

absl::Status PolicyTable::CheckRoom(absl::string_view id) const {
  const auto line = lines_.find(StdView(id));
  const bool is_new_name = line == lines_.end();
  const bool is_new = is_new_name || line->second.versions.empty();
  if (is_new && policy_count_ >= kMaxPolicies) return Full(kMaxPolicies, "policies");
  if (is_new_name && lines_.size() >= kMaxPolicyNames) {
    return Full(kMaxPolicyNames, "names of policies, those of deleted ones included");
  }
  if (!is_new && line->second.versions.size() >= kMaxPolicyVersions) {
    return Full(kMaxPolicyVersions, "versions of a policy; put it under another name");
  }
  if (version_count_ >= kMaxAllPolicyVersions) {
    return Full(kMaxAllPolicyVersions, "versions of policies");
  }
  return absl::OkStatus();
}

absl::Status PolicyTable::Add(const PolicyRecord& record) {
  Line& line = lines_[record.policy_id];
  if (record.deleted) {
    policy_count_ -= line.versions.empty() ? 0 : 1;
    version_count_ -= static_cast<int>(line.versions.size());
    line = {{}, record.version};
    return absl::OkStatus();
  }
  auto stored = std::make_shared<StoredPolicy>();
  stored->id = record.policy_id;
  stored->version = record.version;
  stored->create_time = record.create_time;
  NEGATRON_ASSIGN_OR_RETURN(stored->plan, DecodePlan(record.recipe));
  policy_count_ += line.versions.empty() ? 1 : 0;
  ++version_count_;
  line.versions[record.version] = std::move(stored);
  line.last_version = record.version;
  return absl::OkStatus();
}

}  // namespace negatron
