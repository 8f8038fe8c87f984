// SPDX-License-Identifier: Apache-2.0
#include "tests/support/source_cases.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <variant>

#include "storage/model/limits.h"

namespace negatron {
namespace {

constexpr Micros kMinute = 60LL * 1000000;
constexpr Micros kHour = 60 * kMinute;
constexpr int64_t kUnknownId = int64_t{1} << 61;  // Above all ids that are made.
constexpr int kCohorts = 3;                       // Of events: 0 to 2. Rows have 3, too.

template <typename T>
void Shuffle(std::vector<T>* values, SplitMix* random) {
  for (size_t i = values->size(); i > 1; --i) {
    std::swap((*values)[i - 1], (*values)[static_cast<size_t>(random->Below(i))]);
  }
}

class Maker {
 public:
  Maker(uint64_t seed, const SourceCaseOptions& options)
      : random_(seed), span_(options.span_micros) {
    result_.seed = seed;
    result_.options = options;
    result_.start = random_.Pick<Micros>({1577836800LL * 1000000, 0, -365LL * 24 * kHour});
  }

  SourceCase Make() {
    MakeSettings();
    MakeIds();
    MakeArrivals();
    MakeItems();
    Withdraw();
    for (const SourceCase::Arrival& arrival : result_.arrivals) {
      if (!arrival.withdrawn) result_.catalogue.events.push_back(arrival.event);
    }
    return std::move(result_);
  }

 private:
  void MakeSettings() {
    PoolSettings& settings = result_.settings;
    SourceCatalogue& catalogue = result_.catalogue;
    settings.half_life_micros =
        random_.Pick<int64_t>({0, span_ * 8, span_ / 2, span_ / 16, span_ / 64});
    if (result_.options.extremes && random_.Chance(0.2)) settings.half_life_micros = kMinute;
    if (random_.Chance(0.6)) settings.half_lives.push_back(span_ / 4);
    if (random_.Chance(0.3)) settings.half_lives.push_back(span_ / 32);
    if (settings.half_life_micros != 0 && random_.Chance(0.4)) settings.half_lives.push_back(0);
    if (random_.Chance(0.6)) settings.windows.push_back(span_ / 3);
    if (random_.Chance(0.3)) settings.windows.push_back(span_ / 9);
    settings.cohort_popularity = true;  // `within_cohort` asks for it.
    settings.category_popularity = random_.Chance(0.5);
    settings.mined_per_user = random_.Pick<int>({1, 3, 12, kDefaultMinedPerUser});
    settings.popularity_grid_micros = random_.Pick<int64_t>(
        {DefaultPopularityGrid(settings.half_life_micros), span_ / 47, span_ / 3, kHour});
    catalogue.half_life_micros = settings.half_life_micros;
    catalogue.mined_per_user = settings.mined_per_user;
    catalogue.popularity_grid_micros = settings.popularity_grid_micros;
  }

  void MakeIds() {
    std::set<int64_t> ids = {0};
    while (static_cast<int>(ids.size()) < result_.options.item_count) {
      ids.insert(random_.Chance(0.5) ? random_.Below(1000) : random_.Below(kUnknownId));
    }
    items_.assign(ids.begin(), ids.end());
    Shuffle(&items_, &random_);
    // Users and items share ids, so that mixing them up shows.
    result_.users.assign(items_.begin(), items_.begin() + result_.options.user_count);
    if (random_.Chance(0.5)) {
      result_.erased_users.push_back(result_.users.back());
      result_.users.pop_back();
    }
  }

  float Weight() {
    const double u = random_.Unit();
    if (u < 0.6) return 1.0f;
    if (u < 0.63) return kMinWeight;
    if (u < 0.65) return kMaxWeight;
    return static_cast<float>(kMinWeight + random_.Unit() * 8);
  }

  Micros EventTime() {
    const double u = random_.Unit();
    if (u < 0.2 && !result_.arrivals.empty()) return random_.Pick(result_.arrivals).event.time;
    const Micros time = random_.Between(0, span_);
    if (u < 0.3) {
      return GridBoundary(result_.catalogue.popularity_grid_micros, result_.start + time);
    }
    return result_.start + (u < 0.5 ? time - time % kHour : time);
  }

  SourceEvent Event() {
    SourceEvent event;
    const bool erased = !result_.erased_users.empty() && random_.Chance(0.1);
    event.user = random_.Pick(erased ? result_.erased_users : result_.users);
    // Some items have most events, the last tenth has none.
    const double u = random_.Unit();
    event.item = items_[static_cast<size_t>(u * u * 0.9 * static_cast<double>(items_.size()))];
    event.time = EventTime();
    event.weight = Weight();
    const double v = random_.Unit();
    if (v < 0.55) {
      event.cohort = static_cast<int>(random_.Below(kCohorts));
    } else if (v < 0.8) {
      event.kind = EventKind::kExposure;
      if (random_.Chance(0.7)) {
        event.propensity = static_cast<float>(0.004 + 0.996 * random_.Unit());
      }
    } else {
      event.kind = EventKind::kMined;
    }
    return event;
  }

  // In order of time but for a sixth that comes late.
  void MakeArrivals() {
    std::vector<std::pair<double, SourceCase::Arrival>> arrivals;
    for (int i = 0; i < result_.options.event_count; ++i) {
      const bool again = i > 0 && random_.Chance(0.03);
      result_.arrivals.push_back({again ? result_.arrivals.back().event : Event(), false});
    }
    for (const SourceCase::Arrival& arrival : result_.arrivals) {
      const Micros delay = random_.Chance(0.16) ? random_.Between(0, span_) : 0;
      arrivals.emplace_back(static_cast<double>(arrival.event.time + delay), arrival);
    }
    std::stable_sort(arrivals.begin(), arrivals.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < arrivals.size(); ++i) result_.arrivals[i] = arrivals[i].second;
    if (random_.Chance(0.4)) {
      const Micros watermark = result_.start + random_.Between(-span_ / 10, span_ * 3 / 5);
      result_.catalogue.watermark =
          random_.Chance(0.5) ? watermark : random_.Pick(result_.arrivals).event.time;
    }
  }

  Micros Edge() {
    const Micros time = random_.Pick(result_.arrivals).event.time;
    const double u = random_.Unit();
    if (u < 0.3) return time;
    if (u < 0.4) return time + random_.Between(-1, 1);
    return result_.start + random_.Between(-span_ / 8, span_ + span_ / 8);
  }

  std::vector<Interval> Alive() {
    const double u = random_.Unit();
    if (u < 0.4) return {{kAlways, kNever}};
    if (u < 0.55) return {{Edge(), kNever}};
    if (u < 0.65) return {{kAlways, Edge()}};
    if (u < 0.68) return {};
    const int64_t count = random_.Between(1, 4);
    std::set<Micros> edges;
    while (static_cast<int64_t>(edges.size()) < 2 * count) edges.insert(Edge());
    const std::vector<Micros> sorted(edges.begin(), edges.end());
    std::vector<Interval> alive;
    for (size_t i = 0; i < sorted.size(); i += 2) alive.push_back({sorted[i], sorted[i + 1]});
    if (random_.Chance(0.3)) alive.front().from = kAlways;
    if (random_.Chance(0.3)) alive.back().until = kNever;
    return alive;
  }

  SourceItem Item(int64_t id, bool weighted) {
    SourceItem item;
    item.id = id;
    item.alive = Alive();
    if (weighted && random_.Chance(0.6)) {
      item.base_weight = random_.Pick<float>(
          {kMinBaseWeight, 0.5f, 3.0f, kMaxBaseWeight, static_cast<float>(0.1 + random_.Unit())});
    }
    for (int64_t left = random_.Below(4); left > 0; --left) {
      item.categories.insert(random_.Pick<std::string>({"a", "a", "a", "b", "b", "c"}));
    }
    if (random_.Chance(0.04)) item.categories.insert("rare");
    return item;
  }

  void MakeItems() {
    const bool weighted = random_.Chance(0.7);
    for (const int64_t id : items_) {
      result_.catalogue.items.push_back(Item(id, weighted));
      const bool edited = random_.Chance(0.25);
      result_.first_items.push_back(edited ? Item(id, weighted) : result_.catalogue.items.back());
    }
  }

  // Mined events of users whose ring overflows stay: what they have pushed out does not
  // come back, and the oracle knows only what is left.
  void Withdraw() {
    std::map<int64_t, int> mined;
    for (const SourceCase::Arrival& arrival : result_.arrivals) {
      if (arrival.event.kind == EventKind::kMined) ++mined[arrival.event.user];
    }
    for (SourceCase::Arrival& arrival : result_.arrivals) {
      const bool full = arrival.event.kind == EventKind::kMined &&
                        mined[arrival.event.user] > result_.catalogue.mined_per_user;
      arrival.withdrawn = (!full && random_.Chance(0.07)) || IsErased(arrival.event.user);
    }
  }

  bool IsErased(int64_t user) const {
    return std::count(result_.erased_users.begin(), result_.erased_users.end(), user) > 0;
  }

  SplitMix random_;
  Micros span_;
  std::vector<int64_t> items_;  // In the order of first writes.
  SourceCase result_;
};

std::optional<int64_t> RandomHalfLife(const SourceCase& source_case, SplitMix* random) {
  const double u = random->Unit();
  const Micros span = source_case.options.span_micros;
  if (u < 0.35) return std::nullopt;
  if (u < 0.6 && !source_case.settings.half_lives.empty()) {
    return random->Pick(source_case.settings.half_lives);
  }
  if (u > 0.95 && source_case.options.extremes) return kMinute;
  return random->Pick<int64_t>({0, span / 5, span / 11, source_case.settings.half_life_micros});
}

int64_t RandomWindow(const SourceCase& source_case, SplitMix* random) {
  const double u = random->Unit();
  const Micros span = source_case.options.span_micros;
  if (u < 0.55) return 0;
  if (u < 0.8 && !source_case.settings.windows.empty()) {
    return random->Pick(source_case.settings.windows);
  }
  return random->Pick<int64_t>({span / 2, span / 7, 6 * kHour});
}

PopularitySource RandomPopularity(const SourceCase& source_case, SplitMix* random) {
  PopularitySource source;
  if (random->Chance(0.35)) source.alpha = random->Pick<double>({0.75, 0.5, 2, 0.01, 4});
  source.half_life_micros = RandomHalfLife(source_case, random);
  source.window_micros = RandomWindow(source_case, random);
  source.within_cohort = random->Chance(0.3);
  return source;
}

std::string RandomCategory(SplitMix* random) {
  const double u = random->Unit();
  if (u < 0.6) return "";
  if (u < 0.63) return "never";
  return random->Pick<std::string>({"a", "a", "b", "b", "c", "rare"});
}

double RandomShare(SplitMix* random) {
  return random->Chance(0.1) ? 0 : random->Pick<double>({1, 0.25, 3, random->Unit() + 1e-3});
}

void GiveSomeShare(Policy* policy, SplitMix* random) {
  const bool some = std::any_of(policy->components.begin(), policy->components.end(),
                                [](const PolicyComponent& one) { return one.share > 0; });
  if (!some) policy->components.back().share = 0.5;
  policy->positive_floor = random->Pick<double>({0, 1e-3, 0.2});
}

}  // namespace

std::string SourceCase::Trace() const {
  std::ostringstream out;
  out << "source case of seed " << seed << ": " << catalogue.items.size() << " items, "
      << catalogue.events.size() << " events, half-life " << catalogue.half_life_micros
      << " us, grid " << catalogue.popularity_grid_micros << " us, watermark "
      << catalogue.watermark << ", " << catalogue.mined_per_user << " mined a user";
  return out.str();
}

SourceCase MakeSourceCase(uint64_t seed, const SourceCaseOptions& options) {
  return Maker(seed, options).Make();
}

Policy RandomSourcePolicy(const SourceCase& source_case, SplitMix* random) {
  Policy policy;
  for (int64_t left = random->Between(1, 4); left > 0; --left) {
    PolicyComponent component{RandomShare(random), RandomCategory(random), UniformSource{}};
    const double u = random->Unit();
    if (u < 0.2) {
      component.source = UniformSource{random->Chance(0.5)};
    } else if (u < 0.6) {
      component.source = RandomPopularity(source_case, random);
    } else if (u < 0.8) {
      component.source =
          ExposureSource{RandomHalfLife(source_case, random), random->Pick<double>({0, 1, 5, 1e6})};
    } else {
      component.source = MinedSource{RandomHalfLife(source_case, random)};
    }
    policy.components.push_back(std::move(component));
  }
  GiveSomeShare(&policy, random);
  return policy;
}

Policy RandomSharedPolicy(const SourceCase& source_case, SplitMix* random) {
  Policy policy;
  for (int64_t left = random->Between(1, 3); left > 0; --left) {
    PolicyComponent component{RandomShare(random), RandomCategory(random), UniformSource{}};
    if (random->Chance(0.3)) {
      component.source = UniformSource{random->Chance(0.5)};
    } else {
      PopularitySource popularity = RandomPopularity(source_case, random);
      popularity.within_cohort = false;
      component.source = popularity;
    }
    policy.components.push_back(std::move(component));
  }
  GiveSomeShare(&policy, random);
  return policy;
}

namespace {

bool HasExponent(const Policy& policy) {
  return std::any_of(policy.components.begin(), policy.components.end(),
                     [](const PolicyComponent& component) {
                       const auto* popularity = std::get_if<PopularitySource>(&component.source);
                       return popularity != nullptr && popularity->alpha != 1;
                     });
}

Micros RandomAsOf(const SourceCase& source_case, const Policy& policy, SplitMix* random) {
  const Micros span = source_case.options.span_micros;
  const double u = random->Unit();
  const Micros event = random->Pick(source_case.arrivals).event.time;
  const Micros near = random->Between(-1, 1);
  if (u < 0.03) return source_case.start - random->Between(0, span / 8);
  if (u < 0.2) return event + (random->Chance(0.5) ? 0 : near);
  if (u < 0.35) {
    const PolicyComponent& component = random->Pick(policy.components);
    const auto* popularity = std::get_if<PopularitySource>(&component.source);
    if (popularity != nullptr && popularity->alpha == 1) {
      return event + popularity->window_micros + near;
    }
    const Micros grid = source_case.catalogue.popularity_grid_micros;
    return GridBoundary(grid, event + random->Between(0, span / 4)) + near;
  }
  if (u < 0.5) {
    const SourceItem& item = random->Pick(source_case.catalogue.items);
    if (!item.alive.empty()) {
      const Interval& interval = random->Pick(item.alive);
      if (interval.from != kAlways) return interval.from + near;
      if (interval.until != kNever) return interval.until + near;
    }
  }
  if (u < 0.55 && source_case.catalogue.watermark != kAlways) {
    return source_case.catalogue.watermark + near;
  }
  if (u < 0.9) return source_case.start + random->Between(0, span);
  if (u < 0.95 && (source_case.options.extremes || !HasExponent(policy))) {
    return source_case.start + span * 40;
  }
  return source_case.start + span + random->Between(1, span);
}

}  // namespace

SourceRow RandomSourceRow(const SourceCase& source_case, const Policy& policy, SplitMix* random) {
  const auto any_item = [&] { return random->Pick(source_case.catalogue.items).id; };
  SourceRow row;
  row.as_of = RandomAsOf(source_case, policy, random);
  row.cohort = static_cast<int>(random->Below(kCohorts + 1));
  const double u = random->Unit();
  if (u >= 0.08) row.user = random->Pick(source_case.users);
  if (u >= 0.92) row.user = kUnknownId + 1;
  if (u >= 0.95 && !source_case.erased_users.empty()) row.user = source_case.erased_users.front();
  const double v = random->Unit();
  if (v >= 0.2) row.positive = any_item();
  if (v >= 0.6) row.positive = random->Pick(source_case.arrivals).event.item;
  if (v >= 0.95) row.positive = kUnknownId + 2;
  const double w = random->Unit();
  for (int64_t left = w < 0.5 ? 0 : random->Below(6); left > 0; --left) {
    row.exclusions.push_back(random->Chance(0.1) ? kUnknownId + 3 : any_item());
  }
  if (w >= 0.85 && row.positive) row.exclusions.push_back(*row.positive);
  if (w >= 0.93) {
    for (const SourceItem& item : source_case.catalogue.items) row.exclusions.push_back(item.id);
    Shuffle(&row.exclusions, random);
    row.exclusions.resize(row.exclusions.size() - static_cast<size_t>(random->Below(4)));
  }
  return row;
}

}  // namespace negatron
