// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/resource_names.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "storage/model/validate.h"

namespace negatron {
namespace {

constexpr absl::string_view kPrefix = "collections/";
constexpr absl::string_view kVersions = "/embeddingVersions/";
constexpr absl::string_view kPolicies = "/policies/";
constexpr absl::string_view kControllers = "/controllers/";
constexpr absl::string_view kAudits = "/audits/";

// A version as names have it: digits, without a leading zero. 0 if it is none.
int64_t ReadVersion(absl::string_view digits) {
  int64_t version = 0;
  if (!absl::SimpleAtoi(digits, &version) || absl::StrCat(version) != digits) return 0;
  return std::max<int64_t>(version, 0);
}

}  // namespace

absl::string_view ReadCollectionName(absl::string_view name, absl::string_view field,
                                     Violations* violations) {
  if (name.empty()) {
    violations->Add(field, "is required: `collections/{id}`");
    return {};
  }
  absl::string_view id = name;
  if (!absl::ConsumePrefix(&id, kPrefix)) {
    violations->Add(field, "must have the form `collections/{id}`");
    return {};
  }
  if (const absl::string_view problem = CollectionIdProblem(id); !problem.empty()) {
    violations->Add(field, absl::StrCat("the id in `collections/{id}` ", problem));
    return {};
  }
  return id;
}

VersionName ReadVersionName(absl::string_view name, absl::string_view field,
                            Violations* violations) {
  VersionName version;
  const size_t at = name.find(kVersions);
  const absl::string_view number =
      at == absl::string_view::npos ? absl::string_view() : name.substr(at + kVersions.size());
  version.model_version = ReadVersion(number);
  if (version.model_version == 0) {
    violations->Add(field,
                    "must have the form `collections/{id}/embeddingVersions/{model_version}`");
    return {};
  }
  version.collection = std::string(ReadCollectionName(name.substr(0, at), field, violations));
  return version;
}

std::string NameOfVersion(absl::string_view collection, int64_t model_version) {
  return absl::StrCat(kPrefix, collection, kVersions, model_version);
}

PolicyName ReadPolicyName(absl::string_view name, absl::string_view field, bool pinnable,
                          Violations* violations) {
  PolicyName policy;
  const size_t at = name.find(kPolicies);
  absl::string_view id =
      at == absl::string_view::npos ? absl::string_view() : name.substr(at + kPolicies.size());
  const size_t pin = pinnable ? id.find('@') : absl::string_view::npos;
  if (pin != absl::string_view::npos) {
    policy.version = ReadVersion(id.substr(pin + 1));
    id = id.substr(0, pin);
  }
  if (!PolicyIdProblem(id).empty() || (pin != absl::string_view::npos && policy.version == 0)) {
    violations->Add(field, absl::StrCat("must have the form `collections/{id}/policies/{id}`",
                                        pinnable ? ", or this and `@{version}`" : "",
                                        ", an id of a policy as that of a collection"));
    return {};
  }
  policy.policy = std::string(id);
  policy.collection = std::string(ReadCollectionName(name.substr(0, at), field, violations));
  return policy;
}

std::string NameOfPolicy(absl::string_view collection, absl::string_view policy, int64_t version) {
  std::string name = absl::StrCat(kPrefix, collection, kPolicies, policy);
  if (version != 0) absl::StrAppend(&name, "@", version);
  return name;
}

ControllerName ReadControllerName(absl::string_view name, absl::string_view field,
                                  Violations* violations) {
  const size_t at = name.find(kControllers);
  const absl::string_view id =
      at == absl::string_view::npos ? absl::string_view() : name.substr(at + kControllers.size());
  if (!ControllerIdProblem(id).empty()) {
    violations->Add(field,
                    "must have the form `collections/{id}/controllers/{id}`, an id of a controller "
                    "as that of a collection");
    return {};
  }
  return {std::string(ReadCollectionName(name.substr(0, at), field, violations)), std::string(id)};
}

std::string NameOfController(absl::string_view collection, absl::string_view controller) {
  return absl::StrCat(kPrefix, collection, kControllers, controller);
}

AuditName ReadAuditName(absl::string_view name, absl::string_view field, Violations* violations) {
  AuditName audit;
  const size_t at = name.find(kAudits);
  if (at != absl::string_view::npos) audit.id = ReadVersion(name.substr(at + kAudits.size()));
  if (audit.id == 0) {
    violations->Add(field, "must have the form `collections/{id}/audits/{id}`");
    return {};
  }
  audit.collection = std::string(ReadCollectionName(name.substr(0, at), field, violations));
  return audit;
}

std::string NameOfAudit(absl::string_view collection, Micros id) {
  return absl::StrCat(kPrefix, collection, kAudits, id);
}

std::string CollectionName(absl::string_view id) { return absl::StrCat(kPrefix, id); }

}  // namespace negatron
