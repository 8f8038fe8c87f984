// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_RECORD_READER_H_
#define NEGATRON_STORAGE_ROCKS_RECORD_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "storage/base/status.h"
#include "storage/rocks/bytes.h"
#include "storage/rocks/codec.h"

namespace negatron {

// Of collections, items, users, events, embeddings and their versions there are two.
inline constexpr uint8_t kVersion1 = 1;
inline constexpr uint8_t kVersion2 = 2;

// Collects what is wrong with one record while it is read.
//
// Thread-safety: thread-compatible.
class RecordReader {
 public:
  RecordReader(Family family, absl::string_view key, absl::string_view value,
               uint8_t last_version = kVersion1)
      : family_(family), whole_key_(key), key_(key), value_(value) {
    incarnation_ = key_.Big<int64_t>();
    version_ = value_.Little<uint8_t>();
    if (version_ < kVersion1 || version_ > last_version) {
      Fail(absl::StrCat("unknown record version ", static_cast<int>(version_)));
    }
  }

  ByteReader& key() { return key_; }
  ByteReader& value() { return value_; }
  int64_t incarnation() const { return incarnation_; }
  uint8_t version() const { return version_; }

  // An enumerator in [1, last].
  template <typename Enum>
  Enum Enumerator(Enum last, absl::string_view name) {
    const auto number = value_.Little<uint8_t>();
    if (number < 1 || number > static_cast<uint8_t>(last)) {
      Fail(absl::StrCat("unknown ", name, " ", static_cast<int>(number)));
    }
    return static_cast<Enum>(number);
  }

  uint8_t Flags(uint8_t known) {
    const auto flags = value_.Little<uint8_t>();
    if ((flags & ~known) != 0) Fail(absl::StrCat("unknown flags ", static_cast<int>(flags)));
    return flags;
  }

  void Fail(absl::string_view what) {
    if (problem_.empty()) problem_ = std::string(what);
  }

  absl::Status Finish() {
    if (!key_.AtEnd()) Fail("the key has a wrong length");
    if (!value_.AtEnd()) Fail("the value has a wrong length");
    if (problem_.empty()) return absl::OkStatus();
    return WithReason(
        absl::DataLossError(absl::StrCat("column family ", FamilyName(family_), ", key ",
                                         absl::BytesToHexString(whole_key_), ": ", problem_)),
        "DATABASE_DAMAGED");
  }

 private:
  const Family family_;
  const absl::string_view whole_key_;
  ByteReader key_;
  ByteReader value_;
  int64_t incarnation_ = 0;
  uint8_t version_ = 0;
  std::string problem_;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_RECORD_READER_H_
