// SPDX-License-Identifier: Apache-2.0
#include "tests/support/source_oracle.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <variant>

namespace negatron {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// log of a sum, from logarithms; sums in extended precision relative to the
// greatest.
double LogSum(const std::vector<double>& logs) {
  if (logs.empty()) return kMinusInfinity;
  const double greatest = *std::max_element(logs.begin(), logs.end());
  if (greatest == kMinusInfinity) return kMinusInfinity;
  long double sum = 0;
  for (const double log : logs) sum += std::exp(static_cast<long double>(log) - greatest);
  return static_cast<double>(greatest + std::log(sum));
}

// Weight of an event at `time`, as a logarithm. 0: no decay.
double LogDecayed(double weight, Micros event, Micros time, int64_t half_life_micros) {
  if (half_life_micros == 0) return std::log(weight);
  const long double halvings =
      static_cast<long double>(time - event) / static_cast<long double>(half_life_micros);
  return static_cast<double>(std::log(static_cast<long double>(weight)) -
                             halvings * std::log(2.0L));
}

std::map<int64_t, const SourceItem*> ItemsById(const SourceCatalogue& catalogue) {
  std::map<int64_t, const SourceItem*> items;
  for (const SourceItem& item : catalogue.items) items[item.id] = &item;
  return items;
}

// What can be drawn at all: alive, and of the category if there is one.
std::map<int64_t, const SourceItem*> Admitted(const SourceCatalogue& catalogue,
                                              const std::string& category, Micros time) {
  std::map<int64_t, const SourceItem*> admitted;
  for (const SourceItem& item : catalogue.items) {
    if (!IsAliveAt(item, time)) continue;
    if (category.empty() || item.categories.count(category) > 0) admitted[item.id] = &item;
  }
  return admitted;
}

// Events that give an item weight, with the logarithm of what each gives.
struct Counted {
  const SourceEvent* event;
  double log_weight;
};

std::vector<Counted> CountedForPopularity(const SourceCatalogue& catalogue,
                                          const PopularitySource& source, const SourceRow& row,
                                          Micros at) {
  const int64_t half_life = source.half_life_micros.value_or(catalogue.half_life_micros);
  const std::map<int64_t, const SourceItem*> items = ItemsById(catalogue);
  std::vector<Counted> counted;
  for (const SourceEvent& event : catalogue.events) {
    if (event.kind != EventKind::kPositive || event.time >= at) continue;
    if (event.time < catalogue.watermark) continue;
    if (source.window_micros > 0 && event.time < at - source.window_micros) continue;
    if (source.within_cohort && event.cohort != row.cohort) continue;
    const double base = items.at(event.item)->base_weight;
    counted.push_back({&event, LogDecayed(base * event.weight, event.time, at, half_life)});
  }
  return counted;
}

// Of the row's user: exposures strictly before its time, in any number.
std::vector<Counted> CountedForExposure(const SourceCatalogue& catalogue,
                                        const ExposureSource& source, const SourceRow& row) {
  const int64_t half_life = source.half_life_micros.value_or(catalogue.half_life_micros);
  std::vector<Counted> counted;
  for (const SourceEvent& event : catalogue.events) {
    if (!row.user || event.user != *row.user || event.kind != EventKind::kExposure) continue;
    if (event.time >= row.as_of) continue;
    counted.push_back({&event, LogDecayed(event.weight, event.time, row.as_of, half_life)});
  }
  return counted;
}

// Of the row's user: of the mined events that arrived last, those up to and at
// its time. What the ring holds does not depend on the time that is asked for.
std::vector<Counted> CountedForMined(const SourceCatalogue& catalogue, const MinedSource& source,
                                     const SourceRow& row) {
  const int64_t half_life = source.half_life_micros.value_or(catalogue.half_life_micros);
  std::vector<Counted> counted;
  int newest = 0;
  for (auto event = catalogue.events.rbegin(); event != catalogue.events.rend(); ++event) {
    if (!row.user || event->user != *row.user || event->kind != EventKind::kMined) continue;
    if (++newest > catalogue.mined_per_user) break;
    if (event->time > row.as_of) continue;
    counted.push_back({&*event, LogDecayed(event->weight, event->time, row.as_of, half_life)});
  }
  return counted;
}

LogLaw WeightsOf(const std::vector<Counted>& counted,
                 const std::map<int64_t, const SourceItem*>& admitted, double exponent) {
  std::map<int64_t, std::vector<double>> by_item;
  for (const Counted& one : counted) {
    if (admitted.count(one.event->item) > 0) by_item[one.event->item].push_back(one.log_weight);
  }
  LogLaw weights;
  for (const auto& [id, logs] : by_item) weights[id] = exponent * LogSum(logs);
  return weights;
}

LogLaw Without(LogLaw law, const std::set<int64_t>& excluded) {
  for (const int64_t id : excluded) law.erase(id);
  return law;
}

Micros BoundaryOf(const SourceCatalogue& catalogue, const PolicyComponent& component, Micros time) {
  const auto* popularity = std::get_if<PopularitySource>(&component.source);
  if (popularity == nullptr || popularity->alpha == 1) return 0;
  return GridBoundary(catalogue.popularity_grid_micros, time);
}

// Why no component with a share has anything.
RowStatus ReasonOfEmptiness(const SourceCatalogue& catalogue, const Policy& policy,
                            const SourceRow& row) {
  if (Admitted(catalogue, "", row.as_of).empty()) return RowStatus::kNoLivingItem;
  for (const PolicyComponent& component : policy.components) {
    // Nothing is left of it, so all that it could draw is excluded.
    if (component.share > 0 && !SourceWeights(catalogue, component, row).empty()) {
      return RowStatus::kExhausted;
    }
  }
  return RowStatus::kNoEvent;
}

LogLaw Mixed(const std::vector<double>& shares, const std::vector<LogLaw>& laws) {
  std::map<int64_t, std::vector<double>> parts;
  for (size_t k = 0; k < laws.size(); ++k) {
    if (shares[k] <= 0) continue;
    for (const auto& [id, log_q] : laws[k]) parts[id].push_back(std::log(shares[k]) + log_q);
  }
  LogLaw law;
  for (const auto& [id, logs] : parts) law[id] = LogSum(logs);
  return law;
}

// The mixture's shares stay those of the row; every law is taken once more with
// the positive among what can be drawn, if it is alive and of the category. The
// floor is there for positives that the mixture cannot draw, so it counts the
// positive whether it is alive or not: 1 / (eligible others + 1).
double PositiveLogQ(const SourceCatalogue& catalogue, const Policy& policy, const SourceRow& row,
                    const std::vector<double>& shares) {
  std::set<int64_t> excluded = SourceExcluded(catalogue, row);
  const auto others = Without(SourceWeights(catalogue, {1, "", UniformSource{}}, row), excluded);
  excluded.erase(*row.positive);
  std::vector<double> parts;
  for (size_t k = 0; k < shares.size(); ++k) {
    const LogLaw law =
        Normalised(Without(SourceWeights(catalogue, policy.components[k], row), excluded));
    const auto found = law.find(*row.positive);
    if (shares[k] <= 0 || found == law.end()) continue;
    parts.push_back(std::log1p(-policy.positive_floor) + std::log(shares[k]) + found->second);
  }
  if (policy.positive_floor > 0) {
    parts.push_back(std::log(policy.positive_floor / static_cast<double>(others.size() + 1)));
  }
  return LogSum(parts);
}

}  // namespace

OracleLaw ProbabilitiesOf(const LogLaw& law) {
  OracleLaw probabilities;
  for (const auto& [id, log_q] : law) probabilities[id] = std::exp(log_q);
  return probabilities;
}

LogLaw Normalised(const LogLaw& weights) {
  std::vector<double> logs;
  logs.reserve(weights.size());
  for (const auto& [id, log] : weights) logs.push_back(log);
  const double total = LogSum(logs);
  LogLaw law;
  for (const auto& [id, log] : weights) law[id] = log - total;
  return law;
}

std::set<int64_t> SourceExcluded(const SourceCatalogue& catalogue, const SourceRow& row) {
  std::set<int64_t> excluded(row.exclusions.begin(), row.exclusions.end());
  if (row.positive) excluded.insert(*row.positive);
  for (const SourceEvent& event : catalogue.events) {
    if (!row.user || event.user != *row.user || event.kind != EventKind::kPositive) continue;
    if (event.time < row.as_of) excluded.insert(event.item);
  }
  return excluded;
}

bool IsAliveAt(const SourceItem& item, Micros time) {
  return std::any_of(item.alive.begin(), item.alive.end(), [time](const Interval& interval) {
    return interval.from <= time && time < interval.until;
  });
}

Micros GridBoundary(int64_t grid_micros, Micros time) {
  Micros boundary = time / grid_micros * grid_micros;  // Rounded towards 0.
  if (boundary > time) boundary -= grid_micros;
  return boundary;
}

LogLaw SourceWeights(const SourceCatalogue& catalogue, const PolicyComponent& component,
                     const SourceRow& row) {
  const auto admitted = Admitted(catalogue, component.category, row.as_of);
  if (const auto* uniform = std::get_if<UniformSource>(&component.source)) {
    LogLaw weights;
    for (const auto& [id, item] : admitted) {
      weights[id] = uniform->by_base_weight ? std::log(item->base_weight) : 0;
    }
    return weights;
  }
  if (const auto* popularity = std::get_if<PopularitySource>(&component.source)) {
    const Micros at =
        popularity->alpha == 1 ? row.as_of : BoundaryOf(catalogue, component, row.as_of);
    return WeightsOf(CountedForPopularity(catalogue, *popularity, row, at), admitted,
                     popularity->alpha);
  }
  if (const auto* exposure = std::get_if<ExposureSource>(&component.source)) {
    return WeightsOf(CountedForExposure(catalogue, *exposure, row), admitted, 1);
  }
  if (const auto* mined = std::get_if<MinedSource>(&component.source)) {
    return WeightsOf(CountedForMined(catalogue, *mined, row), admitted, 1);
  }
  return {};
}

LogLaw LawOfSource(const SourceCatalogue& catalogue, const PolicyComponent& component,
                   const SourceRow& row) {
  return Normalised(
      Without(SourceWeights(catalogue, component, row), SourceExcluded(catalogue, row)));
}

std::map<int64_t, std::map<double, double>> SourceImportance(const SourceCatalogue& catalogue,
                                                             const PolicyComponent& component,
                                                             const SourceRow& row) {
  const auto* exposure = std::get_if<ExposureSource>(&component.source);
  if (exposure == nullptr) return {};
  const double bound = exposure->max_importance_weight;
  std::map<int64_t, std::map<double, std::vector<double>>> by_item;
  for (const Counted& one : CountedForExposure(catalogue, *exposure, row)) {
    const double propensity = one.event->propensity;
    const bool weighted = bound > 0 && propensity > 0;
    const double importance = weighted ? std::min(1 / propensity, bound) : 1;
    by_item[one.event->item][importance].push_back(one.log_weight);
  }
  std::map<int64_t, std::map<double, double>> result;
  for (const auto& [id, parts] : by_item) {
    std::vector<double> all;
    for (const auto& [importance, logs] : parts) all.insert(all.end(), logs.begin(), logs.end());
    for (const auto& [importance, logs] : parts) {
      result[id][importance] = std::exp(LogSum(logs) - LogSum(all));
    }
  }
  return result;
}

SourceMixture MixtureOf(const SourceCatalogue& catalogue, const Policy& policy,
                        const SourceRow& row) {
  SourceMixture mixture;
  std::vector<double> shares;
  std::vector<bool> empty;
  for (const PolicyComponent& component : policy.components) {
    shares.push_back(component.share);
    mixture.laws.push_back(LawOfSource(catalogue, component, row));
    mixture.boundaries.push_back(BoundaryOf(catalogue, component, row.as_of));
    empty.push_back(mixture.laws.back().empty());
  }
  mixture.shares = OracleEffectiveShares(shares, empty);
  mixture.law = Mixed(mixture.shares, mixture.laws);
  mixture.positive_log_q = std::numeric_limits<double>::quiet_NaN();
  if (mixture.law.empty()) {
    mixture.status = ReasonOfEmptiness(catalogue, policy, row);
  } else if (row.positive) {
    mixture.positive_log_q = PositiveLogQ(catalogue, policy, row, mixture.shares);
  }
  return mixture;
}

double ExpectedCountOf(const SourceMixture& mixture, const std::vector<double>& slots, bool repeats,
                       int64_t item) {
  double sum = 0;
  double log_missed = 0;
  for (size_t k = 0; k < slots.size(); ++k) {
    const auto found = mixture.laws[k].find(item);
    if (slots[k] <= 0 || found == mixture.laws[k].end()) continue;
    const double q = std::min(std::exp(found->second), 1.0);
    sum += slots[k] * q;
    log_missed += slots[k] * std::log1p(-q);
  }
  return repeats ? sum : -std::expm1(log_missed);
}

SourceBlock SharedBlockOf(const SourceCatalogue& catalogue, const Policy& policy, Micros time,
                          const std::vector<SourceRow>& rows) {
  SourceBlock block;
  SourceRow nobody;
  nobody.as_of = time;
  block.mixture = MixtureOf(catalogue, policy, nobody);
  for (const SourceRow& row : rows) {
    const std::set<int64_t> excluded = SourceExcluded(catalogue, row);
    std::set<int64_t> wrong;
    for (const SourceItem& item : catalogue.items) {
      if (excluded.count(item.id) > 0 || !IsAliveAt(item, row.as_of)) wrong.insert(item.id);
    }
    std::vector<double> remaining;
    for (const auto& [id, log_q] : block.mixture.law) {
      if (wrong.count(id) == 0) remaining.push_back(log_q);
    }
    block.log_remaining.push_back(LogSum(remaining));
    block.false_items.push_back(std::move(wrong));
  }
  return block;
}

}  // namespace negatron
