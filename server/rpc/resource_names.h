// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_RESOURCE_NAMES_H_
#define NEGATRON_SERVER_RPC_RESOURCE_NAMES_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

#include "storage/base/status.h"
#include "storage/model/time.h"

namespace negatron {

// The id in `collections/{id}`, a view into `name`. A name of another form is added to `violations`
// under `field`; whether the collection exists is the engine's to say.
absl::string_view ReadCollectionName(absl::string_view name, absl::string_view field,
                                     Violations* violations);

std::string CollectionName(absl::string_view id);

// A version of embeddings, `collections/{collection}/embeddingVersions/{model_version}`.
struct VersionName {
  std::string collection;
  int64_t model_version = 0;
};
VersionName ReadVersionName(absl::string_view name, absl::string_view field,
                            Violations* violations);
std::string NameOfVersion(absl::string_view collection, int64_t model_version);

// A stored policy, `collections/{collection}/policies/{policy}`, pinned to a version by
// `@{version}` behind it; 0: it is not.
struct PolicyName {
  std::string collection;
  std::string policy;
  int64_t version = 0;
};
// `pinnable`: whether there may be a version.
PolicyName ReadPolicyName(absl::string_view name, absl::string_view field, bool pinnable,
                          Violations* violations);
std::string NameOfPolicy(absl::string_view collection, absl::string_view policy,
                         int64_t version = 0);

// A controller, `collections/{collection}/controllers/{controller}`.
struct ControllerName {
  std::string collection;
  std::string controller;
};
ControllerName ReadControllerName(absl::string_view name, absl::string_view field,
                                  Violations* violations);
std::string NameOfController(absl::string_view collection, absl::string_view controller);
// A kept call, `collections/{collection}/audits/{id}`.
struct AuditName {
  std::string collection;
  Micros id = 0;
};
AuditName ReadAuditName(absl::string_view name, absl::string_view field, Violations* violations);
std::string NameOfAudit(absl::string_view collection, Micros id);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_RESOURCE_NAMES_H_
