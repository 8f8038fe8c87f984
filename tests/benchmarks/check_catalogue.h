// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_BENCHMARKS_CHECK_CATALOGUE_H_
#define NEGATRON_TESTS_BENCHMARKS_CHECK_CATALOGUE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

#include "tests/benchmarks/generated_catalogue.h"

namespace negatron::bench {

inline constexpr int kCategories = 20;

// What users were shown, or got back, in order of arrival, which is not that of time.
struct UserColumns {
  std::vector<int64_t> user_ids;
  std::vector<int64_t> item_ids;
  std::vector<int64_t> time_micros;
};

// A generated catalogue with what else can go wrong in a draw.
struct CheckCatalogue {
  GeneratedCatalogue base;

  // One item in six or so is dead for some time within its life, from `from` to
  // before `until`; equal for the others. Events of the dead happen. [items].
  std::vector<int64_t> gap_from_micros;
  std::vector<int64_t> gap_until_micros;
  std::vector<uint8_t> categories;  // [items], below kCategories; one is far larger than others.

  // Ten of each for every user; half of the exposures are of items that the user
  // chose at another time.
  UserColumns exposures;
  UserColumns mined;

  int64_t item_count() const { return static_cast<int64_t>(base.item_ids.size()); }
  int64_t event_count() const { return static_cast<int64_t>(base.user_ids.size()); }
};

// The same for equal arguments; see GenerateCatalogue.
CheckCatalogue GenerateCheckCatalogue(int64_t item_count, int64_t event_count, absl::Time end);

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_CHECK_CATALOGUE_H_
