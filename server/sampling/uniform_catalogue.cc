// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "server/sampling/catalogue_source.h"

namespace negatron {

absl::Status UniformCatalogue::Turn(Law* law) {
  const LivingItems& living = Living(law);
  law->key = key_;
  law->living = static_cast<double>(spec_.by_base_weight ? living.weight : living.count);
  law->proposed = law->living;
  if (!spec_.by_base_weight) return absl::OkStatus();
  law->bound = 0;
  for (const LivingItems::Part& part : living.parts) {
    law->bound += uint64_t{part.count} * part.max_weight;
  }
  law->proposed = static_cast<double>(law->bound);
  return absl::OkStatus();
}

void UniformCatalogue::Aim(const Stretch& stretch, Batch* batch) const {
  const Law& law = *stretch.law;
  const LivingItems& living = law.items;
  for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
    if (!spec_.by_base_weight) {
      batch->places[i] = living.At(BelowBound(batch->high[i], living.count));
    } else {
      // As if every item of a part weighed as much as its heaviest.
      size_t part = 0;
      uint64_t target = BelowBound(batch->high[i], law.bound);
      while (target >= uint64_t{living.parts[part].count} * living.parts[part].max_weight) {
        target -= uint64_t{living.parts[part].count} * living.parts[part].max_weight;
        ++part;
      }
      batch->places[i] = living.parts[part].items + target / living.parts[part].max_weight;
    }
    __builtin_prefetch(batch->places[i]);
  }
}

void UniformCatalogue::Resolve(const Stretch& stretch, Batch* batch) const {
  for (uint32_t i = stretch.begin; i < stretch.end; ++i) batch->items[i] = *batch->places[i];
}

// Within a part of the living: in proportion to weight, by rejection.
bool UniformCatalogue::Accepts(const Law& law, Ordinal item, const absl::uint128& bits) const {
  const uint32_t weight = AliveIndex::WeightUnits(pool().state(item).base_weight);
  for (const LivingItems::Part& part : law.items.parts) {
    if (!std::binary_search(part.items, part.items + part.count, item)) continue;
    return BelowBound(absl::Uint128High64(bits), part.max_weight) < weight;
  }
  return false;
}

void UniformCatalogue::Weigh(const Stretch& stretch, Batch* batch) const {
  for (uint32_t i = stretch.begin; i < stretch.end; ++i) {
    batch->weights[i] = spec_.by_base_weight ? static_cast<double>(AliveIndex::WeightUnits(
                                                   pool().state(batch->items[i]).base_weight))
                                             : 1.0;
  }
}

}  // namespace negatron
