// SPDX-License-Identifier: Apache-2.0
#include "server/engine/audit_calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/engine/engine.h"
#include "server/engine/served_policy.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Heads that one page looks at: a scan holds up other readers of the disk.
constexpr int64_t kMaxLooks = 4096;

absl::Status Stale(absl::string_view changed, absl::string_view was, absl::string_view is) {
  const absl::Status status = WithReason(
      absl::FailedPreconditionError(absl::StrCat("what the call saw is no longer there: ", changed,
                                                 " was ", was, " and is ", is)),
      "AUDIT_STALE");
  return WithFact(status, "changed", changed);
}

}  // namespace

absl::StatusOr<AuditPage> ListKeptCalls(const Store& store, int64_t incarnation,
                                        const AuditQuery& query) {
  AuditPage page;
  std::optional<Micros> beyond;  // The first that does not belong to the page.
  const auto visit = [&](const AuditRecord& record) -> absl::Status {
    if (beyond.has_value() || record.time < query.oldest) return absl::OkStatus();
    if (!query.policy_id.empty() &&
        (record.policy_id != query.policy_id ||
         (query.policy_version != 0 && record.policy_version != query.policy_version))) {
      return absl::OkStatus();
    }
    if (page.records.size() < static_cast<size_t>(query.limit)) {
      page.records.push_back(record);
    } else {
      beyond = record.time;
    }
    return absl::OkStatus();
  };
  const int64_t looks = query.policy_id.empty() ? query.limit + 1 : kMaxLooks;
  NEGATRON_ASSIGN_OR_RETURN(page.next,
                            store.ScanAuditPage(incarnation, query.newest, looks, visit));
  if (beyond.has_value()) page.next = beyond;
  if (page.next.has_value() && *page.next < query.oldest) page.next.reset();
  return page;
}

absl::StatusOr<KeptCall> ReadKeptCall(const Store& store, const Snapshot& snapshot, Micros id) {
  absl::StatusOr<AuditRecord> record = store.ReadAudit(snapshot.settings->incarnation, id);
  if (record.status().code() == absl::StatusCode::kNotFound) {
    return WithReason(absl::NotFoundError(absl::StrCat("there is no audit ", id, " (any more)")),
                      "AUDIT_NOT_FOUND");
  }
  if (!record.ok()) return record.status();
  KeptCall kept;
  NEGATRON_ASSIGN_OR_RETURN(kept.call, DecodeAudit(record->body));
  record->body.clear();
  kept.record = *std::move(record);
  SampleResult& result = kept.call.result;
  // See SampleSharedBlock.
  const int64_t law_item_count = kept.record.shared ? 0 : kept.call.item_count;
  result.policy = ServedPolicy::Of(kept.call.request.plan, kept.call.request.progress.value_or(0),
                                   law_item_count, kept.record.candidates)
                      .report();
  result.policy.collection = snapshot.settings->id;
  result.policy.progress = kept.call.request.progress;
  result.policy.name = kept.record.policy_id;
  result.policy.version = kept.record.policy_version;
  result.snapshot = {snapshot.settings->incarnation, kept.record.commit_sequence,
                     kept.record.generation, kept.record.policy_version};
  result.default_as_of = kept.call.request.default_as_of.value_or(0);
  result.staleness_as_of = kept.call.request.staleness_as_of.value_or(0);
  return kept;
}

absl::Status CheckCurrent(const KeptCall& kept, const Snapshot& snapshot) {
  const AuditRecord& record = kept.record;
  const SnapshotToken token = snapshot.token();
  const auto check = [](absl::string_view name, int64_t was, int64_t is) {
    return was == is ? absl::OkStatus() : Stale(name, absl::StrCat(was), absl::StrCat(is));
  };
  NEGATRON_RETURN_IF_ERROR(check("commit_sequence", record.commit_sequence, token.commit_sequence));
  NEGATRON_RETURN_IF_ERROR(check("index_generation", record.generation, token.generation));
  if (record.kernel_id != KernelId()) return Stale("kernel_id", record.kernel_id, KernelId());
  if (record.policy_id.empty()) return absl::OkStatus();
  // Built-in policies are of the server, not of the collection.
  const auto stored = snapshot.policies->Find(record.policy_id, record.policy_version);
  if (stored.ok() && (*stored)->plan == *kept.call.request.plan) return absl::OkStatus();
  return Stale("policy_version", absl::StrCat(record.policy_version), "another policy");
}

}  // namespace negatron
