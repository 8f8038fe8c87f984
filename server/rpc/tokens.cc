// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/tokens.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "storage/base/status.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

constexpr absl::string_view kTokenPrefix = "ngt_";
constexpr absl::string_view kHashPrefix = "sha256:";
constexpr size_t kSecretBytes = 32;
constexpr size_t kSecretCharacters = 43;  // Of the secret in unpadded base64url.
constexpr Scope kScopes[] = {Scope::kRead, Scope::kWrite, Scope::kAdmin};

// More of them seldom tell more.
constexpr int kMaxBadLines = 20;

// Without entropy there is no token to give, and nothing that could be done instead.
std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    std::abort();
  }
  return bytes;
}

std::string Digest(absl::string_view salt, absl::string_view token) {
  const std::string input = absl::StrCat(salt, token);
  std::string digest(TokenEntry::kDigestBytes, '\0');
  unsigned int size = 0;
  if (EVP_Digest(input.data(), input.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                 EVP_sha256(), nullptr) != 1 ||
      size != digest.size()) {
    std::abort();  // SHA-256 with valid arguments fails only without memory.
  }
  return digest;
}

// The id in a token, or an empty text if it is none. A secret of another form than DrawToken's,
// such as a word that somebody chose, is refused whatever its digest.
absl::string_view IdOfToken(absl::string_view token) {
  if (!absl::ConsumePrefix(&token, kTokenPrefix)) return {};
  const size_t dot = token.find('.');
  if (dot == absl::string_view::npos) return {};
  const absl::string_view secret = token.substr(dot + 1);
  const bool good =
      secret.size() == kSecretCharacters && std::all_of(secret.begin(), secret.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '-' || c == '_';
      });
  return good ? token.substr(0, dot) : absl::string_view();
}

absl::Status ReadHash(absl::string_view text, TokenEntry* entry) {
  absl::Status bad = absl::InvalidArgumentError(
      "the hash must be sha256:SALT:DIGEST, as `token create` writes it");
  if (!absl::ConsumePrefix(&text, kHashPrefix)) return bad;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() != 2 || !absl::WebSafeBase64Unescape(parts[0], &entry->salt) ||
      !absl::WebSafeBase64Unescape(parts[1], &entry->digest) ||
      entry->salt.size() != TokenEntry::kSaltBytes ||
      entry->digest.size() != TokenEntry::kDigestBytes) {
    return bad;
  }
  return absl::OkStatus();
}

absl::StatusOr<TokenEntry> ReadEntry(absl::string_view line) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (fields.size() != 5) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has ", fields.size(), " fields, not the five ID SCOPES COLLECTIONS EXPIRES HASH"));
  }
  TokenEntry entry;
  NEGATRON_RETURN_IF_ERROR(ReadTokenId(fields[0], &entry));
  NEGATRON_RETURN_IF_ERROR(ReadScopes(fields[1], &entry));
  NEGATRON_RETURN_IF_ERROR(ReadCollections(fields[2], &entry));
  NEGATRON_RETURN_IF_ERROR(ReadExpireTime(fields[3], &entry));
  NEGATRON_RETURN_IF_ERROR(ReadHash(fields[4], &entry));
  return entry;
}

}  // namespace

absl::string_view ScopeName(Scope scope) {
  switch (scope) {
    case Scope::kRead:
      return "read";
    case Scope::kWrite:
      return "write";
    case Scope::kAdmin:
      break;
  }
  return "admin";
}

std::string DrawToken(TokenEntry* entry) {
  std::string token = absl::StrCat(kTokenPrefix, entry->id, ".",
                                   absl::WebSafeBase64Escape(RandomBytes(kSecretBytes)));
  entry->salt = RandomBytes(TokenEntry::kSaltBytes);
  entry->digest = Digest(entry->salt, token);
  return token;
}

std::string FormatTokenEntry(const TokenEntry& entry) {
  const std::string scopes = absl::StrJoin(entry.scopes, ",", [](std::string* out, Scope scope) {
    absl::StrAppend(out, ScopeName(scope));
  });
  const std::string collections =
      entry.collections.empty() ? "*" : absl::StrJoin(entry.collections, ",");
  const std::string expire_time =
      entry.expire_time == absl::InfiniteFuture()
          ? "never"
          : absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", entry.expire_time, absl::UTCTimeZone());
  return absl::StrCat(entry.id, " ", scopes, " ", collections, " ", expire_time, " ", kHashPrefix,
                      absl::WebSafeBase64Escape(entry.salt), ":",
                      absl::WebSafeBase64Escape(entry.digest));
}

absl::Status ReadTokenId(absl::string_view text, TokenEntry* entry) {
  // The rule of collections: the id stands in logs and in the token itself.
  if (const absl::string_view problem = CollectionIdProblem(text); !problem.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the id ", problem));
  }
  entry->id = std::string(text);
  return absl::OkStatus();
}

absl::Status ReadScopes(absl::string_view text, TokenEntry* entry) {
  for (const absl::string_view name : absl::StrSplit(text, ',')) {
    const auto* const scope = std::find_if(std::begin(kScopes), std::end(kScopes),
                                           [&](Scope s) { return ScopeName(s) == name; });
    if (scope == std::end(kScopes) || !entry->scopes.insert(*scope).second) {
      return absl::InvalidArgumentError(
          "scopes must be some of read, write and admin, each once, with commas between");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadCollections(absl::string_view text, TokenEntry* entry) {
  if (text == "*") return absl::OkStatus();
  for (const absl::string_view id : absl::StrSplit(text, ',')) {
    if (!CollectionIdProblem(id).empty() || !entry->collections.emplace(id).second) {
      return absl::InvalidArgumentError(
          "collections must be ids of collections, each once, with commas between, or * for all");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadExpireTime(absl::string_view text, TokenEntry* entry) {
  if (text == "never") return absl::OkStatus();
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &entry->expire_time, &error) ||
      entry->expire_time == absl::InfiniteFuture()) {
    return absl::InvalidArgumentError(
        "the time of expiry must be as 2027-01-01T00:00:00Z (RFC 3339), or never");
  }
  return absl::OkStatus();
}

bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

absl::StatusOr<TokenList> TokenList::Parse(absl::string_view text) {
  TokenList list;
  std::vector<std::string> problems;
  int number = 0;
  for (const absl::string_view raw : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (line.empty() || line[0] == '#') continue;
    absl::StatusOr<TokenEntry> entry = ReadEntry(line);
    if (!entry.ok()) {
      problems.push_back(absl::StrCat("line ", number, ": ", entry.status().message()));
      continue;
    }
    std::string id = entry->id;
    if (!list.entries_.emplace(std::move(id), *std::move(entry)).second) {
      problems.push_back(absl::StrCat("line ", number, ": an earlier line has the same id"));
    }
  }
  if (problems.size() > kMaxBadLines) {
    const size_t more = problems.size() - kMaxBadLines;
    problems.resize(kMaxBadLines);
    problems.push_back(absl::StrCat("and ", more, " more lines"));
  }
  if (problems.empty() && list.entries_.empty()) problems.emplace_back("there is no entry");
  if (!problems.empty()) return absl::InvalidArgumentError(absl::StrJoin(problems, "; "));
  return list;
}

const TokenEntry* TokenList::Recognise(absl::string_view token) const {
  static const TokenEntry* const nobody = [] {
    auto* entry = new TokenEntry;
    entry->id = "nobody";
    DrawToken(entry);
    return entry;
  }();
  const TokenEntry* const found = Find(IdOfToken(token));
  const TokenEntry& entry = found != nullptr ? *found : *nobody;
  const bool equal = EqualInConstantTime(Digest(entry.salt, token), entry.digest);
  return equal ? found : nullptr;
}

const TokenEntry* TokenList::Find(absl::string_view id) const {
  const auto position = entries_.find(id);
  return position == entries_.end() ? nullptr : &position->second;
}

}  // namespace negatron
