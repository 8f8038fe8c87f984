// SPDX-License-Identifier: Apache-2.0
#include "server/index/neighbourhoods.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>

#include "server/index/search.h"
#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr int kProjections = 16;
constexpr uint64_t kItemSeed = 0x17E3;
constexpr uint64_t kProjectionSeed = 0x9801;

// Those that a hash of their number puts first, so that tables agree about them.
std::vector<Ordinal> ChooseItems(const VectorTable& table, int count) {
  std::vector<std::pair<uint64_t, Ordinal>> keyed;
  for (const Ordinal item : table.Items()) keyed.emplace_back(MixHash(kItemSeed, item), item);
  const auto end = keyed.begin() + std::min<ptrdiff_t>(count, std::ssize(keyed));
  std::partial_sort(keyed.begin(), end, keyed.end());
  std::vector<Ordinal> items;
  std::transform(keyed.begin(), end, std::back_inserter(items),
                 [](const auto& entry) { return entry.second; });
  std::sort(items.begin(), items.end());
  return items;
}

// By a matrix of signs.
std::vector<float> Project(const std::vector<double>& vector) {
  std::vector<float> projection;
  for (uint64_t p = 0; p < kProjections; ++p) {
    double sum = 0;
    for (size_t i = 0; i < vector.size(); ++i) {
      const uint64_t bits = MixHash(MixHash(kProjectionSeed, p), i);
      sum += (bits & 1) != 0 ? vector[i] : -vector[i];
    }
    projection.push_back(static_cast<float>(sum));
  }
  return projection;
}

std::vector<float> ProjectMean(const VectorTable& table, const std::vector<Ordinal>& items) {
  std::vector<float> vector(static_cast<size_t>(table.dimension()));
  std::vector<double> mean(vector.size());
  for (const Ordinal item : items) {
    table.Read(item, vector);
    for (size_t i = 0; i < mean.size(); ++i) {
      mean[i] += double{vector[i]} / static_cast<double>(items.size());
    }
  }
  return Project(mean);
}

double Shift(const std::vector<float>& before, const std::vector<float>& after) {
  double moved = 0, norm = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    moved += (double{after[i]} - before[i]) * (double{after[i]} - before[i]);
    norm += double{before[i]} * before[i];
  }
  return norm > 0 ? std::sqrt(moved / norm) : 0;
}

}  // namespace

absl::StatusOr<Neighbourhoods> FindNeighbourhoods(const Scorer& scorer, int item_count,
                                                  int neighbour_count,
                                                  const Cancellation& cancellation) {
  const VectorTable& table = scorer.table();
  const std::vector<Ordinal> items = ChooseItems(table, item_count);
  std::vector<std::vector<float>> vectors;
  std::vector<const float*> anchors;
  for (const Ordinal item : items) {
    vectors.emplace_back(static_cast<size_t>(table.dimension()));
    table.Read(item, vectors.back());
  }
  anchors.reserve(vectors.size());
  for (const auto& vector : vectors) anchors.push_back(vector.data());
  std::vector<std::vector<Hit>> hits;
  NEGATRON_RETURN_IF_ERROR(ExactSearch(scorer).Search(
      anchors, neighbour_count,
      [&](size_t query, Ordinal item, float) { return item != items[query]; }, cancellation,
      &hits));
  Neighbourhoods found;
  for (size_t i = 0; i < items.size(); ++i) {
    Neighbourhoods::Neighbourhood one{items[i], {}, {}};
    for (const Hit& hit : hits[i]) one.neighbours.push_back(hit.item);
    std::sort(one.neighbours.begin(), one.neighbours.end());
    one.projection = ProjectMean(table, one.neighbours);
    found.all.push_back(std::move(one));
  }
  return found;
}

std::optional<NeighbourhoodChange> Compare(const Neighbourhoods& before,
                                           const Neighbourhoods& after) {
  NeighbourhoodChange change;
  int64_t count = 0;
  auto old = before.all.begin();
  for (const Neighbourhoods::Neighbourhood& one : after.all) {
    while (old != before.all.end() && old->item < one.item) ++old;
    if (old == before.all.end() || old->item != one.item || old->neighbours.empty()) continue;
    std::vector<Ordinal> common;
    std::set_intersection(old->neighbours.begin(), old->neighbours.end(), one.neighbours.begin(),
                          one.neighbours.end(), std::back_inserter(common));
    change.preservation +=
        static_cast<double>(common.size()) / static_cast<double>(old->neighbours.size());
    change.projection_shift += Shift(old->projection, one.projection);
    ++count;
  }
  if (count == 0) return std::nullopt;
  change.preservation /= static_cast<double>(count);
  change.projection_shift /= static_cast<double>(count);
  return change;
}

std::optional<double> Purity(const Neighbourhoods& neighbourhoods,
                             absl::FunctionRef<bool(Ordinal, Ordinal)> akin) {
  int64_t count = 0, alike = 0;
  for (const Neighbourhoods::Neighbourhood& one : neighbourhoods.all) {
    count += std::ssize(one.neighbours);
    alike += std::count_if(one.neighbours.begin(), one.neighbours.end(),
                           [&](Ordinal other) { return akin(one.item, other); });
  }
  if (count == 0) return std::nullopt;
  return static_cast<double>(alike) / static_cast<double>(count);
}

}  // namespace negatron
