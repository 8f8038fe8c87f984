// SPDX-License-Identifier: Apache-2.0
// The audit log: three kinds of records in one family.
#include <limits>
#include <string>

#include "storage/rocks/bytes.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/record_reader.h"

namespace negatron {
namespace {

constexpr uint8_t kCandidates = 1;
constexpr uint8_t kShared = 2;

// The newest first.
int64_t Descending(Micros time) { return std::numeric_limits<int64_t>::max() - time; }

}  // namespace

void AppendAuditPrefix(int64_t incarnation, AuditPart part, std::string* out) {
  AppendBig(incarnation, out);
  AppendBig(static_cast<uint8_t>(part), out);
}

void AppendAuditKey(int64_t incarnation, AuditPart part, Micros time, std::string* out) {
  AppendAuditPrefix(incarnation, part, out);
  AppendBig(Descending(time), out);
}

void AppendAuditErasureKey(int64_t incarnation, int64_t commit_sequence, std::string* out) {
  AppendAuditPrefix(incarnation, AuditPart::kErasure, out);
  AppendBig(commit_sequence, out);
}

void AppendValue(const AuditRecord& record, std::string* out) {
  AppendLittle(kVersion1, out);
  const int flags = (record.candidates ? kCandidates : 0) | (record.shared ? kShared : 0);
  AppendLittle(static_cast<uint8_t>(flags), out);
  AppendLittle(record.row_count, out);
  AppendLittle(static_cast<uint32_t>(record.negative_count), out);
  AppendLittle(record.commit_sequence, out);
  AppendLittle(record.generation, out);
  AppendLittle(record.policy_version, out);
  AppendLittle(record.seed, out);
  AppendLittle(record.body_bytes, out);
  AppendText(record.policy_id, out);
  AppendText(record.kernel_id, out);
}

absl::Status Decode(absl::string_view key, absl::string_view value, AuditRecord* record) {
  RecordReader reader(Family::kAudits, key, value);
  if (reader.key().Big<uint8_t>() != static_cast<uint8_t>(AuditPart::kHead)) {
    reader.Fail("not the head of an audit");
  }
  record->time = Descending(reader.key().Big<int64_t>());
  const uint8_t flags = reader.Flags(kCandidates | kShared);
  record->candidates = (flags & kCandidates) != 0;
  record->shared = (flags & kShared) != 0;
  record->row_count = reader.value().Little<int64_t>();
  record->negative_count = static_cast<int>(reader.value().Little<uint32_t>());
  record->commit_sequence = reader.value().Little<int64_t>();
  record->generation = reader.value().Little<int64_t>();
  record->policy_version = reader.value().Little<int64_t>();
  record->seed = reader.value().Little<uint64_t>();
  record->body_bytes = reader.value().Little<int64_t>();
  record->policy_id = reader.value().Text();
  record->kernel_id = reader.value().Text();
  record->body.clear();
  return reader.Finish();
}

void AppendAuditBody(const AuditRecord& record, std::string* out) {
  AppendLittle(kVersion1, out);
  *out += record.body;
}

absl::Status DecodeAuditBody(absl::string_view key, absl::string_view value, std::string* body) {
  RecordReader reader(Family::kAudits, key, value);
  if (reader.key().Big<uint8_t>() != static_cast<uint8_t>(AuditPart::kBody)) {
    reader.Fail("not the body of an audit");
  }
  reader.key().Big<int64_t>();
  *body = std::string(reader.value().Take(reader.value().remaining()));
  return reader.Finish();
}

void AppendValue(const AuditErasureRecord& record, std::string* out) {
  AppendLittle(kVersion1, out);
  AppendLittle(static_cast<uint32_t>(record.users.size()), out);
  for (const ExternalId& user : record.users) {
    AppendLittle(user.number, out);
    AppendText(user.name, out);
  }
}

absl::Status Decode(absl::string_view key, absl::string_view value, AuditErasureRecord* record) {
  RecordReader reader(Family::kAudits, key, value);
  if (reader.key().Big<uint8_t>() != static_cast<uint8_t>(AuditPart::kErasure)) {
    reader.Fail("not an erasure of audits");
  }
  record->commit_sequence = reader.key().Big<int64_t>();
  record->users.clear();
  const auto count = reader.value().Little<uint32_t>();
  for (uint32_t i = 0; i < count && reader.value().remaining() > 0; ++i) {
    const auto number = reader.value().Little<int64_t>();
    record->users.push_back({number, reader.value().Text()});
  }
  if (record->users.size() != count) reader.Fail("users are missing");
  return reader.Finish();
}

}  // namespace negatron
