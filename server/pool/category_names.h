// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_CATEGORY_NAMES_H_
#define NEGATRON_SERVER_POOL_CATEGORY_NAMES_H_

#include <string>
#include <string_view>

#include "server/pool/id_index.h"
#include "server/pool/item_state.h"

namespace negatron {

// Names and numbers of categories. Copies are snapshots, as for IdIndex.
//
// Thread-safety: thread-compatible; snapshots are immutable.
class CategoryNames {
 public:
  size_t size() const { return names_.size(); }
  std::string_view NameOf(CategoryNumber number) const { return names_.NameAt(number); }

  // kNoCategory if no item ever had it.
  CategoryNumber Find(std::string_view name) const {
    const Ordinal found = names_.Find(name);
    return found == kNoOrdinal ? kNoCategory : static_cast<CategoryNumber>(found);
  }

  // Finds or adds a name.
  CategoryNumber Add(const std::string& name) {
    if (const CategoryNumber known = Find(name); known != kNoCategory) return known;
    return static_cast<CategoryNumber>(names_.Append({0, name}));
  }

 private:
  IdIndex names_{IdType::kString};
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_CATEGORY_NAMES_H_
