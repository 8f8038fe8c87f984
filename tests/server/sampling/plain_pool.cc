// SPDX-License-Identifier: Apache-2.0
#include "tests/server/sampling/plain_pool.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "server/pool/pool_builder.h"
#include "server/sampling/sampler.h"

namespace negatron {
namespace {

constexpr int64_t kListedHalfLife = 2 * kTestHour;
constexpr int64_t kUnlistedHalfLife = 13 * kTestHour;
constexpr int64_t kListedWindow = 40 * kTestHour;
constexpr int64_t kUnlistedWindow = 33 * kTestHour;

PolicyComponent Of(const SourceSpec& source, std::string category = "") {
  return {1, std::move(category), source};
}

PopularitySource Popularity(std::optional<int64_t> half_life, int64_t window, double alpha = 1,
                            bool within_cohort = false) {
  PopularitySource source;
  source.half_life_micros = half_life;
  source.window_micros = window;
  source.alpha = alpha;
  source.within_cohort = within_cohort;
  return source;
}

// An event that counts for a row.
struct Counted {
  Ordinal item;
  Micros time;
  double weight;
};

// Decayed sums by item, relative to the newest event: weights matter up to a factor, and
// after thousands of half-lives all would vanish.
std::vector<double> DecayedSums(const PlainPool& pool, const std::vector<Counted>& events,
                                int64_t half_life) {
  Micros newest = kAlways;
  for (const Counted& event : events) newest = std::max(newest, event.time);
  std::vector<double> sums(pool.items.size(), 0);
  for (const Counted& event : events) {
    const double age = static_cast<double>(newest - event.time);
    const double decay = half_life == 0 ? 1 : std::exp2(-age / static_cast<double>(half_life));
    sums[event.item] += event.weight * decay;
  }
  return sums;
}

std::vector<double> PopularityWeights(const PlainPool& pool, const PopularitySource& spec,
                                      const PlainRow& row) {
  Micros t = row.as_of;
  if (spec.alpha != 1) {
    const int64_t grid = pool.settings.popularity_grid_micros;
    t -= (t % grid + grid) % grid;
  }
  std::vector<Counted> counted;
  for (const EventRecord& event : pool.events) {
    if (event.kind != EventKind::kPositive || event.time >= t) continue;
    if (spec.window_micros != 0 && event.time < t - spec.window_micros) continue;
    if (spec.within_cohort && event.cohort != row.cohort) continue;
    const double weight = double{event.weight} * pool.items[event.item].base_weight;
    counted.push_back({event.item, event.time, weight});
  }
  std::vector<double> weights =
      DecayedSums(pool, counted, spec.half_life_micros.value_or(pool.settings.half_life_micros));
  for (double& weight : weights) weight = weight > 0 ? std::pow(weight, spec.alpha) : 0;
  return weights;
}

std::vector<double> UserWeights(const PlainPool& pool, EventKind kind,
                                std::optional<int64_t> half_life, const PlainRow& row) {
  std::vector<Counted> counted;
  for (const EventRecord& event : pool.events) {
    if (event.kind != kind || event.user != row.user || event.time > row.as_of) continue;
    if (kind == EventKind::kExposure && event.time == row.as_of) continue;
    counted.push_back({event.item, event.time, event.weight});
  }
  return DecayedSums(pool, counted, half_life.value_or(pool.settings.half_life_micros));
}

// By item, dead or alive, excluded or not.
std::vector<double> WeightsOf(const PlainPool& pool, const PolicyComponent& component,
                              const PlainRow& row) {
  if (const auto* uniform = std::get_if<UniformSource>(&component.source)) {
    std::vector<double> weights(pool.items.size(), 1);
    for (size_t i = 0; uniform->by_base_weight && i < weights.size(); ++i) {
      weights[i] = pool.items[i].base_weight;
    }
    return weights;
  }
  if (const auto* popularity = std::get_if<PopularitySource>(&component.source)) {
    return PopularityWeights(pool, *popularity, row);
  }
  if (const auto* exposure = std::get_if<ExposureSource>(&component.source)) {
    return UserWeights(pool, EventKind::kExposure, exposure->half_life_micros, row);
  }
  const auto& mined = std::get<MinedSource>(component.source);
  return UserWeights(pool, EventKind::kMined, mined.half_life_micros, row);
}

template <typename T>
void AppendBytes(const std::vector<T>& column, size_t rows, int row, std::string* bytes) {
  const size_t each = column.size() / rows;
  const T* const begin = column.data() + each * static_cast<size_t>(row);
  bytes->append(reinterpret_cast<const char*>(begin), each * sizeof(T));
}

}  // namespace

PlainPool::PlainPool() {
  settings.half_life_micros = 9 * kTestHour;
  settings.half_lives = {kListedHalfLife, 0};
  settings.windows = {kListedWindow};
  settings.cohort_popularity = true;
  settings.category_popularity = true;
  settings.mined_per_user = 4096;
  settings.popularity_grid_micros = kTestHour;
}

Ordinal PlainPool::AddItem(std::vector<Interval> alive, float base_weight,
                           std::vector<std::string> categories) {
  ItemRecord item;
  item.ordinal = static_cast<Ordinal>(items.size());
  item.id.number = item.ordinal;
  item.alive = std::move(alive);
  item.base_weight = base_weight;
  item.categories = std::move(categories);
  items.push_back(std::move(item));
  return items.back().ordinal;
}

void PlainPool::AddItems(int count) {
  for (int i = 0; i < count; ++i) AddItem();
}

void PlainPool::Add(EventKind kind, Ordinal user, Ordinal item, Micros time, float weight) {
  EventRecord event;
  event.time = time;
  event.commit_sequence = static_cast<int64_t>(events.size()) + 1;
  event.user = user;
  event.item = item;
  event.kind = kind;
  event.weight = weight;
  if (kind == EventKind::kPositive) event.cohort = 1;
  user_count = std::max(user_count, user + 1);
  events.push_back(event);
}

void PlainPool::AddOfEachKind(Ordinal user, Ordinal shown_to, Ordinal item, Micros time,
                              float weight) {
  Add(EventKind::kPositive, user, item, time, weight);
  Add(EventKind::kExposure, shown_to, item, time, weight);
  Add(EventKind::kMined, shown_to, item, time, weight);
}

std::shared_ptr<const PoolView> PlainPool::Build(size_t events_per_commit) const {
  auto pool = std::make_shared<const PoolView>(settings);
  PoolBuilder first(*pool);
  for (const ItemRecord& item : items) first.AddItem(item);
  for (uint32_t user = 0; user < user_count; ++user) first.AddUser({user, {}});
  pool = std::move(first).Build();
  for (size_t i = 0; i < events.size(); i += events_per_commit) {
    PoolBuilder builder(*pool);
    const size_t end = std::min(events.size(), i + events_per_commit);
    for (size_t e = i; e < end; ++e) builder.AddEvent(events[e]);
    pool = std::move(builder).Build();
  }
  return pool;
}

std::map<int64_t, int64_t> DrawnRows::Count(int first, int last) const {
  const auto each = static_cast<std::ptrdiff_t>(items.size() / statuses.size());
  std::map<int64_t, int64_t> counts;
  for (auto item = items.begin() + first * each; item != items.begin() + last * each; ++item) {
    if (*item != kNoOrdinal) ++counts[*item];
  }
  return counts;
}

std::string DrawnRows::Bytes(int row) const {
  std::string bytes;
  const size_t rows = statuses.size();
  AppendBytes(items, rows, row, &bytes);
  for (const auto* column : {&log_q, &log_q_source, &expected_counts, &importance_weights,
                             &positive_log_q, &shares, &scores}) {
    AppendBytes(*column, rows, row, &bytes);
  }
  AppendBytes(components, rows, row, &bytes);
  AppendBytes(tags, rows, row, &bytes);
  AppendBytes(statuses, rows, row, &bytes);
  AppendBytes(drawn, rows, row, &bytes);
  AppendBytes(rejects, rows, row, &bytes);
  AppendBytes(boundaries, rows, row, &bytes);
  return bytes;
}

PlainColumns::PlainColumns(const std::vector<PlainRow>& rows, uint64_t first_key) {
  for (const PlainRow& row : rows) {
    as_of.push_back(row.as_of);
    keys.push_back(first_key + keys.size());
    users.push_back(row.user);
    positives.push_back(row.positive);
    cohorts.push_back(row.cohort);
    exclusions.insert(exclusions.end(), row.exclusions.begin(), row.exclusions.end());
    splits.push_back(static_cast<int64_t>(exclusions.size()));
    queries.insert(queries.end(), row.query.begin(), row.query.end());
  }
}

SampleBatch PlainColumns::Batch(int count) const {
  SampleBatch batch;
  batch.row_count = static_cast<int64_t>(keys.size());
  batch.negative_count = count;
  batch.as_of = as_of;
  batch.keys = keys;
  batch.users = users;
  batch.positives = positives;
  batch.cohorts = cohorts;
  batch.exclusions = exclusions;
  batch.exclusion_splits = splits;
  batch.queries = queries;
  batch.query_columns = static_cast<int>(queries.size() / keys.size());
  return batch;
}

DrawnRows DrawRows(const PoolView& pool, const Policy& policy, const std::vector<PlainRow>& rows,
                   int count, uint64_t seed, uint64_t first_key, const Cancellation& cancellation,
                   const VectorTable* vectors) {
  const PlainColumns asked(rows, first_key);
  DrawnRows out;
  const size_t draws = rows.size() * static_cast<size_t>(count);
  out.items.resize(draws);
  for (auto* column : {&out.log_q, &out.log_q_source, &out.expected_counts, &out.importance_weights,
                       &out.scores}) {
    column->resize(draws);
  }
  out.components.resize(draws);
  out.tags.resize(draws);
  out.positive_log_q.resize(rows.size());
  out.statuses.resize(rows.size());
  out.drawn.resize(rows.size());
  out.rejects.resize(rows.size() * kRejectCauseCount);
  out.shares.resize(rows.size() * policy.components.size());
  out.boundaries.resize(rows.size() * policy.components.size());
  SampleColumns columns;
  columns.items = out.items;
  columns.log_q = out.log_q;
  columns.log_q_source = out.log_q_source;
  columns.components = out.components;
  columns.statuses = out.statuses;
  columns.shares = out.shares;
  columns.rejects = out.rejects;
  columns.drawn = out.drawn;
  columns.expected_counts = out.expected_counts;
  columns.importance_weights = out.importance_weights;
  columns.positive_log_q = out.positive_log_q;
  columns.boundaries = out.boundaries;
  columns.tags = out.tags;
  columns.scores = out.scores;
  static ExcludedMassCache excluded_masses(1 << 20);
  const SourceContext context{&pool, vectors, Philox(seed), &cancellation, &excluded_masses};
  SampleTotals totals;
  out.status = SampleRows(policy, context, asked.Batch(count), columns, &totals);
  return out;
}

PlainPool RandomPlainPool(uint64_t seed) {
  SplitMix random(seed);
  PlainPool pool;
  for (int i = 0; i < 60; ++i) {
    std::vector<Interval> alive = {Interval{}};
    if (random.Chance(0.3)) alive[0].from = random.Between(0, 30) * kTestHour;
    if (random.Chance(0.3)) alive[0].until = random.Between(31, 60) * kTestHour;
    std::vector<std::string> categories;
    if (random.Chance(0.6)) categories.emplace_back("all");
    if (random.Chance(0.3)) categories.emplace_back("some");
    pool.AddItem(alive, static_cast<float>(std::exp2(random.Between(-4, 4))), categories);
  }
  for (int e = 0; e < 600; ++e) {
    const auto kind = static_cast<EventKind>(1 + random.Below(3));
    pool.Add(kind, static_cast<Ordinal>(random.Below(6)), static_cast<Ordinal>(random.Below(60)),
             random.Between(0, 50 * 60) * kTestHour / 60,
             static_cast<float>(std::exp2(random.Between(-3, 3))));
    if (kind == EventKind::kPositive) pool.events.back().cohort = random.Below(3);
    if (kind == EventKind::kExposure) pool.events.back().propensity = 0.25f;
  }
  return pool;
}

std::vector<PlainRow> RandomPlainRows(SplitMix& random, int count, Micros last) {
  std::vector<PlainRow> rows;
  for (int r = 0; r < count; ++r) {
    PlainRow row{random.Between(0, last), static_cast<Ordinal>(random.Below(6))};
    row.cohort = random.Below(3);
    if (random.Chance(0.5)) row.positive = static_cast<Ordinal>(random.Below(60));
    for (int i = 0; i < 5; ++i) row.exclusions.push_back(static_cast<Ordinal>(random.Below(60)));
    rows.push_back(row);
  }
  return rows;
}

const std::vector<NamedSource>& EverySource() {
  static const std::vector<NamedSource> kSources = {
      {"Uniform", Of(UniformSource{})},
      {"UniformByWeight", Of(UniformSource{true})},
      {"UniformOfCategory", Of(UniformSource{}, "all")},
      {"Popularity", Of(PopularitySource{})},
      {"PopularityOfListedHalfLife", Of(Popularity(kListedHalfLife, 0))},
      {"PopularityOfUnlistedHalfLife", Of(Popularity(kUnlistedHalfLife, 0))},
      {"PopularityWithoutDecay", Of(Popularity(0, 0))},
      {"PopularityOfListedWindow", Of(Popularity(std::nullopt, kListedWindow))},
      {"PopularityOfUnlistedWindow", Of(Popularity(std::nullopt, kUnlistedWindow))},
      {"PopularityWithExponent", Of(Popularity(std::nullopt, 0, 0.75))},
      {"PopularityOfCohort", Of(Popularity(std::nullopt, 0, 1, true))},
      {"PopularityOfCategory", Of(PopularitySource{}, "all")},
      {"PopularityOfCohortAndCategory", Of(Popularity(std::nullopt, 0, 1, true), "all")},
      {"Exposure", Of(ExposureSource{std::nullopt, 10})},
      {"Mined", Of(MinedSource{})},
  };
  return kSources;
}

OracleLaw LawOf(const PlainPool& pool, const PolicyComponent& component, const PlainRow& row) {
  std::vector<double> weights = WeightsOf(pool, component, row);
  for (const Ordinal item : row.exclusions) weights[item] = 0;
  if (row.positive != kNoOrdinal) weights[row.positive] = 0;
  for (const EventRecord& event : pool.events) {
    const bool is_history = event.kind == EventKind::kPositive && event.user == row.user;
    if (is_history && event.time < row.as_of) weights[event.item] = 0;
  }
  double sum = 0;
  for (const ItemRecord& item : pool.items) {
    double& weight = weights[item.ordinal];
    const bool is_alive =
        std::any_of(item.alive.begin(), item.alive.end(),
                    [&](const Interval& life) { return life.Contains(row.as_of); });
    const bool has_category =
        component.category.empty() || std::find(item.categories.begin(), item.categories.end(),
                                                component.category) != item.categories.end();
    if (!is_alive || !has_category) weight = 0;
    sum += weight;
  }
  OracleLaw law;
  for (const ItemRecord& item : pool.items) {
    const double weight = weights[item.ordinal];
    if (weight > 0) law[item.ordinal] = weight / sum;
  }
  return law;
}

}  // namespace negatron
