// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_MODEL_AUDITS_H_
#define NEGATRON_STORAGE_MODEL_AUDITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "storage/model/records.h"

// What the audit log keeps, as plain values.
namespace negatron {

// A sampling call that was kept.
struct AuditRecord {
  Micros time = 0;  // When it was kept, not negative; no other of the collection has it.
  bool candidates = false;
  int64_t row_count = 0;
  int negative_count = 0;
  // The state that it saw.
  int64_t commit_sequence = 0;
  int64_t generation = 0;
  std::string policy_id;  // Empty and 0: an inline one.
  int64_t policy_version = 0;
  uint64_t seed = 0;
  std::string kernel_id;
  int64_t body_bytes = 0;
  // Request and response, by server/engine/audit_codec.h; empty where heads alone are read.
  std::string body = {};
  bool shared = false;  // Of a shared block; neither this nor `candidates`: of rows.

  friend bool operator==(const AuditRecord&, const AuditRecord&) = default;
};

// Users whose audits are to be removed: written with their erasure, gone with the audits.
struct AuditErasureRecord {
  int64_t commit_sequence = 0;  // Of the erasure.
  // As they may be named by: `number` is an int64 id, or the dictionary number, -1 if there is
  // none, of `name`, which may be empty.
  std::vector<ExternalId> users;

  friend bool operator==(const AuditErasureRecord&, const AuditErasureRecord&) = default;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_MODEL_AUDITS_H_
