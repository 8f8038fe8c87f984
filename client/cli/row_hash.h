// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_ROW_HASH_H_
#define NEGATRON_CLIENT_CLI_ROW_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"

#include "client/cli/import_files.h"

namespace negatron::client {

// Names the rows of an import: equal for equal rows in equal chunks, whatever the file and its
// columns are called. FNV-1a with 128 bits (Fowler, Noll, Vo; draft-eastlake-fnv); resists no
// attack.
//
// Thread-safety: thread-compatible.
class RowHash {
 public:
  void Add(absl::string_view text);
  void Add(const EventChunk& chunk);

  // 32 hexadecimal digits.
  std::string Hex() const;

 private:
  void AddBytes(const void* data, size_t size);
  void AddNumber(int64_t number) { AddBytes(&number, sizeof(number)); }
  void AddIds(const IdSpan& ids);

  absl::uint128 hash_ = absl::MakeUint128(0x6C62272E07BB0142, 0x62B821756295C58D);
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_ROW_HASH_H_
