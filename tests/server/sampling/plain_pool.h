// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SERVER_SAMPLING_PLAIN_POOL_H_
#define NEGATRON_TESTS_SERVER_SAMPLING_PLAIN_POOL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "server/pool/pool_view.h"
#include "server/sampling/policy.h"
#include "server/sampling/sampler.h"
#include "storage/base/cancellation.h"
#include "storage/model/records.h"
#include "tests/support/oracle.h"
#include "tests/support/split_mix.h"

namespace negatron {

inline constexpr int64_t kTestHour = 3600LL * 1000000;

// A catalogue as plain lists. Item and user ids are their ordinals.
struct PlainPool {
  // Indexes every half-life, window, cohort and category that EverySource asks for.
  PlainPool();

  // Adds an item; its ordinal is the number of those before.
  Ordinal AddItem(std::vector<Interval> alive = {Interval{}}, float base_weight = 1,
                  std::vector<std::string> categories = {"all"});
  // Adds `count` items like AddItem().
  void AddItems(int count);
  // Adds an event of cohort 1 (if positive); users are made as they are named.
  void Add(EventKind kind, Ordinal user, Ordinal item, Micros time, float weight = 1);
  // A positive of `user`, and an exposure and a mined negative of `shown_to`, so that
  // every source can draw the item.
  void AddOfEachKind(Ordinal user, Ordinal shown_to, Ordinal item, Micros time, float weight = 1);

  // Writes the items, then the events in their order, publishing after every
  // `events_per_commit` of them.
  std::shared_ptr<const PoolView> Build(size_t events_per_commit = 1 << 20) const;

  PoolSettings settings;
  std::vector<ItemRecord> items;
  std::vector<EventRecord> events;
  uint32_t user_count = 0;
};

// Items that differ in weight, life, category ("all", "some") and cohort of their events:
// 60 of them, with 600 events of 6 users in 50 hours.
PlainPool RandomPlainPool(uint64_t seed);

struct PlainRow {
  Micros as_of = 0;
  Ordinal user = kNoOrdinal;
  Ordinal positive = kNoOrdinal;
  std::vector<Ordinal> exclusions = {};
  uint8_t cohort = 1;
  std::vector<float> query = {};  // As stored; all rows have one, or none.
};

// Rows in columns; row i has key `first_key` + i.
struct PlainColumns {
  explicit PlainColumns(const std::vector<PlainRow>& rows, uint64_t first_key = 1);

  // Valid while this lives.
  SampleBatch Batch(int count) const;

  std::vector<Micros> as_of;
  std::vector<uint64_t> keys;
  std::vector<Ordinal> users, positives, exclusions;
  std::vector<uint8_t> cohorts;
  std::vector<int64_t> splits = {0};
  std::vector<float> queries;
};

// Rows of such a pool, as of times in [0, last].
std::vector<PlainRow> RandomPlainRows(SplitMix& random, int count, Micros last);

// What SampleRows gave; shapes as SampleColumns.
struct DrawnRows {
  absl::Status status;
  std::vector<Ordinal> items;
  std::vector<float> log_q, log_q_source, expected_counts, importance_weights, positive_log_q,
      scores;
  std::vector<float> shares;
  std::vector<uint8_t> components, statuses, tags;
  std::vector<int64_t> drawn, rejects;
  std::vector<Micros> boundaries;

  RowStatus StatusOf(int row) const { return static_cast<RowStatus>(statuses[row]); }
  // Draws of rows [first, last) by item, padding left out.
  std::map<int64_t, int64_t> Count(int first, int last) const;
  // All columns of a row, byte by byte.
  std::string Bytes(int row) const;
};

// Draws `count` negatives for each row; the key of row i is first_key + i. Sums over
// histories are remembered from call to call, as in a server.
DrawnRows DrawRows(const PoolView& pool, const Policy& policy, const std::vector<PlainRow>& rows,
                   int count, uint64_t seed, uint64_t first_key = 1,
                   const Cancellation& cancellation = Cancellation(),
                   const VectorTable* vectors = nullptr);

// A source with parameters of its own.
struct NamedSource {
  std::string_view name;
  PolicyComponent component;

  bool is_of_user() const {
    return component.kind() == SourceKind::kExposure || component.kind() == SourceKind::kMined;
  }
  friend void PrintTo(const NamedSource& source, std::ostream* out) { *out << source.name; }
};

// Every catalogue and user source, by all the ways in which draws are made: with an
// index and without one, of a category, of a cohort.
const std::vector<NamedSource>& EverySource();

// What the component may draw for the row, by a walk over all items and events.
OracleLaw LawOf(const PlainPool& pool, const PolicyComponent& component, const PlainRow& row);

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_SAMPLING_PLAIN_POOL_H_
