// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_POLICY_TABLE_H_
#define NEGATRON_SERVER_ENGINE_POLICY_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/sampling/policy_plan.h"
#include "storage/model/records.h"

namespace negatron {

// A version of a stored policy.
struct StoredPolicy {
  std::string id;
  int64_t version = 1;
  bool built_in = false;
  Micros create_time = 0;  // 0: built in.
  PolicyPlan plan;         // Without problem (CheckPlan).
};
using StoredPolicyPointer = std::shared_ptr<const StoredPolicy>;

// The policies that are part of the server; see PolicyService for what they are, and why.
const std::vector<StoredPolicyPointer>& BuiltInPolicies();

// The policies of a collection, also those built in. Copies share the policies.
//
// Thread-safety: thread-compatible; immutable once it is in a snapshot.
class PolicyTable {
 public:
  PolicyTable();

  // The version, or the latest for 0. NOT_FOUND [POLICY_NOT_FOUND].
  absl::StatusOr<StoredPolicyPointer> Find(absl::string_view id, int64_t version) const;

  // Latest versions of policies with an id greater than `after`, at most `limit`, by id.
  std::vector<StoredPolicyPointer> List(absl::string_view after, int limit) const;
  // Versions of a policy below `below`, at most `limit`, the latest first.
  std::vector<StoredPolicyPointer> Versions(absl::string_view id, int64_t below, int limit) const;

  // The latest version; 0: there is none. Of a policy that was deleted, the last one that was.
  int64_t LatestVersion(absl::string_view id) const;
  int64_t LastVersion(absl::string_view id) const;

  // OK if a policy of this id may be changed, where `expected_version` (-1: any) is to be the
  // latest. FAILED_PRECONDITION [POLICY_BUILT_IN], ABORTED [POLICY_VERSION_MISMATCH].
  absl::Status CheckChange(absl::string_view id, int64_t expected_version) const;
  // OK if there is room for one more version. RESOURCE_EXHAUSTED [COLLECTION_FULL].
  absl::Status CheckRoom(absl::string_view id) const;

  // Takes a record, in order of versions. DATA_LOSS if its recipe cannot be read.
  absl::Status Add(const PolicyRecord& record);

 private:
  struct Line {
    std::map<int64_t, StoredPolicyPointer> versions;  // Empty: deleted.
    int64_t last_version = 0;
  };

  std::map<std::string, Line, std::less<>> lines_;
  int policy_count_ = 0;  // Not built in.
  int version_count_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_POLICY_TABLE_H_
