// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_BENCHMARKS_PLAIN_CATALOGUE_H_
#define NEGATRON_TESTS_BENCHMARKS_PLAIN_CATALOGUE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"

#include "server/pool/pool_view.h"
#include "tests/benchmarks/generated_catalogue.h"

namespace negatron::bench {

// A catalogue as columns, and the laws that its sources must have, by brute
// force from those columns. Item i has the id i, user i too.
struct PlainCatalogue {
  GeneratedCatalogue columns;
  std::vector<float> weights;  // [events]; empty: all 1.

  void AddItem(Micros from, Micros until);
  // Keeps `weights` empty as long as all are 1.
  void AddEvent(int64_t user, int64_t item, Micros time, float weight = 1);
  bool IsAlive(int64_t item, Micros time) const;
};

// Items by their weight in a law, not scaled; 0: the law does not have it.
using Weights = std::vector<double>;

// 1 for every item alive at `time`.
Weights UniformWeights(const PlainCatalogue& data, Micros time);

// Of the items alive at `time`: the mass of their events before `mass_time`, with half-life
// `half_life_micros`, raised to `alpha`.
Weights PopularityWeights(const PlainCatalogue& data, Micros time, Micros mass_time,
                          int64_t half_life_micros, double alpha);

// With half-life kHalfLife and the grid that goes with it.
std::shared_ptr<const PoolView> MakePool(const PlainCatalogue& data);

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_PLAIN_CATALOGUE_H_
