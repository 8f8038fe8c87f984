// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_SAMPLING_ANCHORED_ITEMS_H_
#define NEGATRON_SERVER_SAMPLING_ANCHORED_ITEMS_H_

#include <span>
#include <string>

#include "server/sampling/source.h"

namespace negatron {

// What the sources that score items against an anchor share: where a row's anchor is
// from, which items its component admits, and why a row has none. Vectors that are not
// as fresh as the call asks count as none.
//
// Thread-safety: immutable.
class AnchoredItems {
 public:
  // `context` must outlive this; its vectors are not null.
  AnchoredItems(NearestAnchor anchor, const std::string& category, const SourceContext& context);

  // Reads the anchor, [dimension]; false if the row has none.
  bool ReadAnchor(const Row& row, std::span<float> anchor) const;

  // Asks memory for what Admits reads first.
  void Announce(Ordinal item) const { __builtin_prefetch(&context_.pool->state(item)); }

  // Whether the item, which has a vector, is alive, of the category, and its vector fresh.
  bool Admits(const Row& row, Ordinal item) const { return Lives(row, item) && IsFresh(item); }

  // Whether the item has a vector, and a fresh one.
  bool HasVector(Ordinal item) const { return context_.vectors->Contains(item) && IsFresh(item); }

  // Why nothing can be drawn for the row.
  RowStatus EmptyStatus(const Row& row, bool has_anchor) const;

 private:
  bool Lives(const Row& row, Ordinal item) const {
    const ItemState& state = context_.pool->state(item);
    return state.IsAlive(row.as_of) && (any_category_ || state.Has(category_));
  }
  bool IsFresh(Ordinal item) const { return IsFresh(*context_.vectors, item); }
  bool IsFresh(const VectorTable& table, Ordinal owner) const {
    return !demands_freshness_ || context_.freshness.Admits(table.Stamp(owner));
  }
  // Reads a stored vector; false if there is none, or none as fresh as the call asks.
  bool ReadFresh(const VectorTable& table, Ordinal owner, std::span<float> vector) const;

  const NearestAnchor anchor_;
  const bool any_category_;
  const bool demands_freshness_;
  const CategoryNumber category_;
  const SourceContext& context_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_SAMPLING_ANCHORED_ITEMS_H_
