// SPDX-License-Identifier: Apache-2.0
// Versions of stored policies.
#include <string>

#include "storage/rocks/bytes.h"
#include "storage/rocks/codec.h"
#include "storage/rocks/record_reader.h"

namespace negatron {
namespace {

constexpr uint8_t kDeleted = 1;
constexpr char kEndOfId = '\0';  // Below all characters of ids.

}  // namespace

void AppendPolicyKey(int64_t incarnation, absl::string_view policy_id, int64_t version,
                     std::string* out) {
  AppendBig(incarnation, out);
  out->append(policy_id.data(), policy_id.size());
  out->push_back(kEndOfId);
  AppendBig(version, out);
}

void AppendValue(const PolicyRecord& record, std::string* out) {
  AppendLittle(kVersion1, out);
  AppendLittle(record.commit_sequence, out);
  AppendLittle(record.create_time, out);
  AppendLittle(record.deleted ? kDeleted : uint8_t{0}, out);
  *out += record.recipe;
}

absl::Status Decode(absl::string_view key, absl::string_view value, PolicyRecord* record) {
  RecordReader reader(Family::kPolicies, key, value);
  const size_t rest = reader.key().remaining();
  constexpr size_t kEndBytes = 1 + sizeof(int64_t);
  record->policy_id = std::string(reader.key().Take(rest < kEndBytes ? 0 : rest - kEndBytes));
  if (record->policy_id.empty()) reader.Fail("an empty policy id");
  if (reader.key().Little<uint8_t>() != static_cast<uint8_t>(kEndOfId)) {
    reader.Fail("the policy id has no end");
  }
  record->version = reader.key().Big<int64_t>();
  if (record->version < 1) reader.Fail("a version below 1");
  record->commit_sequence = reader.value().Little<int64_t>();
  record->create_time = reader.value().Little<int64_t>();
  record->deleted = (reader.Flags(kDeleted) & kDeleted) != 0;
  record->recipe = std::string(reader.value().Take(reader.value().remaining()));
  if (record->recipe.empty() != record->deleted) {
    reader.Fail("a recipe without policy, or a policy without recipe");
  }
  return reader.Finish();
}

}  // namespace negatron
