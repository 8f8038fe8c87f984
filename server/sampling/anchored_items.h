// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_ANCHORED_ITEMS_H_
#define NEGATRON_SERVER_SAMPLING_ANCHORED_ITEMS_H_

#include <span>
#include <string>

#include "server/sampling/source.h"

namespace negatron {

// What the sources that score items against an anchor share: where a row's anchor is
// from, which items its component admits, and why a row has none.
//
// Thread-safety: immutable.
class AnchoredItems {
 public:
  // `context` must outlive this; its vectors are not null.
  AnchoredItems(NearestAnchor anchor, const std::string& category, const SourceContext& context);

  // Reads the anchor, [dimension]; false if the row has none.
  bool ReadAnchor(const Row& row, std::span<float> anchor) const;

  // Whether the item is alive and of the category.
  bool Admits(const Row& row, Ordinal item) const {
    const ItemState& state = context_.pool->state(item);
    return state.IsAlive(row.as_of) && (any_category_ || state.Has(category_));
  }

  // Why nothing can be drawn for the row.
  RowStatus EmptyStatus(const Row& row, bool has_anchor) const;

 private:
  const NearestAnchor anchor_;
  const bool any_category_;
  const CategoryNumber category_;
  const SourceContext& context_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_ANCHORED_ITEMS_H_
