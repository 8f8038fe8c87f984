// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_BATCH_H_
#define NEGATRON_STORAGE_ROCKS_BATCH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

#include "storage/rocks/codec.h"

namespace negatron {

// The mutations of a batch, one after the other in one string. Not RocksDB's
// own batch: that can only be filled while the database is open, and batches
// outlive a `Store::Recover()`.
//
// Thread-safety: thread-compatible.
class Mutations {
 public:
  enum class Kind : uint8_t { kPut = 1, kDelete = 2, kDeleteRange = 3 };

  // One mutation: a put of (key, value), a deletion of `key`, or one of
  // everything in [key, value).
  struct Mutation {
    Kind kind;
    Family family;
    absl::string_view key;
    absl::string_view value;
  };

  // Starts a mutation; then its key is appended to `bytes()`, `EndKey` called,
  // its value appended and `End` called.
  void Begin(Kind kind, Family family) {
    header_ = {kind, family, 0, 0};
    bytes_.resize(bytes_.size() + sizeof(Header));
    start_ = bytes_.size();
  }
  std::string* bytes() { return &bytes_; }
  void EndKey() { header_.key_bytes = static_cast<uint32_t>(bytes_.size() - start_); }
  void End() {
    header_.value_bytes = static_cast<uint32_t>(bytes_.size() - start_ - header_.key_bytes);
    std::memcpy(bytes_.data() + start_ - sizeof(Header), &header_, sizeof(Header));
  }

  // Calls visit(const Mutation&) for each, in order.
  template <typename Visit>
  void ForEach(Visit visit) const {
    absl::string_view rest(bytes_);
    while (!rest.empty()) {
      Header next;
      std::memcpy(&next, rest.data(), sizeof(next));
      rest.remove_prefix(sizeof(next));
      visit(Mutation{next.kind, next.family, rest.substr(0, next.key_bytes),
                     rest.substr(next.key_bytes, next.value_bytes)});
      rest.remove_prefix(size_t{next.key_bytes} + next.value_bytes);
    }
  }

  void SawIncarnation(int64_t incarnation) {
    highest_incarnation_ = std::max(highest_incarnation_, incarnation);
  }
  int64_t highest_incarnation() const { return highest_incarnation_; }  // Of collections put.

  size_t size_bytes() const { return bytes_.size(); }

  void Clear() {
    bytes_.clear();
    highest_incarnation_ = 0;
  }

 private:
  // Precedes the bytes of key and value.
  struct Header {
    Kind kind;
    Family family;
    uint32_t key_bytes;
    uint32_t value_bytes;
  };

  std::string bytes_;
  Header header_{};   // Of the mutation that was begun last,
  size_t start_ = 0;  // and where its key starts.
  int64_t highest_incarnation_ = 0;
};

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_BATCH_H_
