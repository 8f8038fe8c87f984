// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_TOKENS_H_
#define NEGATRON_SERVER_RPC_TOKENS_H_

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace negatron {

// What a token may do. None includes another: a pipeline that only writes needs no `read`.
enum class Scope { kRead, kWrite, kAdmin };

absl::string_view ScopeName(Scope scope);

// What the server keeps of a bearer token: enough to recognise it, not enough to present it.
//
// A token is `ngt_{id}.{secret}`, its secret 32 bytes of libcrypto's generator in unpadded
// base64url. Kept is SHA-256(salt, token). A slow hash (scrypt, Argon2) makes guessing dear where
// people choose passwords; among 2^256 equally likely secrets nobody guesses, and it would cost
// every call milliseconds. The salt keeps equal tokens in two files from being seen to be equal.
struct TokenEntry {
  static constexpr size_t kSaltBytes = 16;
  static constexpr size_t kDigestBytes = 32;

  std::string id;  // 1 to 63 characters of `[a-z0-9-]`; may be logged.
  std::set<Scope> scopes;
  std::set<std::string, std::less<>> collections;  // Ids; empty: all.
  absl::Time expire_time = absl::InfiniteFuture();
  std::string salt;
  std::string digest;

  bool MayUse(absl::string_view collection) const {
    return collections.empty() || collections.contains(collection);
  }
};

// Draws a token for `entry->id`, and sets salt and digest. The result is the only copy.
std::string DrawToken(TokenEntry* entry);

// The line of a token file:
//
//   trainer read,write films,books 2027-01-01T00:00:00Z sha256:SALT:DIGEST
//
// with `*` for all collections and `never` without an end.
std::string FormatTokenEntry(const TokenEntry& entry);

// The parts of a line, as the command line gives them too. INVALID_ARGUMENT says what would be
// good.
absl::Status ReadTokenId(absl::string_view text, TokenEntry* entry);
absl::Status ReadScopes(absl::string_view text, TokenEntry* entry);
absl::Status ReadCollections(absl::string_view text, TokenEntry* entry);
absl::Status ReadExpireTime(absl::string_view text, TokenEntry* entry);

// Whether two byte strings are equal, in a time that depends on their sizes alone.
bool EqualInConstantTime(absl::string_view a, absl::string_view b);

// The entries of a token file.
//
// Thread-safety: immutable.
class TokenList {
 public:
  // Reads a token file: entries, empty lines, and lines that begin with `#`. INVALID_ARGUMENT names
  // each bad line by its number, and never quotes it; so does a file without entries, which would
  // lock everybody out and is most likely half written.
  static absl::StatusOr<TokenList> Parse(absl::string_view text);

  // The entry of a token, expired or not; null if there is none. Takes as long for an unknown id as
  // for a wrong secret.
  const TokenEntry* Recognise(absl::string_view token) const;

  // Null if there is none.
  const TokenEntry* Find(absl::string_view id) const;

  size_t size() const { return entries_.size(); }

 private:
  std::map<std::string, TokenEntry, std::less<>> entries_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_TOKENS_H_
