// SPDX-License-Identifier: Apache-2.0
#include "server/pool/id_index.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "storage/base/fingerprint.h"
#include "storage/base/philox.h"

namespace negatron {
namespace {

uint64_t HashOf(int64_t number) { return MixHash(0, static_cast<uint64_t>(number)); }
uint64_t HashOf(std::string_view name) { return Fingerprint(name); }

}  // namespace

class IdIndex::Arena {
 public:
  std::string_view Copy(std::string_view name) {
    if (blocks_.empty() || used_ + name.size() > kBlockBytes) {
      blocks_.push_back(std::make_unique<char[]>(kBlockBytes));
      used_ = 0;
    }
    char* const start = blocks_.back().get() + used_;
    std::memcpy(start, name.data(), name.size());
    used_ += name.size();
    return {start, name.size()};
  }

  int64_t bytes() const { return static_cast<int64_t>(blocks_.size() * kBlockBytes); }

 private:
  static constexpr size_t kBlockBytes = 64 << 10;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t used_ = 0;
};

uint32_t IdIndex::size() const { return type_ == IdType::kInt64 ? numbers_.size() : names_.size(); }

template <typename Id>
Ordinal IdIndex::Probe(uint64_t hash, Id id) const {
  if (table_ == nullptr) return kNoOrdinal;
  const uint32_t count = size();
  for (uint64_t slot = hash & table_->mask;; slot = (slot + 1) & table_->mask) {
    const Ordinal ordinal = table_->slots[slot].load(std::memory_order_acquire);
    if (ordinal == kNoOrdinal) return kNoOrdinal;
    if (ordinal < count && Matches(ordinal, id)) return ordinal;
  }
}

Ordinal IdIndex::Find(int64_t number) const { return Probe(HashOf(number), number); }

Ordinal IdIndex::Find(std::string_view name) const { return Probe(HashOf(name), name); }

Ordinal IdIndex::Find(const ExternalId& id) const {
  return type_ == IdType::kInt64 ? Find(id.number) : Find(std::string_view(id.name));
}

ExternalId IdIndex::IdAt(Ordinal ordinal) const {
  if (type_ == IdType::kInt64) return {numbers_[ordinal], {}};
  return {0, std::string(names_[ordinal])};
}

uint64_t IdIndex::HashAt(Ordinal ordinal) const {
  return type_ == IdType::kInt64 ? HashOf(numbers_[ordinal]) : HashOf(names_[ordinal]);
}

Ordinal IdIndex::Append(const ExternalId& id) {
  const Ordinal ordinal = size();
  if (type_ == IdType::kInt64) {
    numbers_.Append(id.number);
  } else {
    if (arena_ == nullptr) arena_ = std::make_shared<Arena>();
    names_.Append(arena_->Copy(id.name));
  }
  if (table_ == nullptr || (table_->used + 1) * 3 > (table_->mask + 1) * 2) {
    GrowTable();
  } else {
    Insert(ordinal);
  }
  return ordinal;
}

void IdIndex::Insert(Ordinal ordinal) {
  uint64_t slot = HashAt(ordinal) & table_->mask;
  while (table_->slots[slot].load(std::memory_order_relaxed) != kNoOrdinal) {
    slot = (slot + 1) & table_->mask;
  }
  table_->slots[slot].store(ordinal, std::memory_order_release);
  ++table_->used;
}

// Readers of older snapshots keep the old table.
void IdIndex::GrowTable() {
  uint64_t slots = 32;
  while (uint64_t{size()} * 2 > slots) slots *= 2;
  slots *= 2;
  table_ =
      std::make_shared<Table>(Table{std::make_unique<std::atomic<Ordinal>[]>(slots), slots - 1, 0});
  for (uint64_t i = 0; i < slots; ++i) {
    table_->slots[i].store(kNoOrdinal, std::memory_order_relaxed);
  }
  for (Ordinal ordinal = 0; ordinal < size(); ++ordinal) {
    if (IsLinked(ordinal)) Insert(ordinal);
  }
}

void IdIndex::Unlink(Ordinal ordinal) {
  absl::flat_hash_set<Ordinal> unlinked;
  if (unlinked_ != nullptr) unlinked = *unlinked_;
  unlinked.insert(ordinal);
  unlinked_ = std::make_shared<const absl::flat_hash_set<Ordinal>>(std::move(unlinked));
  GrowTable();
}

int64_t IdIndex::bytes() const {
  return numbers_.capacity_bytes() + names_.capacity_bytes() +
         (arena_ == nullptr ? 0 : arena_->bytes()) +
         static_cast<int64_t>(table_ == nullptr ? 0 : (table_->mask + 1) * sizeof(Ordinal));
}

}  // namespace negatron
