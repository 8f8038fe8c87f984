// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "server/sampling/catalogue_source.h"

namespace negatron {

absl::Status UniformCatalogue::Turn(Law* law) {
  const LivingItems& living = Living(law);
  law->key = key_;
  law->all_alive = true;
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

void UniformCatalogue::Propose(std::span<Law* const> laws, std::span<const absl::uint128> bits,
                               std::span<Ordinal> items) const {
  std::array<const Ordinal*, 64> places;
  for (size_t i = 0; i < laws.size(); ++i) {
    const LivingItems& living = laws[i]->items;
    const uint64_t high = absl::Uint128High64(bits[i]);
    if (spec_.by_base_weight) {
      // As if every item of a part weighed as much as its heaviest.
      size_t part = 0;
      uint64_t target = BelowBound(high, laws[i]->bound);
      while (target >= uint64_t{living.parts[part].count} * living.parts[part].max_weight) {
        target -= uint64_t{living.parts[part].count} * living.parts[part].max_weight;
        ++part;
      }
      places[i] = living.parts[part].items + target / living.parts[part].max_weight;
    } else {
      places[i] = living.At(BelowBound(high, living.count));
    }
    __builtin_prefetch(places[i]);
  }
  for (size_t i = 0; i < laws.size(); ++i) items[i] = *places[i];
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

void UniformCatalogue::Weigh(std::span<Law* const>, std::span<const Ordinal> items,
                             std::span<double> weights) const {
  for (size_t i = 0; i < items.size(); ++i) {
    weights[i] =
        spec_.by_base_weight
            ? static_cast<double>(AliveIndex::WeightUnits(pool().state(items[i]).base_weight))
            : 1.0;
  }
}

}  // namespace negatron
