// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_PAGE_TOKENS_H_
#define NEGATRON_SERVER_RPC_PAGE_TOKENS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "server/engine/event_listing.h"

// Page tokens: opaque to callers, URL-safe base64 of a version, a kind, what the next page needs
// and a checksum, so that a token of another method, of a later version, or a damaged one is told
// apart from a good one. They are not secrets.
namespace negatron {

// Where the next page of what is listed by name starts: after this id, or this version.
enum class NamePageKind : char {
  kCollections = 'c',
  kPolicies = 'p',
  kVersions = 'v',
  kControllers = 'o',
  kBackups = 'b',
};
std::string NamePageToken(NamePageKind kind, absl::string_view last);
// The id, or nothing if the token is none of `NamePageToken` with this kind.
std::optional<std::string> ReadNamePageToken(NamePageKind kind, absl::string_view token);

// Where the next page of `ListItems` or `ListUsers` starts.
enum class PageKind : char { kItems = 'i', kUsers = 'u' };
struct OrdinalPage {
  int64_t incarnation = 0;  // Of the collection that the first page came from.
  uint32_t first = 0;       // Ordinal.
};
std::string OrdinalPageToken(PageKind kind, const OrdinalPage& page);
std::optional<OrdinalPage> ReadOrdinalPageToken(PageKind kind, absl::string_view token);

// Where the next page of `ListEvents` starts.
std::string EventPageToken(const EventPage& page);
std::optional<EventPage> ReadEventPageToken(absl::string_view token);
// Where the next page of `ListAudits` starts.
struct AuditPlace {
  int64_t incarnation = 0;  // Of the collection that the first page came from.
  int64_t newest = 0;
};
std::string AuditPageToken(const AuditPlace& place);
std::optional<AuditPlace> ReadAuditPageToken(absl::string_view token);

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_PAGE_TOKENS_H_
