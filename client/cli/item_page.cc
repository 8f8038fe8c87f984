// SPDX-License-Identifier: Apache-2.0
#include "client/cli/item_page.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"

#include "client/cli/filled_column.h"
#include "client/cli/id_list.h"
#include "proto/cc/columns.h"

namespace negatron::client {
namespace {

// Whether the splits cut `size` values into rows.
bool AreSplits(const std::vector<int64_t>& splits, size_t size) {
  return !splits.empty() && splits.front() == 0 && std::is_sorted(splits.begin(), splits.end()) &&
         splits.back() == static_cast<int64_t>(size);
}

}  // namespace

absl::StatusOr<ItemPage> ReadItemPage(const v1::ItemTable& table) {
  ItemPage page;
  page.ids = IdTexts(table.ids());
  const size_t rows = page.ids.size();
  absl::Status status = Fill<int64_t>(ReadInt64s(table.interval_splits(), ""), rows + 1,
                                      std::nullopt, &page.interval_splits);
  const auto count = static_cast<size_t>(ColumnSize(table.alive_from_micros()));
  status.Update(
      Fill<int64_t>(ReadInt64s(table.alive_from_micros(), ""), count, std::nullopt, &page.from));
  status.Update(
      Fill<int64_t>(ReadInt64s(table.alive_until_micros(), ""), count, std::nullopt, &page.until));
  status.Update(Fill<float>(ReadFloats(table.base_weights(), ""), rows, 1.0F, &page.base_weights));
  status.Update(Fill<int64_t>(ReadInt64s(table.categories().row_splits(), ""), rows + 1, 0,
                              &page.category_splits));
  if (!status.ok()) return status;
  const auto names = static_cast<size_t>(table.categories().ids().names().values_size());
  const auto attributes = static_cast<size_t>(table.attributes_size());
  if (!AreSplits(page.interval_splits, count) || !AreSplits(page.category_splits, names) ||
      (attributes != 0 && attributes != rows)) {
    return absl::InternalError("the server's columns of items do not fit together");
  }
  return page;
}

}  // namespace negatron::client
