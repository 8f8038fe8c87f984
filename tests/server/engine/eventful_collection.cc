// SPDX-License-Identifier: Apache-2.0
#include "tests/server/engine/eventful_collection.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "gtest/gtest.h"

namespace negatron {
namespace {

constexpr Micros kSpan = 400 * kTestHour;  // Of all events, from 0 on.
constexpr int64_t kRetention = 320 * kTestHour;
// So that the watermark gets to a fifth of the span.
constexpr Micros kLastNow = kSpan;
constexpr int64_t kErasedUser = 99;
constexpr int64_t kFirstCreatedItem = 100000;  // Events create these.

PopularitySource Popularity(std::optional<int64_t> half_life, int64_t window = 0, double alpha = 1,
                            bool within_cohort = false) {
  PopularitySource source;
  source.half_life_micros = half_life;
  source.window_micros = window;
  source.alpha = alpha;
  source.within_cohort = within_cohort;
  return source;
}

NearestSource Nearest(NearestAnchor anchor, NearestPick pick, int begin, int end) {
  NearestSource source;
  source.anchor = anchor;
  source.pick = pick;
  source.rank_begin = begin;
  source.rank_end = end;
  if (pick == NearestPick::kSoftmax) source.temperature = 0.5;
  return source;
}

}  // namespace

EventfulCollection::EventfulCollection(EngineHarness* harness, uint64_t seed, bool rings_overflow)
    : harness_(*harness), random_(seed), rings_overflow_(rings_overflow) {}

CollectionRecord EventfulCollection::SettingsOf(std::string id, bool rings_overflow) {
  CollectionRecord settings = Settings(std::move(id));
  settings.half_life_micros = 9 * kTestHour;
  settings.half_lives = {2 * kTestHour, 90 * kTestHour, 0};
  settings.windows = {40 * kTestHour};
  settings.cohort_popularity = true;
  settings.category_popularity = true;
  settings.popularity_grid_micros = 6 * kTestHour;
  settings.mined_per_user = rings_overflow ? 12 : 4096;
  settings.event_retention_micros = kRetention;
  settings.missing_item_rule = MissingItemRule::kCreate;
  settings.embedding = EmbeddingSettings{kDimension, Metric::kInnerProduct};
  return settings;
}

std::vector<Interval> EventfulCollection::RandomLives() {
  if (random_.Chance(0.4)) return {Interval{}};
  if (random_.Chance(0.05)) return {};
  std::vector<Interval> lives;
  Micros from = random_.Chance(0.4) ? kAlways : random_.Between(0, kSpan / 2);
  for (int64_t i = random_.Between(1, 3); i > 0; --i) {
    const Micros until = std::max<Micros>(from, 0) + random_.Between(1, kSpan / 4);
    lives.push_back({from, i == 1 && random_.Chance(0.5) ? kNever : until});
    from = until + random_.Between(1, kSpan / 8);
  }
  return lives;
}

// Items [first, last), one commit for every fifty.
void EventfulCollection::WriteItems(const std::string& id, int64_t first, int64_t last) {
  for (int64_t begin = first; begin < last; begin += 50) {
    WriteItemsRequest request;
    std::vector<int64_t> ids;
    for (int64_t item = begin; item < std::min(last, begin + 50); ++item) {
      ids.push_back(item);
      request.alive.push_back(RandomLives());
      request.base_weights.push_back(static_cast<float>(std::exp2(random_.Between(-3, 3))));
      request.categories.emplace_back();
      if (random_.Chance(0.5)) request.categories.back().emplace_back("a");
      if (random_.Chance(0.2)) request.categories.back().emplace_back("b");
      if (random_.Chance(0.05)) request.categories.back().emplace_back("passing");
    }
    request.ids.values = ids;
    ASSERT_TRUE(harness_.Items(id, request).ok());
  }
  written_items_ = last;
}

// New lives, or weights and categories too.
void EventfulCollection::EditSomeItems(const std::string& id) {
  WriteItemsRequest request;
  std::vector<int64_t> ids;
  for (int64_t item = random_.Below(7); item < kItems / 2; item += 7) {
    ids.push_back(item);
    request.alive.push_back(RandomLives());
    request.base_weights.push_back(static_cast<float>(std::exp2(random_.Between(-3, 3))));
    request.categories.emplace_back();
    if (random_.Chance(0.5)) request.categories.back().emplace_back("b");
  }
  request.ids.values = ids;
  if (random_.Chance(0.5)) {
    request.mask = {true, false, false, false};
    request.base_weights.clear();
    request.categories.clear();
  }
  const auto written = harness_.Items(id, request);
  ASSERT_TRUE(written.ok()) << written.status();
}

EventfulCollection::Event EventfulCollection::RandomEvent() {
  Event event{random_.Below(kUsers),
              random_.Below(written_items_),
              random_.Below(kSpan),
              static_cast<EventKind>(1 + random_.Below(3)),
              static_cast<float>(std::exp2(random_.Unit() * 6 - 3)),
              0,
              0};
  if (random_.Chance(0.5)) event.kind = EventKind::kPositive;
  if (random_.Chance(0.2)) event.time -= event.time % kTestHour;  // Ties.
  if (event.kind == EventKind::kExposure && random_.Chance(0.7)) event.propensity = 0.05f;
  if (event.kind == EventKind::kPositive) event.cohort = random_.Below(3);
  return event;
}

void EventfulCollection::WriteEvents(const std::string& id, const std::vector<Event>& events) {
  WriteEventsRequest request = EventsOf({}, {}, {});
  std::vector<int64_t> users, items;
  for (const Event& event : events) {
    users.push_back(event.user);
    items.push_back(event.item);
    request.times.push_back(event.time);
    request.kinds.push_back(event.kind);
    request.weights.push_back(event.weight);
    request.propensities.push_back(event.propensity);
    request.cohorts.push_back(event.cohort);
  }
  request.users.values = users;
  request.items.values = items;
  request.options.level = AckLevel::kApplied;
  const auto written = harness_.Events(id, request);
  ASSERT_TRUE(written.ok()) << written.status();
}

// Takes back events that are not behind the watermark, of all kinds, first positives and
// others.
void EventfulCollection::RetractSome(const std::string& id) {
  RetractEventsRequest request;
  std::vector<int64_t> users, items;
  const Micros watermark = harness_.engine().GetCollection(id)->watermark;
  for (int i = 0; i < 20; ++i) {
    const Event& event = events_[random_.Below(static_cast<int64_t>(events_.size()))];
    if (event.time < watermark) continue;
    users.push_back(event.user);
    items.push_back(event.item);
    request.times.push_back(event.time);
    request.kinds.push_back(event.kind);
  }
  request.users.values = users;
  request.items.values = items;
  const auto retracted = harness_.Retract(id, request);
  ASSERT_TRUE(retracted.ok()) << retracted.status();
  for (size_t i = 0; i < users.size(); ++i) {
    std::erase_if(events_, [&](const Event& event) {
      return event.user == users[i] && event.item == items[i] && event.time == request.times[i] &&
             event.kind == request.kinds[i];
    });
  }
}

void EventfulCollection::WriteEmbeddings(const std::string& id) {
  SplitMix random(5);
  WriteEmbeddingsRequest request;
  std::vector<int64_t> ids;
  for (int64_t item = 0; item < kItems; item += 2) {
    ids.push_back(item);
    for (int d = 0; d < kDimension; ++d) {
      request.values.push_back(static_cast<float>(random.Unit() * 2 - 1));
    }
  }
  request.ids.values = ids;
  request.column_count = kDimension;
  ASSERT_TRUE(harness_.Embeddings(id, request).ok());
}

void EventfulCollection::Live(const std::string& id) {
  ASSERT_TRUE(harness_.Create(SettingsOf(id, rings_overflow_)).ok());
  WriteItems(id, 0, kItems / 2);
  for (int commit = 0; commit < 60; ++commit) {
    std::vector<Event> events;
    for (int64_t i = random_.Between(1, 300); i > 0; --i) events.push_back(RandomEvent());
    // An item that nobody wrote, perhaps again with an earlier event.
    events.push_back(RandomEvent());
    events.back().item = kFirstCreatedItem + random_.Below(20);
    WriteEvents(id, events);
    events_.insert(events_.end(), events.begin(), events.end());
    if (commit % 7 == 3) EditSomeItems(id);
    if (commit % 9 == 5) RetractSome(id);
    if (commit == 20) WriteItems(id, kItems / 2, kItems);
    if (commit == 30) {
      std::vector<Event> erased(50, RandomEvent());
      for (Event& event : erased) event.user = kErasedUser;
      WriteEvents(id, erased);
      EraseUsersRequest request;
      request.users.values = std::vector<int64_t>{kErasedUser};
      ASSERT_TRUE(harness_.Erase(id, request).ok());
    }
    if (commit % 10 == 9) {
      harness_.clock().Set(std::max(harness_.clock().NowMicros(), kLastNow * (commit + 1) / 60));
      harness_.engine().RunHousekeeping();
    }
  }
  WriteEmbeddings(id);
  ASSERT_GT(harness_.engine().GetCollection(id)->watermark, kSpan / 10);
}

void EventfulCollection::Rewrite(const std::string& from, const std::string& id, bool newest_first,
                                 size_t events_per_commit) {
  const auto listed = harness_.engine().ListItems(from, 0, 100000);
  ASSERT_TRUE(listed.ok());
  CollectionRecord settings = SettingsOf(id, rings_overflow_);
  if (newest_first) settings.event_retention_micros = 0;
  ASSERT_TRUE(harness_.Create(settings).ok());
  harness_.engine().RunHousekeeping();
  WriteItemsRequest items;
  items.ids.values = listed->items.numbers;
  items.alive = listed->items.alive;
  items.base_weights = listed->items.base_weights;
  items.categories = listed->items.categories;
  ASSERT_TRUE(harness_.Items(id, items).ok());
  WriteEmbeddings(id);
  std::vector<Event> events = events_;
  std::sort(events.begin(), events.end(), [&](const Event& a, const Event& b) {
    return newest_first ? a.time > b.time : a.time < b.time;
  });
  for (size_t i = 0; i < events.size(); i += events_per_commit) {
    const size_t end = std::min(events.size(), i + events_per_commit);
    WriteEvents(id, {events.begin() + static_cast<std::ptrdiff_t>(i),
                     events.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  CollectionUpdate update;
  update.event_retention_micros = kRetention;
  ASSERT_TRUE(harness_.Update(id, update).ok());
  harness_.engine().RunHousekeeping();
  ASSERT_EQ(harness_.engine().GetCollection(id)->watermark,
            harness_.engine().GetCollection(from)->watermark);
}

EventfulRows::EventfulRows(uint64_t seed, int count) {
  SplitMix random(seed);
  for (int r = 0; r < count; ++r) {
    // Times repeat, as in batches of a trainer.
    const Micros as_of = random.Chance(0.3) ? kSpan : random.Below(kSpan + 10 * kTestHour);
    Row row{random.Below(EventfulCollection::kUsers + 3),
            random.Below(EventfulCollection::kItems + 5),
            {},
            as_of,
            static_cast<uint8_t>(random.Below(4)),
            {}};
    for (int64_t i = random.Below(6); i > 0; --i) row.exclusions.push_back(random.Below(320));
    for (int d = 0; d < EventfulCollection::kDimension; ++d) {
      row.query.push_back(static_cast<float>(random.Unit() * 2 - 1));
    }
    rows.push_back(std::move(row));
  }
}

SampleRequest EventfulRows::RequestFor(const Policy& policy, const std::vector<int>& some) const {
  SampleRequest request;
  request.row_count = static_cast<int64_t>(some.size());
  request.negative_count = 11;
  request.seed = 42;
  request.policy = policy;
  request.query_columns = EventfulCollection::kDimension;
  request.exclusion_splits.assign(1, 0);
  std::vector<int64_t> users, positives, exclusions;
  for (const int r : some) {
    const Row& row = rows[static_cast<size_t>(r)];
    users.push_back(row.user);
    positives.push_back(row.positive);
    exclusions.insert(exclusions.end(), row.exclusions.begin(), row.exclusions.end());
    request.exclusion_splits.push_back(static_cast<int64_t>(exclusions.size()));
    request.as_of.push_back(row.as_of);
    request.cohorts.push_back(row.cohort);
    request.queries.insert(request.queries.end(), row.query.begin(), row.query.end());
  }
  request.users = IdBatch{users};
  request.positives = IdBatch{positives};
  request.exclusions = IdBatch{exclusions};
  for (bool* const wanted :
       {&request.want_scores, &request.want_shares, &request.want_rejects,
        &request.want_expected_count, &request.want_importance_weights,
        &request.want_positive_log_q, &request.want_boundaries, &request.want_all_rejects,
        &request.want_rejects_by_cause, &request.want_tags}) {
    *wanted = true;
  }
  return request;
}

SharedRequest EventfulRows::SharedRequestFor(const Policy& policy,
                                             const std::vector<int>& some) const {
  SharedRequest request;
  request.rows = RequestFor(policy, some);
  request.rows.negative_count = 77;
  request.rows.cohorts.clear();
  request.rows.queries.clear();
  request.rows.query_columns = 0;
  request.negatives_time = kSpan / 2;
  request.block_key = 9;
  return request;
}

std::vector<Policy> EventfulPolicies() {
  const std::vector<SourceSpec> sources = {
      UniformSource{},
      UniformSource{true},
      PopularitySource{},
      Popularity(0),
      Popularity(2 * kTestHour),
      Popularity(90 * kTestHour),
      Popularity(13 * kTestHour),
      Popularity(std::nullopt, 40 * kTestHour),
      Popularity(90 * kTestHour, 21 * kTestHour),
      Popularity(std::nullopt, 0, 0.75),
      Popularity(13 * kTestHour, 21 * kTestHour, 1.5),
      Popularity(std::nullopt, 0, 1, true),
      Popularity(2 * kTestHour, 40 * kTestHour, 1, true),
      ExposureSource{std::nullopt, 10},
      ExposureSource{3 * kTestHour, 0},
      MinedSource{},
      MinedSource{0},
      Nearest(NearestAnchor::kQuery, NearestPick::kSoftmax, 0, 20),
      Nearest(NearestAnchor::kPositive, NearestPick::kTop, 2, 15),
      Nearest(NearestAnchor::kQuery, NearestPick::kUniform, 5, 25),
  };
  std::vector<Policy> policies;
  Policy all;
  for (const SourceSpec& source : sources) {
    policies.push_back({{{1, "", source}}});
    if (all.components.size() < 16) all.components.push_back({1, "", source});
  }
  for (const char* const category : {"a", "passing", "unknown"}) {
    for (const size_t i : {0, 1, 2, 6, 11, 13, 15, 17}) {
      policies.push_back({{{1, category, sources[i]}}});
    }
  }
  policies.push_back(all);
  Policy mixture{{{0.2, "", UniformSource{true}},
                  {0.3, "", PopularitySource{}},
                  {0.1, "b", Popularity(90 * kTestHour)},
                  {0.2, "", ExposureSource{std::nullopt, 5}},
                  {0.2, "", MinedSource{}},
                  {0.3, "a", UniformSource{}},
                  {0, "", Popularity(2 * kTestHour)}}};
  for (const bool unique : {false, true}) {
    for (const int cap : {0, 3}) {
      mixture.unique = unique;
      mixture.category_cap = cap;
      policies.push_back(mixture);
    }
  }
  PolicyComponent shown{1, "", UniformSource{}};
  shown.plausibility = Plausibility{0, std::nullopt, 0, 2};
  policies.push_back({{shown}});
  policies.push_back({{{1, "", PopularitySource{}}}, true});
  policies.push_back({{{1, "", ExposureSource{}}}, true});
  return policies;
}

std::vector<Policy> SharedPolicies() {
  PolicyComponent guarded{1, "", Popularity(90 * kTestHour)};
  guarded.category_filter.any_of = {"a", "b"};
  guarded.plausibility = Plausibility{0, std::nullopt, 0, 1};
  return {
      {{guarded, {1, "", UniformSource{}}}},
      {{{1, "", UniformSource{}}}},
      {{{1, "", PopularitySource{}}}},
      {{{1, "", UniformSource{true}}, {2, "a", Popularity(90 * kTestHour, 40 * kTestHour)}}},
      {{{1, "b", UniformSource{}}, {2, "", Popularity(13 * kTestHour, 0, 0.75)}}},
  };
}

}  // namespace negatron
