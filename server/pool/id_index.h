// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_ID_INDEX_H_
#define NEGATRON_SERVER_POOL_ID_INDEX_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"

#include "server/pool/growing_array.h"
#include "storage/model/records.h"

namespace negatron {

// Maps external ids to ordinals and back. Copies are snapshots, as for
// GrowingArray: the newest copy may be appended to by one thread while other
// threads read older ones, without locks.
//
// A hash table with linear probing holds ordinals only; the ids themselves tell
// which one is meant. A reader passes over ordinals beyond its own size, so
// what was added after its snapshot does not exist for it.
//
// Thread-safety: thread-compatible; snapshots are immutable.
class IdIndex {
 public:
  explicit IdIndex(IdType type) : type_(type) {}

  IdType type() const { return type_; }
  uint32_t size() const;

  // Ordinal of an id, or kNoOrdinal. The form must fit the type.
  Ordinal Find(int64_t number) const;
  Ordinal Find(std::string_view name) const;
  Ordinal Find(const ExternalId& id) const;

  // The id of an ordinal below size(). A number for int64 ids.
  int64_t NumberAt(Ordinal ordinal) const { return numbers_[ordinal]; }
  // Fetches what NumberAt reads.
  void PrefetchNumber(Ordinal ordinal) const { __builtin_prefetch(numbers_.data() + ordinal); }
  std::string_view NameAt(Ordinal ordinal) const { return names_[ordinal]; }
  ExternalId IdAt(Ordinal ordinal) const;

  // Adds an id that is not there; returns its ordinal, the old size().
  Ordinal Append(const ExternalId& id);

  // Makes `ordinal` one that no id leads to. Older snapshots keep it.
  void Unlink(Ordinal ordinal);
  bool IsLinked(Ordinal ordinal) const {
    return unlinked_ == nullptr || !unlinked_->contains(ordinal);
  }

  int64_t bytes() const;

 private:
  // Stable storage of names; grows in blocks.
  class Arena;

  // Shared by copies until it has to grow.
  struct Table {
    std::unique_ptr<std::atomic<Ordinal>[]> slots;  // kNoOrdinal: free.
    uint64_t mask;                                  // Number of slots - 1.
    // By the writer, also of copies that were given up: those ids stay behind.
    uint64_t used = 0;
  };

  uint64_t HashAt(Ordinal ordinal) const;
  bool Matches(Ordinal ordinal, int64_t number) const { return numbers_[ordinal] == number; }
  bool Matches(Ordinal ordinal, std::string_view name) const { return names_[ordinal] == name; }
  template <typename Id>
  Ordinal Probe(uint64_t hash, Id id) const;
  void Insert(Ordinal ordinal);
  void GrowTable();

  IdType type_;
  GrowingArray<int64_t> numbers_;         // For int64 ids.
  GrowingArray<std::string_view> names_;  // For string ids; into the arena.
  std::shared_ptr<Arena> arena_;
  std::shared_ptr<Table> table_;
  std::shared_ptr<const absl::flat_hash_set<Ordinal>> unlinked_;  // Null: none.
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_ID_INDEX_H_
