// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_BENCHMARKS_GENERATED_CATALOGUE_H_
#define NEGATRON_TESTS_BENCHMARKS_GENERATED_CATALOGUE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace negatron::bench {

// A catalogue with births, deaths, a Zipf law of popularity, and drift, in the columns that the
// server takes. Times are microseconds since the Unix epoch.
//
// Items are 0, 1, ..., items - 1: half of them always alive, 10% dead by the end, the others born
// within the span. Users are 0, 1, ..., each with kEventsPerUser events on distinct items. Half of
// the events follow one order of popularity, half an order that moves through the whole catalogue
// within the span. Every event's item is alive at its time.
struct GeneratedCatalogue {
  std::vector<int64_t> item_ids;  // [items].
  std::vector<int64_t> alive_from_micros;
  std::vector<int64_t> alive_until_micros;

  std::vector<int64_t> user_ids;  // [events], in order of time.
  std::vector<int64_t> event_item_ids;
  std::vector<int64_t> event_time_micros;
};

// The same for equal arguments. `end` is the end of the span. `item_count` must be at least
// 10 * kEventsPerUser, and `event_count` a positive multiple of kEventsPerUser.
GeneratedCatalogue GenerateCatalogue(int64_t item_count, int64_t event_count, absl::Time end);

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_GENERATED_CATALOGUE_H_
