// SPDX-License-Identifier: Apache-2.0
#include "server/sampling/draw_observer.h"

#include <algorithm>
#include <limits>

#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Age of the newest entry for the item that counts at `time`, of which one is `last` at the latest.
int64_t RingAge(const UserRing& ring, Ordinal item, Micros time, Micros last) {
  int64_t age = kNoAge;
  for (const RingEntry& entry : ring.entries()) {
    if (entry.item != item || entry.time > last) continue;
    const int64_t its = time - entry.time;
    if (age == kNoAge || its < age) age = its;
  }
  return age;
}

}  // namespace

void ObservedSource::Add(const ObservedSource& part) {
  configured_share += part.configured_share;
  effective_share += part.effective_share;
  draws.insert(draws.end(), part.draws.begin(), part.draws.end());
  pair_count += part.pair_count;
  collision_count += part.collision_count;
  expected_collisions += part.expected_collisions;
  squared_differences += part.squared_differences;
}

void ObservedRows::Add(const ObservedRows& part, size_t first_component) {
  row_count += part.row_count;
  components.resize(std::max(components.size(), first_component + part.components.size()));
  for (size_t c = 0; c < part.components.size(); ++c) {
    components[first_component + c].Add(part.components[c]);
  }
  fallback.Add(part.fallback);
}

DrawObserver::DrawObserver(const Policy& policy, const PolicyLaws& laws,
                           const SourceContext& context, RowChoice choice, ObservedRows* observed)
    : policy_(policy), laws_(laws), context_(context), choice_(choice), observed_(*observed) {
  observed_.components.resize(policy.components.size());
  for (const PolicyComponent& component : policy.components) share_sum_ += component.share;
}

absl::Status DrawObserver::See(int64_t first, std::span<const Row> rows,
                               std::span<const std::unique_ptr<Source>> sources,
                               std::span<const Draws> draws, std::span<const double> shares) {
  const size_t components = policy_.components.size();
  // The first row from `first` on that is a whole number of steps behind the choice's.
  const int64_t behind = (first - choice_.first) % choice_.step;
  const int64_t begin = behind == 0 ? 0 : (behind > 0 ? choice_.step - behind : -behind);
  for (auto r = static_cast<size_t>(begin); r < rows.size(); r += choice_.step) {
    ++observed_.row_count;
    const auto row = static_cast<uint32_t>(r);
    for (size_t c = 0; c < sources.size(); ++c) {
      const bool is_fallback = c == components;
      const PolicyComponent& component = is_fallback ? *policy_.fallback : policy_.components[c];
      ObservedSource& seen = is_fallback ? observed_.fallback : observed_.components[c];
      if (!is_fallback) {
        seen.configured_share += component.share / share_sum_;
        seen.effective_share += shares[r * components + c];
      }
      Pick(draws[c], row);
      if (picked_.empty()) continue;
      const bool checks =
          !is_fallback && policy_.IsWithRepetition() && laws_.components[c] == LawKind::kExact;
      double eligible = kNan;
      if (checks) {
        NEGATRON_ASSIGN_OR_RETURN(eligible, CountEligible(rows[r], row, component, *sources[c]));
        SeePairs(draws[c], &seen);
      }
      SeeDraws(rows[r], draws[c], component, eligible, &seen);
    }
  }
  return absl::OkStatus();
}

void DrawObserver::Pick(const Draws& draws, uint32_t r) {
  picked_.clear();
  const std::vector<uint32_t>& rows = draws.rows;
  if (policy_.IsWithRepetition()) {  // In order of rows.
    const auto [begin, end] = std::equal_range(rows.begin(), rows.end(), r);
    for (auto i = begin; i != end; ++i) {
      const auto at = static_cast<size_t>(i - rows.begin());
      if (draws.items[at] != kNoOrdinal) picked_.push_back(at);
    }
  } else {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] == r && draws.items[i] != kNoOrdinal) picked_.push_back(i);
    }
  }
  if (picked_.size() <= kMaxObservedDraws) return;
  const size_t step = (picked_.size() + kMaxObservedDraws - 1) / kMaxObservedDraws;
  size_t kept = 0;
  for (size_t i = 0; i < picked_.size(); i += step) picked_[kept++] = picked_[i];
  picked_.resize(kept);
}

void DrawObserver::SeeDraws(const Row& row, const Draws& draws, const PolicyComponent& component,
                            double eligible, ObservedSource* seen) const {
  for (const size_t i : picked_) {
    seen->draws.push_back({draws.items[i], draws.scores.empty() ? kNoScore : draws.scores[i],
                           AgeOf(row, component.kind(), draws.items[i]),
                           1 / (draws.q[i] * eligible)});
  }
}

void DrawObserver::SeePairs(const Draws& draws, ObservedSource* seen) const {
  for (size_t i = 0; i + 1 < picked_.size(); i += 2) {
    const size_t a = picked_[i];
    const size_t b = picked_[i + 1];
    const bool same = draws.items[a] == draws.items[b];
    const double expected = (draws.q[a] + draws.q[b]) / 2;
    const double difference = (same ? 1 : 0) - expected;
    ++seen->pair_count;
    seen->collision_count += same ? 1 : 0;
    seen->expected_collisions += expected;
    seen->squared_differences += difference * difference;
  }
}

absl::StatusOr<double> DrawObserver::CountEligible(const Row& row, uint32_t r,
                                                   const PolicyComponent& component,
                                                   Source& source) {
  items_.clear();
  if (component.kind() == SourceKind::kUniform) {
    const bool counts = component.category.empty() && !policy_.Guards(component) &&
                        row.excluded.history_size() <= kMaxCountedExclusions;
    if (!counts) return kNan;
    row.excluded.AppendTo(&items_);
    if (items_.size() > kMaxCountedExclusions) return kNan;
    const auto alive = [&](Ordinal item) { return context_.pool->IsAlive(item, row.as_of); };
    return static_cast<double>(context_.pool->LivingCount(row.as_of) -
                               std::count_if(items_.begin(), items_.end(), alive));
  }
  const bool enumerates =
      component.kind() == SourceKind::kExposure || component.kind() == SourceKind::kMined;
  if (!enumerates) return kNan;
  candidates_.clear();
  NEGATRON_RETURN_IF_ERROR(source.Enumerate(r, &candidates_));
  for (const Candidate& candidate : candidates_) {
    if (candidate.weight > 0) items_.push_back(candidate.item);
  }
  std::sort(items_.begin(), items_.end());
  return static_cast<double>(std::unique(items_.begin(), items_.end()) - items_.begin());
}

int64_t DrawObserver::AgeOf(const Row& row, SourceKind kind, Ordinal item) const {
  if (kind == SourceKind::kPopularity) {
    const MassColumn& column = context_.pool->masses().column(item);
    const uint32_t count = column.CountBefore(row.as_of);
    return count == 0 ? kNoAge : row.as_of - column.at(count - 1).time;
  }
  if (row.user == kNoOrdinal) return kNoAge;
  const UserEvents& events = context_.pool->user_events(row.user);
  if (kind == SourceKind::kExposure) {
    return RingAge(events.exposures, item, row.as_of, row.as_of - 1);
  }
  if (kind == SourceKind::kMined) return RingAge(events.mined, item, row.as_of, row.as_of);
  return kNoAge;
}

}  // namespace negatron
