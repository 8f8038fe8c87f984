// SPDX-License-Identifier: Apache-2.0
#include "server/index/recall.h"

#include <cmath>
#include <utility>

#include "storage/base/philox.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr double kMovedNorms = 0.5;

// Adds a random vector of kMovedNorms times the norm, about.
void Move(const Philox& random, uint64_t key, std::span<float> vector) {
  double squares = 0;
  for (const float component : vector) squares += double{component} * component;
  // A uniform number in [-1, 1) has variance 1/3.
  const double width = kMovedNorms * std::sqrt(3 * squares / static_cast<double>(vector.size()));
  for (size_t i = 0; i < vector.size(); ++i) {
    const double unit = UnitDouble(absl::Uint128High64(
        random.Bits(key, static_cast<uint32_t>(i), RandomPurpose::kRecallAnchors, 1)));
    vector[i] = static_cast<float>(vector[i] + (2 * unit - 1) * width);
  }
}

bool AcceptAll(size_t, Ordinal, float) { return true; }

}  // namespace

std::vector<std::vector<float>> RecallAnchors(const VectorTable& table, int count, uint64_t seed) {
  std::vector<std::vector<float>> anchors;
  const std::vector<Ordinal> items = table.Items();
  if (items.empty()) return anchors;
  const Philox random(seed);
  for (int a = 0; a < count; ++a) {
    const auto key = static_cast<uint64_t>(a);
    const absl::uint128 bits = random.Bits(key, 0, RandomPurpose::kRecallAnchors, 0);
    std::vector<float> anchor(static_cast<size_t>(table.dimension()));
    table.Read(items[BelowBound(absl::Uint128High64(bits), items.size())], anchor);
    if (a % 2 != 0) Move(random, key, anchor);
    if (PrepareVector(table.settings().metric, anchor).empty())
      anchors.push_back(std::move(anchor));
  }
  return anchors;
}

absl::StatusOr<RecallReference> RecallReference::Make(const Scorer& scorer,
                                                      std::vector<std::vector<float>> anchors,
                                                      int limit, const Cancellation& cancellation) {
  RecallReference reference;
  reference.anchors_ = std::move(anchors);
  reference.limit_ = limit;
  for (const auto& anchor : reference.anchors_) reference.pointers_.push_back(anchor.data());
  std::vector<std::vector<Hit>> hits;
  NEGATRON_RETURN_IF_ERROR(
      ExactSearch(scorer).Search(reference.pointers_, limit, AcceptAll, cancellation, &hits));
  for (const std::vector<Hit>& one : hits) {
    reference.lowest_.push_back(one.back().score);
    reference.hit_count_ += static_cast<int64_t>(one.size());
  }
  return reference;
}

absl::StatusOr<double> RecallReference::Measure(const VectorSearch& search,
                                                const Cancellation& cancellation) const {
  if (anchors_.empty()) return 1;
  std::vector<std::vector<Hit>> hits;
  NEGATRON_RETURN_IF_ERROR(search.Search(pointers_, limit_, AcceptAll, cancellation, &hits));
  int64_t found = 0;
  for (size_t a = 0; a < hits.size(); ++a) {
    for (const Hit& hit : hits[a]) found += hit.score >= lowest_[a] ? 1 : 0;
  }
  return static_cast<double>(found) / static_cast<double>(hit_count_);
}

}  // namespace negatron
