// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/page_tokens.h"

#include <cstring>

#include "absl/strings/escaping.h"

#include "storage/base/fingerprint.h"

namespace negatron {
namespace {

constexpr char kVersion = 1;
constexpr char kEvents = 'e';
constexpr size_t kEventBytes = 4 * sizeof(int64_t) + sizeof(uint32_t);
constexpr char kAudits = 'a';
constexpr size_t kHeadBytes = 2;
constexpr size_t kChecksumBytes = 4;

template <typename T>
void AppendValue(T value, std::string* out) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

template <typename T>
T ReadValue(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

std::string Seal(char kind, const std::string& body) {
  std::string bytes{kVersion, kind};
  bytes += body;
  AppendValue(static_cast<uint32_t>(Fingerprint(bytes.data(), bytes.size())), &bytes);
  return absl::WebSafeBase64Escape(bytes);
}

std::optional<std::string> Unseal(char kind, absl::string_view token) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(token, &bytes)) return std::nullopt;
  if (bytes.size() < kHeadBytes + kChecksumBytes) return std::nullopt;
  if (bytes[0] != kVersion || bytes[1] != kind) return std::nullopt;
  const size_t sealed = bytes.size() - kChecksumBytes;
  if (ReadValue<uint32_t>(bytes.data() + sealed) !=
      static_cast<uint32_t>(Fingerprint(bytes.data(), sealed))) {
    return std::nullopt;
  }
  return bytes.substr(kHeadBytes, sealed - kHeadBytes);
}

}  // namespace

std::string NamePageToken(NamePageKind kind, absl::string_view last) {
  return Seal(static_cast<char>(kind), std::string(last));
}

std::optional<std::string> ReadNamePageToken(NamePageKind kind, absl::string_view token) {
  return Unseal(static_cast<char>(kind), token);
}

std::string AuditPageToken(const AuditPlace& place) {
  std::string body;
  AppendValue(place.incarnation, &body);
  AppendValue(place.newest, &body);
  return Seal(kAudits, body);
}

std::optional<AuditPlace> ReadAuditPageToken(absl::string_view token) {
  const std::optional<std::string> body = Unseal(kAudits, token);
  if (!body.has_value() || body->size() != 2 * sizeof(int64_t)) return std::nullopt;
  return AuditPlace{ReadValue<int64_t>(body->data()),
                    ReadValue<int64_t>(body->data() + sizeof(int64_t))};
}

std::string OrdinalPageToken(PageKind kind, const OrdinalPage& page) {
  std::string body;
  AppendValue(page.incarnation, &body);
  AppendValue(page.first, &body);
  return Seal(static_cast<char>(kind), body);
}

std::optional<OrdinalPage> ReadOrdinalPageToken(PageKind kind, absl::string_view token) {
  const std::optional<std::string> body = Unseal(static_cast<char>(kind), token);
  if (!body.has_value() || body->size() != sizeof(int64_t) + sizeof(uint32_t)) {
    return std::nullopt;
  }
  return OrdinalPage{ReadValue<int64_t>(body->data()),
                     ReadValue<uint32_t>(body->data() + sizeof(int64_t))};
}

std::string EventPageToken(const EventPage& page) {
  std::string body;
  AppendValue(page.incarnation, &body);
  AppendValue(page.last_sequence, &body);
  AppendValue(page.first.time, &body);
  AppendValue(page.first.commit_sequence, &body);
  AppendValue(page.first.row, &body);
  return Seal(kEvents, body);
}

std::optional<EventPage> ReadEventPageToken(absl::string_view token) {
  const std::optional<std::string> body = Unseal(kEvents, token);
  if (!body.has_value() || body->size() != kEventBytes) return std::nullopt;
  const auto number = [&](size_t i) {
    return ReadValue<int64_t>(body->data() + i * sizeof(int64_t));
  };
  return EventPage{number(0),
                   number(1),
                   {number(2), number(3), ReadValue<uint32_t>(body->data() + 4 * sizeof(int64_t))}};
}

}  // namespace negatron
