// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_ENGINE_AUDIT_CALLS_H_
#define NEGATRON_SERVER_ENGINE_AUDIT_CALLS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "server/engine/audit_codec.h"
#include "server/engine/collection.h"
#include "storage/model/audits.h"
#include "storage/rocks/store.h"

// What callers ask of the audit log and get.
namespace negatron {

// A kept call. Its record has no body.
struct KeptCall {
  AuditRecord record;
  AuditedCall call;
};

// Which kept calls are asked for.
struct AuditQuery {
  Micros newest = kNever;      // Kept at this time or before.
  Micros oldest = kAlways;     // Kept at this time or later.
  std::string policy_id = {};  // Empty: by any policy.
  int64_t policy_version = 0;  // 0: by any version of it.
  int limit = 100;             // At least 1.
};

struct AuditPage {
  std::vector<AuditRecord> records;  // Heads, the newest first.
  std::optional<Micros> next;        // From which the next page starts.
};

struct AuditReplay {
  std::optional<ColumnDifference> difference;  // Unset: all bytes are equal.
  SnapshotToken snapshot;
};

// A page of the kept calls of a collection. Looks at some thousand of them, so that it may be
// short.
absl::StatusOr<AuditPage> ListKeptCalls(const Store& store, int64_t incarnation,
                                        const AuditQuery& query);

// The call that was kept at a time, with the report of its policy. NOT_FOUND [AUDIT_NOT_FOUND].
absl::StatusOr<KeptCall> ReadKeptCall(const Store& store, const Snapshot& snapshot, Micros id);

// FAILED_PRECONDITION [AUDIT_STALE], with the fact `changed`, unless the snapshot and the
// arithmetic are those of the call.
absl::Status CheckCurrent(const KeptCall& kept, const Snapshot& snapshot);

}  // namespace negatron

#endif  // NEGATRON_SERVER_ENGINE_AUDIT_CALLS_H_
