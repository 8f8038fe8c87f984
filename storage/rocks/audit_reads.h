// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_AUDIT_READS_H_
#define NEGATRON_STORAGE_ROCKS_AUDIT_READS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "storage/model/audits.h"
#include "storage/rocks/database.h"

// Reads of the audit log, as the methods of Store of the same names.
//
// Thread-safety: thread-safe, while the database is there.
namespace negatron {

absl::StatusOr<std::optional<Micros>> ScanAuditPage(
    const Database& database, int64_t incarnation, Micros newest, int64_t limit,
    absl::FunctionRef<absl::Status(const AuditRecord&)> visit);

absl::StatusOr<AuditRecord> ReadAudit(const Database& database, int64_t incarnation, Micros time);

absl::StatusOr<std::vector<AuditErasureRecord>> ReadAuditErasures(const Database& database,
                                                                  int64_t incarnation);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_AUDIT_READS_H_
