// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/audit_reads.h"

#include <string>
#include <utility>

#include "storage/base/status.h"
#include "storage/rocks/codec.h"

namespace negatron {

absl::StatusOr<std::optional<Micros>> ScanAuditPage(
    const Database& database, int64_t incarnation, Micros newest, int64_t limit,
    absl::FunctionRef<absl::Status(const AuditRecord&)> visit) {
  std::string prefix, first;
  AppendAuditPrefix(incarnation, AuditPart::kHead, &prefix);
  AppendAuditKey(incarnation, AuditPart::kHead, newest, &first);
  std::optional<Micros> next;
  AuditRecord record;
  const absl::Status status = database.Scan(
      Family::kAudits, prefix, first, [&](absl::string_view key, absl::string_view value) {
        NEGATRON_RETURN_IF_ERROR(Decode(key, value, &record));
        if (limit-- > 0) return visit(record);
        next = record.time;
        return absl::OutOfRangeError("the page is full");  // Ends the scan.
      });
  if (!status.ok() && !next.has_value()) return status;
  return next;
}

absl::StatusOr<AuditRecord> ReadAudit(const Database& database, int64_t incarnation, Micros time) {
  std::string head, body;
  AppendAuditKey(incarnation, AuditPart::kHead, time, &head);
  AppendAuditKey(incarnation, AuditPart::kBody, time, &body);
  AuditRecord record;
  std::string bytes;
  int found = 0;
  NEGATRON_RETURN_IF_ERROR(
      database.Scan(Family::kAudits, head, [&](absl::string_view key, absl::string_view value) {
        ++found;
        return Decode(key, value, &record);
      }));
  NEGATRON_RETURN_IF_ERROR(
      database.Scan(Family::kAudits, body, [&](absl::string_view key, absl::string_view value) {
        ++found;
        return DecodeAuditBody(key, value, &bytes);
      }));
  // A deletion may have come between the two.
  if (found < 2) return absl::NotFoundError("there is no audit of this time");
  record.body = std::move(bytes);
  return record;
}

absl::StatusOr<std::vector<AuditErasureRecord>> ReadAuditErasures(const Database& database,
                                                                  int64_t incarnation) {
  std::string prefix;
  AppendAuditPrefix(incarnation, AuditPart::kErasure, &prefix);
  std::vector<AuditErasureRecord> erasures;
  NEGATRON_RETURN_IF_ERROR(
      database.Scan(Family::kAudits, prefix, [&](absl::string_view key, absl::string_view value) {
        return Decode(key, value, &erasures.emplace_back());
      }));
  return erasures;
}

}  // namespace negatron
