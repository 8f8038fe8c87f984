// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_INDEX_VECTOR_TABLE_H_
#define NEGATRON_SERVER_INDEX_VECTOR_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "server/index/page_column.h"
#include "storage/model/records.h"

namespace negatron {

// The embeddings of a collection's items, or of its users, at one commit, in pages that
// copies share. It speaks of items; those of users are the same.
//
// Thread-safety: immutable.
class VectorTable {
 public:
  static constexpr uint32_t kPageItems = 64;

  struct Page {
    uint64_t present = 0;         // Bit i: item i of the page has a vector.
    std::vector<std::byte> rows;  // [kPageItems, row_bytes()]: for Scorer and Read.
    PageColumn<int64_t, kPageItems> model_versions;
    // Whole seconds since 1970, in the years to 2106: half the size of microseconds.
    PageColumn<uint32_t, kPageItems> write_seconds;
  };

  // `storage_table`: where its vectors are stored, see EmbeddingRecord::table.
  explicit VectorTable(EmbeddingSettings settings, int64_t storage_table = 0)
      : settings_(settings), storage_table_(storage_table) {}

  const EmbeddingSettings& settings() const { return settings_; }
  int dimension() const { return settings_.dimension; }
  // Changes only when another table takes the place of all that was there before.
  int64_t storage_table() const { return storage_table_; }
  // Of a stored vector: [dimension] of the element type, as kernels want them.
  size_t row_bytes() const {
    const size_t element_bytes = settings_.element_type == ElementType::kFloat32 ? 4 : 2;
    return static_cast<size_t>(settings_.dimension) * element_bytes;
  }

  bool Contains(Ordinal item) const;
  // Reads the vector, [dimension], of an item; false if it has none.
  bool Read(Ordinal item, std::span<float> vector) const;
  // Model and time of the vector of an item, the time rounded down to a second (0: not known,
  // or not after 1970); nothing known if it has none.
  VectorStamp Stamp(Ordinal item) const;

  // The highest model version that any of its vectors ever had; 0: none had one. A start
  // knows only those that are stored.
  int64_t highest_model_version() const { return highest_model_version_; }

  int64_t size() const { return size_; }  // Items with a vector.
  std::vector<Ordinal> Items() const;     // Those, rising.
  size_t page_count() const { return pages_.size(); }
  // Page i holds the items [i * kPageItems, (i + 1) * kPageItems); may be null.
  const Page* page(size_t i) const { return pages_[i].get(); }
  int64_t bytes() const;

 private:
  friend class VectorTableBuilder;

  // The page of an item that has a vector, else null.
  const Page* PageOf(Ordinal item) const;

  EmbeddingSettings settings_;
  int64_t storage_table_;
  int64_t size_ = 0;
  int64_t highest_model_version_ = 0;
  std::vector<std::shared_ptr<Page>> pages_;
};

// Makes the next VectorTable from one, copying the pages that it touches.
//
// Thread-safety: confined to the thread that writes.
class VectorTableBuilder {
 public:
  explicit VectorTableBuilder(const VectorTable& base)
      : table_(base), owned_(base.pages_.size(), false) {}

  // Sets a vector of [dimension] values, as stored (see PrepareToStore).
  void Set(Ordinal item, std::span<const float> vector, const VectorStamp& stamp = {});
  // Takes the vector of an item away, if it has one.
  void Erase(Ordinal item);

  // The table as it is so far.
  const VectorTable& table() const { return table_; }

  // The next table. The builder is spent.
  std::shared_ptr<const VectorTable> Build() &&;

 private:
  // The page of an item, which no other table shares.
  VectorTable::Page& OwnPageOf(Ordinal item);

  VectorTable table_;
  std::vector<bool> owned_;  // Pages that no other table shares.
};

// Turns a vector from outside into what is compared: normalised under cosine.
// Returns what is wrong, or an empty view: a component is not finite, or the
// norm is zero or overflows where it must not.
std::string_view PrepareVector(Metric metric, std::span<float> vector);

// The same for a vector that is to be stored: then rounded to the element type, to the
// nearest, ties to even. Whoever writes a vector does this first, so that the log, the
// table and its readers have the same values.
std::string_view PrepareToStore(const EmbeddingSettings& settings, std::span<float> vector);

}  // namespace negatron

#endif  // NEGATRON_SERVER_INDEX_VECTOR_TABLE_H_
