// SPDX-License-Identifier: Apache-2.0
#include "server/pool/instant_list.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/random_catalogue.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

void ExpectCounts(const InstantList& list, const std::multiset<Micros>& model) {
  ASSERT_EQ(list.size(), model.size());
  for (Micros time = -1; time <= 41; ++time) {
    const auto before = std::distance(model.begin(), model.lower_bound(time));
    ASSERT_EQ(list.CountBefore(time), static_cast<uint32_t>(before)) << time;
  }
}

TEST(InstantListTest, IsEmptyAtFirst) {
  const InstantList list;
  EXPECT_EQ(list.size(), 0u);
  EXPECT_EQ(list.CountBefore(kNever), 0u);
  EXPECT_EQ(list.bytes(), 0);
}

// Many instants are equal, some come late, some are taken out with the change that adds them.
TEST(InstantListTest, AgreesWithAMultisetAndOldCopiesStay) {
  SplitMix random(TestSeed(40));
  for (int run = 0; run < 20; ++run) {
    InstantList list;
    std::multiset<Micros> model;
    std::vector<std::pair<InstantList, std::multiset<Micros>>> old;
    for (int step = 0; step < 60; ++step) {
      std::vector<Micros> added;
      std::vector<Micros> removed;
      const bool in_order = random.Chance(0.5);
      const Micros least = in_order && !model.empty() ? *model.rbegin() : 0;
      for (int64_t i = random.Below(5); i > 0; --i) added.push_back(random.Between(least, 40));
      model.insert(added.begin(), added.end());
      for (int64_t i = random.Chance(0.4) ? random.Below(4) : 0; i > 0 && !model.empty(); --i) {
        const auto place =
            std::next(model.begin(), random.Below(static_cast<int64_t>(model.size())));
        removed.push_back(*place);
        model.erase(place);
      }
      std::sort(added.begin(), added.end());
      std::sort(removed.begin(), removed.end());
      list.Change(added, removed);
      ExpectCounts(list, model);
      if (step % 10 == 0) old.emplace_back(list, model);
    }
    for (const auto& [copy, then] : old) ExpectCounts(copy, then);
  }
}

}  // namespace
}  // namespace negatron
