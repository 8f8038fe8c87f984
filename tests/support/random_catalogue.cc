// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_catalogue.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <set>
#include <sstream>
#include <utility>

#include "storage/model/limits.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr Micros kHour = 3600LL * 1000000;
constexpr int64_t kUnknownId = int64_t{1} << 61;  // Above all ids that are made.

class Maker {
 public:
  Maker(uint64_t seed, const RandomCatalogueOptions& options) : random_(seed), options_(options) {
    start_ = random_.Pick<Micros>({1577836800LL * 1000000, 0, -365LL * 24 * kHour});
    result_.seed = seed;
  }

  RandomCase Make(int row_count) {
    OracleCatalogue& catalogue = result_.catalogue;
    const Micros span = options_.span_micros;
    catalogue.half_life_micros = options_.half_life_micros.value_or(
        random_.Pick<int64_t>({0, span * 8, span / 2, span / 16, span / 64}));
    catalogue.embedding = options_.embedding;
    MakeIds();
    MakeEvents();
    MakeItems();
    ShuffleArrivals();
    CollectEdges();
    for (int i = 0; i < row_count; ++i) result_.rows.push_back(MakeRow());
    return std::move(result_);
  }

 private:
  void MakeIds() {
    std::set<int64_t> ids = {0};
    while (static_cast<int>(ids.size()) < options_.item_count) {
      ids.insert(random_.Chance(0.5) ? random_.Below(1000 + options_.item_count)
                                     : random_.Below(kUnknownId));
    }
    items_.assign(ids.begin(), ids.end());
    Shuffle(&items_);
    // Users share ids with items, so that mixing them up shows.
    users_.assign(items_.begin(),
                  items_.begin() + std::min(options_.user_count / 2, options_.item_count));
    for (int64_t id = 1; static_cast<int>(users_.size()) < options_.user_count; ++id) {
      const int64_t user = kUnknownId - id;
      if (ids.count(user) == 0) users_.push_back(user);
    }
  }

  // The last tenth of the items has no events.
  int64_t EventlessFrom() const { return options_.item_count - options_.item_count / 10; }

  int64_t PopularItem() {
    const double u = random_.Unit();
    return items_[static_cast<size_t>(u * u * u * static_cast<double>(EventlessFrom()))];
  }

  float Weight() {
    const double u = random_.Unit();
    if (u < 0.6) return 1.0f;
    if (u < 0.62) return kMinWeight;
    if (u < 0.63) return kMaxWeight;
    return static_cast<float>(kMinWeight + random_.Unit() * 8);
  }

  Micros EventTime(const std::vector<OracleEvent>& events) {
    const double u = random_.Unit();
    if (u < 0.25 && !events.empty()) return random_.Pick(events).time;
    const Micros time = random_.Between(0, options_.span_micros);
    return start_ + (u < 0.5 ? time - time % kHour : time);
  }

  void MakeEvents() {
    std::vector<OracleEvent>& events = result_.catalogue.events;
    const int64_t regulars = options_.user_count - 2;
    for (int i = 0; i < options_.event_count; ++i) {
      if (i > 0 && random_.Chance(0.02)) {
        events.push_back(events.back());
        continue;
      }
      const int64_t user =
          random_.Chance(0.2) ? HeavyUser() : users_[static_cast<size_t>(random_.Below(regulars))];
      events.push_back({user, PopularItem(), EventTime(events), Weight()});
    }
    events.front().time = start_;
    events.back().time = start_ + options_.span_micros;
    const bool sees_all = random_.Chance(0.5);
    const Micros quarter = options_.span_micros / 4;
    for (int64_t i = 0; i < (sees_all ? options_.item_count : EventlessFrom()); ++i) {
      const Micros time = start_ + quarter * 2 + random_.Between(0, quarter - 1);
      events.push_back({AllSeeingUser(), items_[static_cast<size_t>(i)], time, Weight()});
    }
  }

  int64_t HeavyUser() const { return users_[users_.size() - 2]; }
  int64_t AllSeeingUser() const { return users_.back(); }

  // A start or an end: at an event, next to one, or anywhere near the span.
  Micros Edge() {
    const Micros time = random_.Pick(result_.catalogue.events).time;
    const double u = random_.Unit();
    if (u < 0.3) return time;
    if (u < 0.4) return time + random_.Between(-1, 1);
    const Micros margin = options_.span_micros / 8;
    return start_ + random_.Between(-margin, options_.span_micros + margin);
  }

  std::vector<Interval> Alive() {
    const double u = random_.Unit();
    if (u < 0.35) return {{kAlways, kNever}};
    if (u < 0.5) return {{Edge(), kNever}};
    if (u < 0.6) return {{kAlways, Edge()}};
    if (u < 0.65) return {{start_ - 3000 * kHour, start_ - 2000 * kHour}};
    const int64_t count = u < 0.75 ? 1 : random_.Between(2, 5);
    std::set<Micros> edges;
    while (static_cast<int64_t>(edges.size()) < 2 * count) edges.insert(Edge());
    const std::vector<Micros> sorted(edges.begin(), edges.end());
    std::vector<Interval> alive;
    for (size_t i = 0; i < sorted.size(); i += 2) alive.push_back({sorted[i], sorted[i + 1]});
    if (random_.Chance(0.3)) alive.front().from = kAlways;
    if (random_.Chance(0.3)) alive.back().until = kNever;
    return alive;
  }

  void MakeItems() {
    std::vector<float> previous;
    for (size_t i = 0; i < items_.size(); ++i) {
      OracleItem& item = result_.catalogue.items[items_[i]];
      item.order = static_cast<int64_t>(i);
      item.alive = Alive();
      if (!options_.embedding || random_.Chance(0.2)) continue;
      if (previous.empty() || !random_.Chance(0.15)) previous = Vector();
      item.embedding = previous;
    }
  }

  std::vector<float> Vector() {
    const bool cosine = options_.embedding->metric == Metric::kCosine;
    std::vector<float> vector;
    vector.reserve(static_cast<size_t>(options_.embedding->dimension));
    for (int i = 0; i < options_.embedding->dimension; ++i) {
      vector.push_back(cosine ? static_cast<float>(random_.Unit() * 4 - 2)
                              : static_cast<float>(random_.Between(-8, 8)) / 4);
    }
    if (vector.front() == 0) vector.front() = 1;  // A vector of zeros has no direction.
    return vector;
  }

  void ShuffleArrivals() {
    std::vector<OracleEvent>& events = result_.catalogue.events;
    Shuffle(&events);
    std::stable_sort(events.begin(), events.end(),
                     [](const OracleEvent& a, const OracleEvent& b) { return a.time < b.time; });
    std::vector<std::pair<int64_t, OracleEvent>> arrivals;
    const int64_t count = static_cast<int64_t>(events.size());
    for (int64_t i = 0; i < count; ++i) {
      const int64_t delay = random_.Chance(0.15) ? random_.Between(1, count) : 0;
      arrivals.emplace_back(i + delay, events[static_cast<size_t>(i)]);
    }
    std::stable_sort(arrivals.begin(), arrivals.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < events.size(); ++i) events[i] = arrivals[i].second;
  }

  void CollectEdges() {
    for (const auto& [id, item] : result_.catalogue.items) {
      for (const Interval& interval : item.alive) {
        if (interval.from != kAlways) edges_.push_back(interval.from);
        if (interval.until != kNever) edges_.push_back(interval.until);
      }
    }
    edges_.push_back(start_);
  }

  Micros AsOf() {
    const Micros span = options_.span_micros;
    const double u = random_.Unit();
    if (u < 0.05) return start_;  // Nothing is strictly before the first event.
    if (u < 0.1) return start_ - random_.Between(1, span / 8);
    if (u < 0.3) return random_.Pick(result_.catalogue.events).time;
    if (u < 0.4) return random_.Pick(result_.catalogue.events).time + random_.Between(-1, 1);
    if (u < 0.55) return random_.Pick(edges_) + random_.Between(-1, 1);
    if (u < 0.85) return start_ + random_.Between(0, span);
    if (u < 0.95) return start_ + span + random_.Between(1, span);
    return start_ + span * 40;
  }

  OracleRow MakeRow() {
    OracleRow row;
    row.as_of = AsOf();
    const double u = random_.Unit();
    if (u >= 0.15) row.user = random_.Pick(users_);
    if (u >= 0.6) row.user = HeavyUser();
    if (u >= 0.75) row.user = AllSeeingUser();
    if (u >= 0.9) row.user = kUnknownId + 1;
    const double v = random_.Unit();
    if (v >= 0.2) row.positive = random_.Pick(items_);
    if (v >= 0.9) row.positive = kUnknownId + 2;
    const double w = random_.Unit();
    for (int64_t left = w < 0.4 ? 0 : random_.Below(6); left > 0; --left) {
      row.exclusions.push_back(random_.Chance(0.1) ? kUnknownId + 3 : random_.Pick(items_));
    }
    if (w >= 0.8 && row.positive) row.exclusions.push_back(*row.positive);
    if (w >= 0.9) {
      row.exclusions = items_;
      Shuffle(&row.exclusions);
      row.exclusions.resize(row.exclusions.size() - static_cast<size_t>(random_.Below(4)));
    }
    if (options_.embedding) row.query = Vector();
    return row;
  }

  template <typename T>
  void Shuffle(std::vector<T>* values) {
    for (size_t i = values->size(); i > 1; --i) {
      std::swap((*values)[i - 1], (*values)[static_cast<size_t>(random_.Below(i))]);
    }
  }

  SplitMix random_;
  RandomCatalogueOptions options_;
  Micros start_ = 0;            // Time of the first event.
  std::vector<int64_t> items_;  // In the order of their first writes.
  std::vector<int64_t> users_;
  std::vector<Micros> edges_;
  RandomCase result_;
};

}  // namespace

std::string RandomCase::Trace() const {
  std::ostringstream out;
  out << "random case of seed " << seed << ": " << catalogue.items.size() << " items, "
      << catalogue.events.size() << " events, half-life " << catalogue.half_life_micros << " us, "
      << rows.size() << " rows";
  return out.str();
}

RandomCase MakeRandomCase(uint64_t seed, int row_count, const RandomCatalogueOptions& options) {
  return Maker(seed, options).Make(row_count);
}

uint64_t TestSeed(uint64_t fixed) {
  // Tests change the environment on their main thread alone.
  const char* soak = std::getenv("NEGATRON_TEST_SEED");  // NOLINT(concurrency-mt-unsafe)
  if (soak == nullptr || *soak == '\0') return fixed;
  return SplitMix::Scramble(fixed ^ SplitMix::Scramble(std::strtoull(soak, nullptr, 10)));
}

}  // namespace negatron
