// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_SERVER_ENGINE_EVENTFUL_COLLECTION_H_
#define NEGATRON_TESTS_SERVER_ENGINE_EVENTFUL_COLLECTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/server/engine/engine_harness.h"
#include "tests/support/split_mix.h"

namespace negatron {

inline constexpr int64_t kTestHour = 3600LL * 1000000;

// A collection that has been through everything: births, deaths, re-listings, base
// weights, categories, cohorts, exposures, mined negatives, items that events created,
// late events, retractions, edits, an erased user, a watermark that moved, embeddings.
//
// Thread-safety: confined to one thread.
class EventfulCollection {
 public:
  static constexpr int kItems = 300;  // Written; events create some more.
  static constexpr int kUsers = 30;
  static constexpr int kDimension = 4;

  // Nothing is written yet. With `rings_overflow`, users hand back more negatives than
  // are kept, so that it matters which came last.
  EventfulCollection(EngineHarness* harness, uint64_t seed, bool rings_overflow);

  static CollectionRecord SettingsOf(std::string id, bool rings_overflow);

  // Creates collection `id` and lives through all of it.
  void Live(const std::string& id);

  // What is left of it in the end, in another collection, written at once: items as
  // `from` lists them, in their order; then the events, first those with the highest
  // times, if `newest_first`, else in order of time; the watermark moves before they come,
  // or after. In commits of `events_per_commit`.
  void Rewrite(const std::string& from, const std::string& id, bool newest_first,
               size_t events_per_commit);

 private:
  struct Event {
    int64_t user;
    int64_t item;
    Micros time;
    EventKind kind;
    float weight;
    float propensity;
    uint8_t cohort;
  };

  Event RandomEvent();
  void WriteItems(const std::string& id, int64_t first, int64_t last);
  void EditSomeItems(const std::string& id);
  void WriteEvents(const std::string& id, const std::vector<Event>& events);
  void RetractSome(const std::string& id);
  void WriteEmbeddings(const std::string& id);
  std::vector<Interval> RandomLives();

  EngineHarness& harness_;
  SplitMix random_;
  const bool rings_overflow_;
  int64_t written_items_ = 0;  // Ids below it.
  std::vector<Event> events_;  // That count.
};

// Rows to ask of it, as columns of a request, and policies that use every source.
struct EventfulRows {
  EventfulRows(uint64_t seed, int count);

  // A request for some of the rows, with all columns.
  SampleRequest RequestFor(const Policy& policy, const std::vector<int>& rows) const;
  // The same rows with one block for all.
  SharedRequest SharedRequestFor(const Policy& policy, const std::vector<int>& rows) const;

  struct Row {
    int64_t user, positive;
    std::vector<int64_t> exclusions;
    Micros as_of;
    uint8_t cohort;
    std::vector<float> query;
  };
  std::vector<Row> rows;
};

// Every source alone and with all its parameters, mixtures, `unique` and caps.
std::vector<Policy> EventfulPolicies();
// Those that a shared block may be drawn from.
std::vector<Policy> SharedPolicies();

}  // namespace negatron

#endif  // NEGATRON_TESTS_SERVER_ENGINE_EVENTFUL_COLLECTION_H_
