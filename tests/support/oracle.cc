// SPDX-License-Identifier: Apache-2.0
#include "tests/support/oracle.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace negatron {
namespace {

const OracleItem* Find(const OracleCatalogue& catalogue, int64_t id) {
  const auto found = catalogue.items.find(id);
  return found == catalogue.items.end() ? nullptr : &found->second;
}

const std::vector<float>* AnchorOf(const OracleCatalogue& catalogue, const OracleRow& row,
                                   OracleAnchor anchor) {
  if (anchor == OracleAnchor::kQuery) return row.query.empty() ? nullptr : &row.query;
  const OracleItem* positive = row.positive ? Find(catalogue, *row.positive) : nullptr;
  return positive != nullptr && positive->embedding ? &*positive->embedding : nullptr;
}

OracleLaw LawOfWindow(const OracleWindow& window, const OracleNearest& nearest) {
  OracleLaw law;
  if (nearest.pick == OraclePick::kTop || window.ids.empty()) return law;
  const bool softmax = nearest.pick == OraclePick::kSoftmax;
  // A constant factor cancels, and this one keeps exp() finite.
  const double best = *std::max_element(window.scores.begin(), window.scores.end());
  long double total = 0;
  std::vector<long double> weights;
  for (double score : window.scores) {
    weights.push_back(
        softmax ? std::exp((static_cast<long double>(score) - best) / nearest.temperature) : 1.0L);
    total += weights.back();
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    law[window.ids[i]] = static_cast<double>(weights[i] / total);
  }
  return law;
}

bool IsSubset(const std::set<int64_t>& part, const std::set<int64_t>& whole) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

// The items that `component` could draw if nothing were excluded.
std::set<int64_t> Reach(const OracleCatalogue& catalogue, const OracleRow& row,
                        const OracleComponent& component) {
  std::set<int64_t> living = OracleLiving(catalogue, row.as_of);
  if (component.source == OracleSource::kUniform) return living;
  std::set<int64_t> reach;
  if (component.source == OracleSource::kPopularity) {
    for (const OracleEvent& event : catalogue.events) {
      if (event.time < row.as_of && living.count(event.item) > 0) reach.insert(event.item);
    }
    return reach;
  }
  if (AnchorOf(catalogue, row, component.nearest.anchor) == nullptr) return reach;
  for (int64_t id : living) {
    if (catalogue.items.at(id).embedding) reach.insert(id);
  }
  return reach;
}

// Why no component gives anything, though some item is alive.
std::set<OracleStatus> ReasonsOfEmptiness(const OracleCatalogue& catalogue, const OracleRow& row,
                                          const std::vector<OracleComponent>& components) {
  const std::set<int64_t> excluded = OracleExcluded(catalogue, row);
  std::set<OracleStatus> reasons;
  if (IsSubset(OracleLiving(catalogue, row.as_of), excluded)) {
    reasons.insert(OracleStatus::kExhausted);
  }
  bool something = false;
  for (const OracleComponent& component : components) {
    if (component.share <= 0) continue;
    const std::set<int64_t> reach = Reach(catalogue, row, component);
    something = something || !reach.empty();
    if (!reach.empty() && IsSubset(reach, excluded)) reasons.insert(OracleStatus::kExhausted);
    if (component.source == OracleSource::kPopularity && reach.empty()) {
      reasons.insert(OracleStatus::kNoEvent);
    }
    if (component.source == OracleSource::kNearest) {
      const bool anchored = AnchorOf(catalogue, row, component.nearest.anchor) != nullptr;
      reasons.insert(anchored ? OracleStatus::kNoCandidate : OracleStatus::kNoAnchor);
    }
  }
  if (something) reasons.erase(OracleStatus::kNoEvent);
  return reasons;
}

OracleLaw Mix(const std::vector<double>& shares, const std::vector<OracleLaw>& laws) {
  OracleLaw law;
  for (size_t k = 0; k < laws.size(); ++k) {
    if (shares[k] <= 0) continue;
    for (const auto& [id, q] : laws[k]) law[id] += shares[k] * q;
  }
  return law;
}

}  // namespace

std::set<int64_t> OracleExcluded(const OracleCatalogue& catalogue, const OracleRow& row) {
  std::set<int64_t> excluded(row.exclusions.begin(), row.exclusions.end());
  if (row.positive) excluded.insert(*row.positive);
  for (const OracleEvent& event : catalogue.events) {
    if (row.user && event.user == *row.user && event.time < row.as_of) excluded.insert(event.item);
  }
  return excluded;
}

std::set<int64_t> OracleLiving(const OracleCatalogue& catalogue, Micros time) {
  std::set<int64_t> living;
  for (const auto& [id, item] : catalogue.items) {
    for (const Interval& interval : item.alive) {
      if (interval.from <= time && time < interval.until) living.insert(id);
    }
  }
  return living;
}

std::set<int64_t> OracleEligible(const OracleCatalogue& catalogue, const OracleRow& row) {
  std::set<int64_t> eligible = OracleLiving(catalogue, row.as_of);
  for (int64_t id : OracleExcluded(catalogue, row)) eligible.erase(id);
  return eligible;
}

OracleLaw OracleUniform(const OracleCatalogue& catalogue, const OracleRow& row) {
  const std::set<int64_t> eligible = OracleEligible(catalogue, row);
  OracleLaw law;
  for (int64_t id : eligible) law[id] = 1.0 / static_cast<double>(eligible.size());
  return law;
}

OracleLaw OraclePopularity(const OracleCatalogue& catalogue, const OracleRow& row) {
  const std::set<int64_t> eligible = OracleEligible(catalogue, row);
  std::vector<OracleEvent> counted;
  for (const OracleEvent& event : catalogue.events) {
    if (event.time < row.as_of && eligible.count(event.item) > 0) counted.push_back(event);
  }
  // The law does not depend on the instant that decay is counted from; from the
  // newest event, not every mass can underflow.
  Micros newest = kMinTime;
  for (const OracleEvent& event : counted) newest = std::max(newest, event.time);
  std::map<int64_t, long double> masses;
  long double total = 0;
  for (const OracleEvent& event : counted) {
    long double mass = event.weight;
    if (catalogue.half_life_micros > 0) {
      mass *= std::exp2(static_cast<long double>(event.time - newest) /
                        static_cast<long double>(catalogue.half_life_micros));
    }
    masses[event.item] += mass;
    total += mass;
  }
  OracleLaw law;
  for (const auto& [id, mass] : masses) law[id] = static_cast<double>(mass / total);
  return law;
}

double OracleScore(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0;
  double norm_a = 0;
  double norm_b = 0;
  double distance = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    dot += x * y;
    norm_a += x * x;
    norm_b += y * y;
    distance += (x - y) * (x - y);
  }
  if (metric == Metric::kInnerProduct) return dot;
  if (metric == Metric::kCosine) return dot / (std::sqrt(norm_a) * std::sqrt(norm_b));
  return -distance;
}

OracleWindow OracleNearestWindow(const OracleCatalogue& catalogue, const OracleRow& row,
                                 const OracleNearest& nearest,
                                 const std::map<int64_t, double>& served) {
  OracleWindow window;
  const std::vector<float>* anchor = AnchorOf(catalogue, row, nearest.anchor);
  window.has_anchor = anchor != nullptr;
  if (anchor == nullptr || !catalogue.embedding) return window;
  struct Ranked {
    double score;
    int64_t order;
    int64_t id;
  };
  std::vector<Ranked> ranked;
  for (int64_t id : OracleEligible(catalogue, row)) {
    const OracleItem& item = catalogue.items.at(id);
    if (!item.embedding) continue;
    const auto known = served.find(id);
    const double score = known != served.end()
                             ? known->second
                             : OracleScore(catalogue.embedding->metric, *anchor, *item.embedding);
    ranked.push_back({score, item.order, id});
  }
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.order < b.order;
  });
  for (size_t rank = static_cast<size_t>(nearest.rank_begin);
       rank < std::min(ranked.size(), static_cast<size_t>(nearest.rank_end)); ++rank) {
    window.ids.push_back(ranked[rank].id);
    window.scores.push_back(ranked[rank].score);
  }
  window.law = LawOfWindow(window, nearest);
  return window;
}

std::vector<int64_t> OracleTop(const OracleWindow& window, int count) {
  std::vector<int64_t> picks;
  for (int i = 0; i < count && !window.ids.empty(); ++i) {
    picks.push_back(window.ids[static_cast<size_t>(i) % window.ids.size()]);
  }
  return picks;
}

std::vector<double> OracleEffectiveShares(const std::vector<double>& shares,
                                          const std::vector<bool>& empty) {
  double kept = 0;
  for (size_t k = 0; k < shares.size(); ++k) kept += empty[k] ? 0 : shares[k];
  std::vector<double> effective(shares.size(), 0.0);
  for (size_t k = 0; k < shares.size(); ++k) {
    if (!empty[k] && kept > 0) effective[k] = shares[k] / kept;
  }
  return effective;
}

OracleMixture OraclePolicy(const OracleCatalogue& catalogue, const OracleRow& row,
                           const std::vector<OracleComponent>& components) {
  OracleMixture mixture;
  std::vector<double> shares;
  std::vector<bool> empty;
  for (const OracleComponent& component : components) {
    OracleLaw law;
    OracleWindow window;
    if (component.source == OracleSource::kUniform) law = OracleUniform(catalogue, row);
    if (component.source == OracleSource::kPopularity) law = OraclePopularity(catalogue, row);
    if (component.source == OracleSource::kNearest) {
      window = OracleNearestWindow(catalogue, row, component.nearest);
      law = window.law;
    }
    shares.push_back(component.share);
    empty.push_back(law.empty() && window.ids.empty());
    mixture.laws.push_back(law);
    mixture.windows.push_back(window);
  }
  mixture.shares = OracleEffectiveShares(shares, empty);
  bool drawn = false;
  bool lawful = true;
  for (size_t k = 0; k < components.size(); ++k) {
    if (mixture.shares[k] <= 0) continue;
    drawn = true;
    if (mixture.laws[k].empty()) lawful = false;
  }
  if (lawful) mixture.law = Mix(mixture.shares, mixture.laws);
  if (drawn) {
    mixture.statuses = {OracleStatus::kOk};
  } else if (OracleLiving(catalogue, row.as_of).empty()) {
    mixture.statuses = {OracleStatus::kNoLivingItem};
  } else {
    mixture.statuses = ReasonsOfEmptiness(catalogue, row, components);
  }
  return mixture;
}

}  // namespace negatron
