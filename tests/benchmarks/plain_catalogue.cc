// SPDX-License-Identifier: Apache-2.0
#include "tests/benchmarks/plain_catalogue.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/pool/pool_builder.h"
#include "tests/benchmarks/bench_data.h"

namespace negatron::bench {

void PlainCatalogue::AddItem(Micros from, Micros until) {
  columns.item_ids.push_back(static_cast<int64_t>(columns.item_ids.size()));
  columns.alive_from_micros.push_back(from);
  columns.alive_until_micros.push_back(until);
}

void PlainCatalogue::AddEvent(int64_t user, int64_t item, Micros time, float weight) {
  if (weight != 1) weights.resize(columns.user_ids.size(), 1);
  columns.user_ids.push_back(user);
  columns.event_item_ids.push_back(item);
  columns.event_time_micros.push_back(time);
  if (weight != 1 || !weights.empty()) weights.push_back(weight);
}

bool PlainCatalogue::IsAlive(int64_t item, Micros time) const {
  return columns.alive_from_micros[item] <= time && time < columns.alive_until_micros[item];
}

Weights UniformWeights(const PlainCatalogue& data, Micros time) {
  Weights weights(data.columns.item_ids.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = data.IsAlive(static_cast<int64_t>(i), time) ? 1 : 0;
  }
  return weights;
}

Weights PopularityWeights(const PlainCatalogue& data, Micros time, Micros mass_time,
                          int64_t half_life_micros, double alpha) {
  Weights weights(data.columns.item_ids.size());
  for (size_t e = 0; e < data.columns.user_ids.size(); ++e) {
    const Micros age = mass_time - data.columns.event_time_micros[e];
    if (age <= 0) continue;
    weights[data.columns.event_item_ids[e]] +=
        (data.weights.empty() ? 1.0 : data.weights[e]) *
        std::exp2(-static_cast<double>(age) / static_cast<double>(half_life_micros));
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    const bool alive = data.IsAlive(static_cast<int64_t>(i), time);
    weights[i] = alive && weights[i] > 0 ? std::pow(weights[i], alpha) : 0;
  }
  return weights;
}

std::shared_ptr<const PoolView> MakePool(const PlainCatalogue& data) {
  PoolSettings settings;
  settings.half_life_micros = absl::ToInt64Microseconds(kHalfLife);
  settings.popularity_grid_micros = DefaultPopularityGrid(settings.half_life_micros);
  PoolBuilder builder{PoolView(settings)};
  const GeneratedCatalogue& columns = data.columns;
  for (size_t i = 0; i < columns.item_ids.size(); ++i) {
    ItemRecord item;
    item.id.number = columns.item_ids[i];
    item.alive = {{columns.alive_from_micros[i], columns.alive_until_micros[i]}};
    builder.AddItem(item);
  }
  int64_t users = 0;
  for (const int64_t user : columns.user_ids) users = std::max(users, user + 1);
  for (int64_t user = 0; user < users; ++user) builder.AddUser({user, ""});
  for (size_t e = 0; e < columns.user_ids.size(); ++e) {
    EventRecord event;
    event.time = columns.event_time_micros[e];
    event.user = static_cast<Ordinal>(columns.user_ids[e]);
    event.item = static_cast<Ordinal>(columns.event_item_ids[e]);
    if (!data.weights.empty()) event.weight = data.weights[e];
    builder.AddEvent(event);
  }
  return std::move(builder).Build();
}

}  // namespace negatron::bench
