// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_ITEM_PAGE_H_
#define NEGATRON_CLIENT_CLI_ITEM_PAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "negatron/v1/pool.pb.h"

namespace negatron::client {

// Columns of a table of items; names of categories and attributes stay in the table.
struct ItemPage {
  std::vector<std::string> ids;
  std::vector<int64_t> from;
  std::vector<int64_t> until;
  std::vector<int64_t> interval_splits;
  std::vector<float> base_weights;
  std::vector<int64_t> category_splits;
};

// INTERNAL if the columns do not fit together, or their categories and attributes to them.
absl::StatusOr<ItemPage> ReadItemPage(const v1::ItemTable& table);

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_ITEM_PAGE_H_
