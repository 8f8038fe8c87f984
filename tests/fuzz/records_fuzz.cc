// SPDX-License-Identifier: Apache-2.0
// Any bytes must decode to an error or to a record whose bytes they are; those
// of an earlier version, to a record that stays the same when it is written.
//
// Input: one byte for the kind of record, one for the length of the key, the
// key, the value.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"

#include "storage/rocks/codec.h"
#include "storage/rocks/receipt.h"

namespace negatron {
namespace {

int64_t IncarnationOf(absl::string_view key) {
  uint64_t bits = 0;
  for (const char byte : key.substr(0, 8)) bits = bits << 8 | static_cast<unsigned char>(byte);
  return static_cast<int64_t>(bits);
}

void AppendKey(int64_t incarnation, const CollectionRecord&, std::string* out) {
  AppendIncarnationKey(incarnation, out);
}
void AppendKey(int64_t incarnation, const ItemRecord& record, std::string* out) {
  AppendOrdinalKey(incarnation, record.ordinal, out);
}
void AppendKey(int64_t incarnation, const UserRecord& record, std::string* out) {
  AppendOrdinalKey(incarnation, record.ordinal, out);
}
void AppendKey(int64_t incarnation, const EventRecord& record, std::string* out) {
  AppendEventKey(incarnation, PositionOf(record), out);
}
void AppendKey(int64_t incarnation, const EmbeddingRecord& record, std::string* out) {
  AppendOrdinalKey(incarnation, record.ordinal, out);
}
void AppendKey(int64_t incarnation, const RequestRecord& record, std::string* out) {
  AppendRequestKey(incarnation, record.request_id, out);
}

void AppendKey(int64_t incarnation, const StreamRecord& record, std::string* out) {
  AppendStreamKey(incarnation, record.stream_id, out);
}

void AppendKey(int64_t incarnation, const EmbeddingVersionRecord& record, std::string* out) {
  AppendVersionKey(incarnation, record.model_version, out);
}

void AppendKey(int64_t incarnation, const PolicyRecord& record, std::string* out) {
  AppendPolicyKey(incarnation, record.policy_id, record.version, out);
}

void AppendKey(int64_t incarnation, const ControllerRecord& record, std::string* out) {
  AppendControllerKey(incarnation, record.controller_id, out);
}

void AppendBytes(const EmbeddingRecord& record, std::string* out) {
  AppendEmbeddingValue(record.vector, record.commit_sequence, record.stamp, out);
}
template <typename Record>
void AppendBytes(const Record& record, std::string* out) {
  AppendValue(record, out);
}

template <typename Record>
void Check(absl::string_view key, absl::string_view value) {
  Record record;
  if (!Decode(key, value, &record).ok()) return;
  std::string key_again;
  std::string value_again;
  AppendKey(IncarnationOf(key), record, &key_again);
  AppendBytes(record, &value_again);
  if (key_again != key) std::abort();
  if (value_again == value) return;
  // A version that is read, but not written any more.
  if (value_again.size() < 1 || value.front() == value_again.front()) std::abort();
  if (!Decode(key, value_again, &record).ok()) std::abort();
  std::string value_then;
  AppendBytes(record, &value_then);
  if (value_then != value_again) std::abort();
}

}  // namespace
}  // namespace negatron

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace negatron;  // NOLINT
  if (size < 2) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const absl::string_view key = bytes.substr(0, data[1]);
  const absl::string_view value = bytes.substr(key.size());
  switch (data[0]) {
    case 1:
      Check<CollectionRecord>(key, value);
      break;
    case 2:
      Check<ItemRecord>(key, value);
      break;
    case 3:
      Check<UserRecord>(key, value);
      break;
    case 4:
      Check<EventRecord>(key, value);
      break;
    case 5:
      Check<EmbeddingRecord>(key, value);
      break;
    case 6:
      Check<RequestRecord>(key, value);
      break;
    case 8:
      Check<StreamRecord>(key, value);
      break;
    case 9:
      Check<EmbeddingVersionRecord>(key, value);
      break;
    case 11:
      Check<PolicyRecord>(key, value);
      break;
    case 12:
      Check<ControllerRecord>(key, value);
      break;
    case 7:
      DecodeReceipt(bytes).status().IgnoreError();
      break;
    default:
      break;
  }
  return 0;
}
