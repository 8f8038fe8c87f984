// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_POOL_CATEGORY_NAMES_H_
#define NEGATRON_SERVER_POOL_CATEGORY_NAMES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "server/pool/item_state.h"

namespace negatron {

// Names and numbers of categories. Copies share what they have in common.
//
// Thread-safety: thread-compatible.
class CategoryNames {
 public:
  size_t size() const { return table_->names.size(); }
  const std::string& NameOf(CategoryNumber number) const { return table_->names[number]; }

  // kNoCategory if no item ever had it.
  CategoryNumber Find(const std::string& name) const {
    const auto found = table_->numbers.find(name);
    return found == table_->numbers.end() ? kNoCategory : found->second;
  }

  // Finds or adds a name.
  CategoryNumber Add(const std::string& name) {
    if (const CategoryNumber known = Find(name); known != kNoCategory) return known;
    auto table = std::make_shared<Table>(*table_);
    const auto number = static_cast<CategoryNumber>(table->names.size());
    table->names.push_back(name);
    table->numbers.emplace(name, number);
    table_ = std::move(table);
    return number;
  }

 private:
  struct Table {
    std::vector<std::string> names;
    absl::flat_hash_map<std::string, CategoryNumber> numbers;
  };

  std::shared_ptr<const Table> table_ = std::make_shared<const Table>();
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_POOL_CATEGORY_NAMES_H_
